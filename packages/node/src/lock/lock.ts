import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { requireFormatVersion } from '@sealwright/core/bytes'
import { DecodeError, type ErrorCode, StateError } from '@sealwright/core/errors'

/** Who holds a file: the content of the lock file beside it, JSON. */
export interface Holder {
  readonly format: 1
  readonly pid: number
  /** When the process began, as the kernel counts; tells a new process with an old number. Null where it is not known. */
  readonly started: string | null
  readonly command: string
  readonly host: string
  readonly since: string
}

/** An exclusive lock by a file beside the locked one. A lock whose process is gone is taken over. */
export class FileLock implements Disposable {
  /** Whether its last holder was killed: what it was writing may lie about. */
  readonly inherited: boolean
  readonly #path: string
  readonly #holder: string

  private constructor(path: string, holder: string, inherited: boolean) {
    this.#path = path
    this.#holder = holder
    this.inherited = inherited
  }

  /**
   * Takes the lock or throws a StateError that names the holder.
   * @param command what the holder is doing, for those who come second
   * @param code of the error
   */
  static take(path: string, command: string = programName, code: ErrorCode = 'held'): FileLock {
    removeDraftsOfTheDead(dirname(path))
    const { draft, holder, kept } = draftOf(path, command)
    try {
      // A link appears with its content: nobody reads half a lock.
      for (let tries = 0; tries < 3; tries++) {
        if (link(draft, path)) return new FileLock(path, holder, tries > 0)
        clear(path, `${path}.${process.pid}-${Math.random().toString(36).slice(2)}-stale`, code)
      }
      throw new StateError(`${path}: others take this lock all the time`, { code })
    } finally {
      if (!kept) rmSync(draft, { force: true })
    }
  }

  /**
   * From now on this process makes the content of locks in a folder once, not for each lock: for who takes thousands there. A file system such as ext4
   * looks for a place for each new file among all that were removed lately.
   */
  static keepDraft(folder: string): void {
    keptDrafts.set(folder, undefined)
    process.once('exit', () => {
      const kept = keptDrafts.get(folder)
      if (kept !== undefined) rmSync(kept.draft, { force: true })
    })
  }

  /** Throws as `take` does when a living process holds the lock, and changes nothing. */
  static refuseHeld(path: string, code: ErrorCode = 'held'): void {
    const seen = read(path)
    if (seen === undefined) return
    const holder = parseHolder(seen, path, code)
    if (alive(holder)) throw held(path, holder, code)
  }

  release(): void {
    if (read(this.#path) === this.#holder) rmSync(this.#path, { force: true })
  }

  [Symbol.dispose](): void {
    this.release()
  }
}

interface Draft {
  readonly draft: string
  readonly holder: string
  readonly kept: boolean
}

/** By folder, for those whose draft is kept; undefined before the first lock there. */
const keptDrafts = new Map<string, Draft | undefined>()

function draftOf(path: string, command: string): Draft {
  const folder = dirname(path)
  const known = keptDrafts.get(folder)
  if (known !== undefined) return known
  const holder = JSON.stringify(self(command))
  const draft = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`
  writeFileSync(draft, holder, { flag: 'wx', mode: 0o600 })
  const made = { draft, holder, kept: keptDrafts.has(folder) }
  if (made.kept) keptDrafts.set(folder, made)
  return made
}

/**
 * A process that is killed while it takes a lock leaves its draft. A folder is looked through once by a process: one with the chips of a
 * lot is large, and every one of them has a lock.
 */
function removeDraftsOfTheDead(folder: string): void {
  if (lookedThrough.has(folder)) return
  lookedThrough.add(folder)
  for (const name of readdirSync(folder)) {
    const [, pid] = draftName.exec(name) ?? []
    if (pid === undefined || exists(Number(pid))) continue
    const draft = join(folder, name)
    // Where the draft tells of another machine, its process cannot be seen from here.
    const [, host] = /"host":"([^"]*)"/.exec(read(draft) ?? '') ?? []
    if (host === undefined || host === hostname()) rmSync(draft, { force: true })
  }
}

const lookedThrough = new Set<string>()
const draftName = /(?:^|\.)lock\.([0-9]+)-[0-9a-z]+(?:-stale)?$/

/** Moves a dead holder's lock out of the way; throws when the holder lives. */
function clear(path: string, aside: string, code: ErrorCode): void {
  const seen = read(path)
  if (seen === undefined) return
  const holder = parseHolder(seen, path, code)
  if (alive(holder)) throw held(path, holder, code)
  try {
    renameSync(path, aside)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return
    throw error
  }
  // Between reading and renaming another may have taken the dead one's place: then it gets its lock back.
  const moved = read(aside)
  if (moved !== undefined && moved !== seen) link(aside, path)
  rmSync(aside, { force: true })
}

function held(path: string, holder: Holder, code: ErrorCode): StateError {
  const { pid, command, host, since } = holder
  return new StateError(`${path}: held by ${command}, process ${pid} on ${host}, since ${since}`, {
    code,
    details: { pid, command, host, since },
  })
}

function alive({ pid, started, host }: Holder): boolean {
  // Nothing can be known of a process on another machine.
  if (host !== hostname()) return true
  if (!exists(pid)) return false
  const now = startOf(pid)
  return started === null || now === null || started === now
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (isCode(error, 'ESRCH')) return false
  }
  return true
}

function self(command: string): Holder {
  const { pid } = process
  ownStart ??= startOf(pid)
  return { format: 1, pid, started: ownStart, command, host: hostname(), since: new Date().toISOString() }
}

/** It does not change, and many chips ask for it. */
let ownStart: string | null | undefined

/** Field 22 of the process's stat on Linux, which comes after the name in brackets. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

function parseHolder(text: string, path: string, code: ErrorCode): Holder {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  const { format } = (value ?? {}) as { format?: unknown }
  // What a later version writes may tell its holder in another way.
  if (Number.isInteger(format)) requireFormatVersion('lock file', format as number)
  if (!isHolder(value)) {
    throw new DecodeError(`${path}: not a lock file of this version`, { code })
  }
  return value
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null) return false
  const { format, pid, started, command, host, since } = value as Record<string, unknown>
  const texts = [command, host, since].every((text) => typeof text === 'string')
  return format === 1 && Number.isInteger(pid) && (started === null || typeof started === 'string') && texts
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Whether the link was made; false when the name exists. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

const programName = basename(process.argv[1] ?? 'node')
