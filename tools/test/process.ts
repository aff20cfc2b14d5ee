/**
 * A process that runs one test file after the other in itself, as its parent names them. A file has ended when nothing is left
 * for the process to do, as if it had a process of its own; what it leaves changed in the process is a failure.
 */
import { writeSync } from 'node:fs'
import { run } from 'node:test'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import type { NextFile, Report } from './messages.ts'

const patienceMs = 2000

/** Written to stderr where a file ends: it comes by another way than the reports. */
export const endOfFile = '\u0000end of file\n'

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  process.on('message', ({ path }: NextFile) => runFile(path))
  process.on('disconnect', () => process.exit())
}

function runFile(path: string): void {
  // While the parent is listened to, the process would never be out of work.
  process.channel!.unref()
  const started = performance.now()
  const before = processState()
  const problems: string[] = []
  const remarks: string[] = []
  let failed = false
  let success = true
  let giveUp: NodeJS.Timeout | undefined
  const stream = run({ files: [path], isolation: 'none', concurrency: 1 })
  // Out of work with a test unfinished: it waits for what never comes, and Node waits with it.
  const stuck = (): void => {
    giveUp ??= setTimeout(() => {
      process.stderr.write('nothing is left to do, and a test has not ended\n', () => process.exit(1))
    }, patienceMs)
  }
  process.once('beforeExit', stuck)
  stream.on('test:diagnostic', ({ message }) => remarks.push(message))
  stream.on('test:summary', (summary) => {
    success &&= (summary as { success?: boolean }).success !== false
  })
  const ended = (ok: boolean, { name, nesting, details, skip, todo }: Ended): void => {
    const error = 'error' in details ? details.error : undefined
    const ownError = (error as { failureType?: string } | undefined)?.failureType !== 'subtestsFailed'
    // The stand-in of a file without tests, or of one that could not be read.
    if (name === path) {
      if (!ok) problems.push(errorText(error))
    } else if (details.type === 'suite') {
      if (!ok && ownError) problems.push(`${name}\n${errorText(error)}`)
    } else {
      const skipped = skip !== undefined || todo !== undefined
      send({
        type: 'test',
        title: name,
        ok: ok && !skipped,
        skipped,
        ms: details.duration_ms,
        top: nesting === 0,
        ...(ok ? {} : { error: errorText(error) }),
      })
    }
    failed ||= !ok
  }
  stream.on('test:pass', (data) => ended(true, data))
  stream.on('test:fail', (data) => ended(false, data))
  stream.resume().on('end', () => {
    clearTimeout(giveUp)
    process.removeListener('beforeExit', stuck)
    if (!failed && (!success || process.exitCode !== undefined)) problems.push(remarks.join('\n'))
    process.exitCode = undefined
    const after = processState()
    const changed = [...before.keys()].filter((part) => before.get(part) !== after.get(part))
    if (changed.length > 0) problems.push(`it leaves ${changed.join(' and ')} changed for the next file`)
    writeSync(2, endOfFile)
    process.channel!.ref()
    send({ type: 'file', ms: performance.now() - started, problems })
  })
}

interface Ended {
  readonly name: string
  readonly nesting: number
  readonly details: {
    readonly type?: string | undefined
    readonly duration_ms: number
    readonly error?: unknown
  }
  readonly skip?: unknown
  readonly todo?: unknown
}

/** Whatever one file could change under the next. What a library adds to the globals is no harm. */
function processState(): Map<string, unknown> {
  const state = new Map<string, unknown>([
    ['the working folder', process.cwd()],
    ['the environment', JSON.stringify(Object.entries(process.env).sort())],
  ])
  for (const event of ['exit', 'uncaughtException', 'unhandledRejection', 'warning', 'SIGINT', 'SIGTERM'])
    state.set(`the listeners of ${event}`, process.listenerCount(event))
  for (const [name, object] of Object.entries({ globalThis, Math, Date, performance, console })) {
    for (const [key, { value, get }] of Object.entries(Object.getOwnPropertyDescriptors(object)))
      if (typeof value === 'function' || get !== undefined) state.set(`${name}.${key}`, value ?? get)
  }
  state.set('process.stderr.write', process.stderr.write)
  state.set('process.stdout.write', process.stdout.write)
  return state
}

function errorText(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (cause instanceof Error) return cause.stack ?? cause.message
  return typeof cause === 'string' ? cause : inspect(cause)
}

function send(report: Report): void {
  process.send!(report)
}
