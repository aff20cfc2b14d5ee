import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parties } from '@sealwright/roles/ports'
import { scenes } from '../src/demo/index.ts'
import { commandLine, commandLineJson, type Ran } from './run.ts'

const launcher = fileURLToPath(new URL('../bin/sealwright.js', import.meta.url))
const preload = new URL('kill-at.mjs', import.meta.url).href

/** A stage's command line, the workspace as it is before, and what an undisturbed run leaves. */
interface Moment {
  readonly words: readonly string[]
  readonly before: string
  readonly expected: Left
  /** How many steps on the file system the undisturbed run took. */
  readonly steps: number
}

/** The story up to stages that are to be cut. */
export class Cuts {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sealwright-cuts-'))
  readonly #moments = new Map<string, Moment>()
  #copies = 0

  /** Runs the story and keeps the workspace as it is before the first stage of each of these names. */
  async prepare(names: readonly string[]): Promise<void> {
    const work = join(this.#folder, 'work')
    await commandLine(this.#folder, ['init', 'work'])
    for (const stage of scenes.flatMap((scene) => scene.stages)) {
      if (this.#moments.size === names.length) return
      for (const [i, words] of stage.commandLines.entries()) {
        const wanted = i === 0 && names.includes(stage.name) && !this.#moments.has(stage.name)
        const before = join(this.#folder, `before-${stage.name}`)
        if (wanted) cpSync(work, before, { recursive: true })
        const { status, stderr } = await commandLine(work, words)
        assert.equal(status, 0, `${words.join(' ')}\n${stderr}`)
        if (!wanted) continue
        const expected = await left(work, words)
        this.#moments.set(stage.name, { words, before, expected, steps: this.#countSteps(before, words) })
      }
    }
  }

  /** How many moments a stage has at which it can be cut. */
  steps(name: string): number {
    return this.#moments.get(name)!.steps
  }

  /** Kills the stage's command right before its n-th step on the file system, runs it again, and compares what is left. */
  async cut(name: string, step: number): Promise<void> {
    const { words, before, expected } = this.#moments.get(name)!
    const what = `${name}, killed before step ${step}`
    const work = this.#copy(before)
    const { signal } = runUntil(work, words, step)
    assert.equal(signal, 'SIGKILL', what)
    const again = await commandLine(work, words)
    assert.equal(again.status, 0, `${what}\n${again.stderr}`)
    const found = await left(work, words)
    if (repeatable.includes(name)) {
      // Done twice, it is recorded twice; the rest is the same.
      const more = found.events.filter((event) => !expected.events.includes(event))
      assert.ok(more.length <= 2, what)
      assert.deepEqual(
        { ...found, events: found.events.filter((one) => !more.includes(one)) },
        expected,
        what,
      )
    } else {
      assert.deepEqual(found, expected, what)
    }
    rmSync(work, { recursive: true })
  }

  close(): void {
    rmSync(this.#folder, { recursive: true })
  }

  #countSteps(before: string, words: readonly string[]): number {
    const work = this.#copy(before)
    const counter = join(work, 'steps')
    const { status, stderr } = launch(work, words, { SEALWRIGHT_TEST_STEPS: counter })
    assert.equal(status, 0, stderr)
    const steps = Number(readFileSync(counter, 'utf8'))
    rmSync(work, { recursive: true })
    return steps
  }

  #copy(folder: string): string {
    this.#copies += 1
    const copy = join(this.#folder, `copy-${this.#copies}`)
    cpSync(folder, copy, { recursive: true })
    return copy
  }
}

/** Runs a command line as a process that is killed right before its n-th step on the file system, if it comes to that. */
export function runUntil(cwd: string, words: readonly string[], step: number) {
  return launch(cwd, words, { SEALWRIGHT_TEST_KILL_AT: String(step) })
}

function launch(cwd: string, words: readonly string[], env: Record<string, string>) {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', preload, launcher, ...words],
    { cwd, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '', ...env } },
  )
  return { status, signal, stdout, stderr } satisfies Ran & { signal: NodeJS.Signals | null }
}

/** What a run leaves that does not hang on keys and times: the module's memory by names, files handed over, events and their entries. */
interface Left {
  readonly memory: readonly string[]
  readonly files: readonly string[]
  readonly events: readonly string[]
}

async function left(work: string, words: readonly string[]): Promise<Left> {
  const chip = words[words.indexOf('--module') + 1]!
  const map = await commandLineJson(work, ['module', 'map', '--module', chip])
  const segments = (map.json['segments'] as { owner: string; name: string }[])
    .filter(({ owner }) => owner !== 'free')
    .map(({ owner, name }) => `${owner}: ${name}`)
  const outboxes = Object.keys(parties).flatMap((party) => {
    const outbox = join(work, party, 'store', 'outbox')
    return existsSync(outbox) ? readdirSync(outbox).map((file) => `${party}/${file}`) : []
  })
  const isEvent = (segment: string): boolean => segment.startsWith('module: event ')
  return {
    memory: segments.filter((segment) => !isEvent(segment)).sort(),
    events: [...segments.filter(isEvent), ...outboxes].sort(),
    files: ['exchange', 'certs', 'chips'].flatMap((shared) =>
      existsSync(join(work, shared)) ? readdirSync(join(work, shared)).sort() : [],
    ),
  }
}

/** Stages that may be done twice: the same keys are installed again; a message that was lost is made again, and counted. */
const repeatable = ['install-t', 'export-key']
