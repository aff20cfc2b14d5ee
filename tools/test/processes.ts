import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { FileEnded, Report, TestEnded } from './messages.ts'
import { endOfFile } from './process.ts'

/** A test file that was run. */
export interface FileRun {
  /** As it was named. */
  readonly path: string
  readonly tests: readonly TestEnded[]
  readonly ms: number
  /** What went wrong beside the tests. */
  readonly problems: readonly string[]
  /** What it wrote to stderr. */
  readonly stderr: string
}

/**
 * Runs test files in a few processes, each of which takes the next file when it has ended one; a file that brings its process
 * down costs only itself.
 * @param alone whether a file wants a process of its own
 * @param count how many processes
 */
export async function runInProcesses(
  files: readonly string[],
  { cwd, count, alone }: { cwd: string; count: number; alone: (path: string) => boolean },
  ended: (run: FileRun) => void,
): Promise<void> {
  const queue = [...files]
  await Promise.all(
    Array.from({ length: count }, async () => {
      let process: TestProcess | undefined
      for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
        if (alone(path)) {
          process?.end()
          process = undefined
        }
        process ??= new TestProcess(cwd)
        ended(await process.run(path))
        if (alone(path) || !process.alive) {
          process.end()
          process = undefined
        }
      }
      process?.end()
    }),
  )
}

class TestProcess {
  alive = true
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #stderr = ''
  #onReport: (report: Report) => void = () => {}
  #onStderr: () => void = () => {}

  constructor(cwd: string) {
    this.#child = fork(join(import.meta.dirname, 'process.ts'), {
      cwd,
      // Not what this process was started with: it may be one of the tests itself.
      execArgv: [],
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_TEST_WORKER_ID: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#closed = once(this.#child, 'close').finally(() => (this.alive = false))
    this.#child.on('message', (report) => this.#onReport(report as Report))
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
      this.#onStderr()
    })
  }

  async run(path: string): Promise<FileRun> {
    const tests: TestEnded[] = []
    const started = performance.now()
    const reported = new Promise<FileEnded>((resolve) => {
      this.#onReport = (report) => {
        if (report.type === 'test') tests.push(report)
        else resolve(report)
      }
    })
    const told = new Promise<void>((resolve) => {
      this.#onStderr = () => {
        if (this.#stderr.endsWith(endOfFile)) resolve()
      }
    })
    this.#stderr = ''
    this.#child.send({ path })
    const end = await Promise.race([
      Promise.all([reported, told]).then(([report]) => report),
      this.#closed.then(() => undefined),
    ])
    const stderr = this.#stderr.replace(endOfFile, '')
    if (end !== undefined) return { path, tests, ms: end.ms, problems: end.problems, stderr }
    const { exitCode, signalCode } = this.#child
    const how = signalCode === null ? `ended with status ${exitCode}` : `was ended by ${signalCode}`
    const problems = [`the process of the tests ${how} while it ran this file`, ...lines(stderr)]
    return { path, tests, ms: performance.now() - started, problems: [problems.join('\n')], stderr }
  }

  /** Nothing is left to do for a process that nobody listens to. */
  end(): void {
    if (this.alive && this.#child.connected) this.#child.disconnect()
  }
}

function lines(text: string): string[] {
  return text.trimEnd() === '' ? [] : text.trimEnd().split('\n')
}
