/**
 * `npm run fuzz`: changes inputs of the parsers and sequences of commands to modules, guided by V8's block coverage, and looks that the laws
 * hold. `--minutes N` or `--seconds N` (60), `--seed TEXT` (chance unless given; printed), `--target parser|dispatcher`, `--workers N` (2),
 * `--corpus DIR`: inputs of earlier runs, kept there again; `--replay FILE`: one finding again; `--json`: one object a line.
 * What breaks a law is made small and becomes a file in vectors/regress (`--out DIR`: there); the exit status is 1 then.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { root } from './files.ts'
import { figuresOf, type SourceCoverage } from './fuzz/coverage.ts'
import { type Finding, readFinding, regressFolder, writeFinding } from './fuzz/finding.ts'
import { LastInput, type Message, type Order, type Progress } from './fuzz/protocol.ts'
import { replay } from './fuzz/replay.ts'
import { type TargetName, targetNames } from './fuzz/targets.ts'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string' },
    minutes: { type: 'string' },
    seed: { type: 'string' },
    target: { type: 'string' },
    workers: { type: 'string', default: '2' },
    corpus: { type: 'string' },
    out: { type: 'string', default: regressFolder },
    replay: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

if (options.replay === undefined) await fuzz()
else await again(options.replay)

async function again(path: string): Promise<void> {
  const defect = await replay(readFinding(path))
  if (options.json) console.log(JSON.stringify({ summary: true, ok: defect === undefined, defect }))
  else console.log(defect === undefined ? `${path}: the laws hold` : tellDefect(defect))
  if (defect !== undefined) process.exitCode = 1
}

async function fuzz(): Promise<void> {
  const seconds = number('minutes', 0) * 60 || number('seconds', 60)
  const workers = number('workers', 2)
  const seed = options.seed ?? randomBytes(6).toString('hex')
  const targets = targetNames.filter((name) => options.target === undefined || name === options.target)
  if (targets.length === 0)
    throw new Error(`--target: expected ${targetNames.join(' or ')}, got ${options.target}`)
  const begun = Date.now()
  if (options.json) console.log(JSON.stringify({ seed, seconds, targets, workers }))
  else console.log(`seed ${seed}, ${seconds} s, ${targets.join(' and ')}, ${workers} workers`)

  const corpus = readCorpus()
  const state = new Map<number, Progress>()
  const findings = new Map<string, Finding>()
  const found = (finding: Finding): void => {
    const path = writeFinding(finding, options.out)
    if (findings.has(path)) return
    findings.set(path, finding)
    const file = relative(root, path)
    if (options.json) console.log(JSON.stringify({ finding: file, ...finding }))
    else console.log(`FOUND ${tellDefect(finding.defect)}\n      npm run fuzz -- --replay ${file}`)
  }
  const progress = setInterval(() => {
    if (!options.json) console.log(line(state, findings.size, begun))
  }, 5_000)
  await Promise.all(
    Array.from({ length: workers }, (_, index) =>
      work(
        { seed, share: { index, of: workers }, targets, end: begun + seconds * 1000, corpus },
        found,
        (now) => state.set(index, now),
      ),
    ),
  )
  clearInterval(progress)
  finish(state, findings, begun, seed)
}

/** Runs one worker to its end; one that died or hangs leaves its last input as a finding. */
function work(
  order: Omit<Order, 'last'>,
  found: (finding: Finding) => void,
  told: (progress: Progress) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const memory = LastInput.memory()
    const last = new LastInput(memory)
    const worker = new Worker(new URL('./fuzz/worker.ts', import.meta.url), {
      workerData: { ...order, last: memory } satisfies Order,
      resourceLimits: { maxOldGenerationSizeMb: 2_048 },
    })
    let ended = false
    const died = (kind: string, why: string): void => {
      if (ended) return
      ended = true
      clearInterval(watch)
      void worker.terminate()
      const text = last.read()
      if (text === '') {
        reject(new Error(`a worker ended before its first input: ${why}`))
        return
      }
      const { target, input } = JSON.parse(text) as { target: string; input: unknown }
      found({ version: 1, target, defect: { kind, subject: target, detail: '', text: why }, input })
      resolve()
    }
    // What the worker itself cannot break off, it cannot report either.
    let count = 0
    let still = 0
    const watch = setInterval(() => {
      still = last.count > 0 && last.count === count ? still + 1 : 0
      count = last.count
      if (still >= 120) died('hang', 'no end within two minutes')
    }, 1_000)
    worker.on('message', (message: Message) => {
      if (message.kind === 'progress') told(message)
      else if (message.kind === 'found') found(message.finding)
      else {
        keepCorpus(message.corpus)
        ended = true
        clearInterval(watch)
        resolve()
      }
    })
    worker.on('error', (error) => died('worker died', error.stack ?? error.message))
    worker.on('exit', () => died('worker died', 'it ended before its time'))
  })
}

function finish(
  state: ReadonlyMap<number, Progress>,
  findings: ReadonlyMap<string, Finding>,
  begun: number,
  seed: string,
): void {
  const ok = findings.size === 0 && targetNames.some((name) => total(state, 'runs', name) > 0)
  const seconds = (Date.now() - begun) / 1000
  const folders = byFolder([...state.values()].map(({ sources }) => sources))
  if (options.json) {
    const figures = Object.fromEntries(
      targetNames.map((name) => [
        name,
        { runs: total(state, 'runs', name), kept: total(state, 'kept', name) },
      ]),
    )
    const coverage = Object.fromEntries(folders)
    console.log(
      JSON.stringify({ summary: true, ok, seed, seconds, ...figures, coverage, findings: findings.size }),
    )
  } else {
    console.log(`${line(state, findings.size, begun)}\n`)
    for (const [folder, { covered, blocks }] of folders) {
      console.log(
        `${folder.padEnd(32)} ${String(covered).padStart(5)} of ${String(blocks).padStart(5)} blocks`,
      )
    }
    console.log(
      `\nseed ${seed}: ${findings.size === 0 ? 'every law held' : `${findings.size} laws were broken`}`,
    )
  }
  if (!ok) process.exitCode = 1
}

function line(state: ReadonlyMap<number, Progress>, findings: number, begun: number): string {
  const seconds = (Date.now() - begun) / 1000
  const parts = targetNames
    .filter((name) => total(state, 'runs', name) > 0)
    .map((name) => {
      const runs = total(state, 'runs', name)
      return `${name} ${runs} runs (${Math.round(runs / seconds)} a second), ${total(state, 'kept', name)} kept`
    })
  let blocks = 0
  for (const { covered } of byFolder([...state.values()].map(({ sources }) => sources)).values())
    blocks += covered
  return `${seconds.toFixed(0).padStart(4)} s  ${[...parts, `${blocks} blocks`, `${findings} findings`].join('; ')}`
}

function total(state: ReadonlyMap<number, Progress>, what: 'runs' | 'kept', name: TargetName): number {
  return [...state.values()].reduce((sum, progress) => sum + progress[what][name], 0)
}

/** `core/tlv` → blocks, of all that the workers executed. */
function byFolder(
  sources: readonly ReadonlyMap<string, SourceCoverage>[],
): Map<string, { covered: number; blocks: number }> {
  const folders = new Map<string, { covered: number; blocks: number }>()
  for (const [url, { covered, blocks }] of figuresOf(sources)) {
    const [, pack = '', folder = ''] = /packages\/([^/]+)\/src\/(?:(.*)\/)?[^/]*$/.exec(url) ?? []
    const name = folder === '' ? pack : `${pack}/${folder}`
    const known = folders.get(name) ?? { covered: 0, blocks: 0 }
    folders.set(name, { covered: known.covered + covered, blocks: known.blocks + blocks })
  }
  return new Map([...folders].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function readCorpus(): Record<TargetName, unknown[]> {
  const corpus: Record<TargetName, unknown[]> = { parser: [], dispatcher: [] }
  for (const name of targetNames) {
    const folder = options.corpus === undefined ? undefined : join(options.corpus, name)
    if (folder === undefined || !existsSync(folder)) continue
    for (const file of readdirSync(folder).sort()) {
      if (file.endsWith('.json')) corpus[name].push(JSON.parse(readFileSync(join(folder, file), 'utf8')))
    }
  }
  return corpus
}

function keepCorpus(corpus: Readonly<Record<TargetName, readonly unknown[]>>): void {
  if (options.corpus === undefined) return
  for (const name of targetNames) {
    const folder = join(options.corpus, name)
    mkdirSync(folder, { recursive: true })
    for (const input of corpus[name]) {
      const text = `${JSON.stringify(input)}\n`
      writeFileSync(
        join(folder, `${createHash('sha256').update(text).digest('hex').slice(0, 24)}.json`),
        text,
      )
    }
  }
}

function tellDefect({ kind, subject, detail, text }: Finding['defect']): string {
  return `${subject}: ${[kind, detail].filter((part) => part !== '').join(', ')}\n${text.replaceAll(/^/gm, '        ')}`
}

function number(name: 'seconds' | 'minutes' | 'workers', otherwise: number): number {
  const text = options[name]
  if (text === undefined) return otherwise
  const value = Number(text)
  if (!(value > 0)) throw new Error(`--${name}: expected a number above 0, got ${text}`)
  return value
}
