import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { StateError } from '@sealwright/core/errors'
import { isMissing, onFile } from '../files/index.ts'

/** Who holds a lock. */
export interface Holder {
  readonly pid: number
  /** What the process was started as, e.g. `sealwright issuer unlock`. */
  readonly command: string
  /** When it took the lock: ISO 8601. */
  readonly since: string
  readonly host: string
  /** When the process began, in the system's own count; empty where it cannot be told. A new process may have an old pid. */
  readonly began: string
}

export interface Lock extends Disposable {
  readonly path: string
  release(): void
}

/**
 * Takes the lock at `path`, a file that names its holder. Held by a living process: StateError `held` that names it.
 * A holder that has died without release is taken over.
 * @param what is locked, for the error: `the party issuer`
 */
export function acquireLock(path: string, what: string, command: string): Lock {
  const own = JSON.stringify({
    format: 1,
    pid: process.pid,
    command,
    since: new Date().toISOString(),
    host: hostname(),
    began: processBegan(process.pid),
  })
  onFile(path, () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    if (claim(path, own)) return
    const holder = readHolder(path)
    if (holder !== undefined && isAlive(holder)) throw held(what, holder)
    takeOver(path, own, what)
  })
  let released = false
  const release = (): void => {
    if (released) return
    released = true
    rmSync(path, { force: true })
  }
  return { path, release, [Symbol.dispose]: release }
}

/** Who holds the lock, or undefined when nobody does. */
export function readHolder(path: string): Holder | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  try {
    const { pid, command, since, host, began } = JSON.parse(text)
    if (Number.isInteger(pid) && pid > 0) {
      return { pid, command: String(command), since: String(since), host: String(host), began: String(began) }
    }
  } catch {
    // Whoever wrote this is not of us; it holds nothing.
  }
  return { pid: 0, command: 'unknown', since: 'unknown', host: hostname(), began: '' }
}

/** The file appears with its whole content, or not at all. */
function claim(path: string, own: string): boolean {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  writeFileSync(temporary, own, { mode: 0o600, flag: 'wx' })
  try {
    linkSync(temporary, path)
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** Under a second lock, so that of two who find a dead holder only one takes its place. */
function takeOver(path: string, own: string, what: string): void {
  const guard = `${path}.takeover`
  if (!claim(guard, own)) {
    const other = readHolder(guard)
    if (other !== undefined && isAlive(other)) throw held(what, other)
    rmSync(guard, { force: true })
    if (!claim(guard, own)) throw held(what, readHolder(guard) ?? other!)
  }
  try {
    const holder = readHolder(path)
    if (holder !== undefined) {
      if (isAlive(holder)) throw held(what, holder)
      rmSync(path, { force: true })
    }
    if (!claim(path, own)) throw held(what, readHolder(path)!)
  } finally {
    rmSync(guard, { force: true })
  }
}

function isAlive({ pid, host, began }: Holder): boolean {
  if (pid === 0) return false
  // The process of another computer cannot be seen from here.
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EPERM') return false
  }
  const now = processBegan(pid)
  return began === '' || now === '' || began === now
}

/** Field 22 of /proc/PID/stat on Linux. */
function processBegan(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function held(what: string, { pid, command, since, host }: Holder): StateError {
  const where = host === hostname() ? '' : ` on ${host}`
  return new StateError(`${what} is held by process ${pid}${where} (${command}) since ${since}`, {
    code: 'held',
    details: { what, pid, command, since, host },
  })
}
