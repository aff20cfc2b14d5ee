import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type ErrorCode, SealwrightError, StateError, UsageError } from '@sealwright/core/errors'

/**
 * Replaces a file as a whole: after a crash it has the old content or the new one. Missing folders are made, for the owner only.
 * @param mode of the file; 0600 unless given
 */
export function writeAtomically(path: string, bytes: Uint8Array, mode = 0o600): void {
  writeUnnamed(path, bytes, mode)
  onFile(path, () => syncFolder(dirname(path)))
}

/**
 * The same, but after a loss of power the file may have its old content, or not be there, until `syncFolder`: for many files of one folder, and
 * for what can be made again.
 */
export function writeUnnamed(path: string, bytes: Uint8Array, mode = 0o600): void {
  onFile(path, () => {
    const folder = dirname(path)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}${draftEnding}`)
    try {
      writeDurably(temporary, bytes, mode)
      renameSync(temporary, path)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
  })
}

/** Removes, in all folders below, what `writeAtomically` of a killed process left. Only for who holds the folder alone. */
export function removeDrafts(folder: string): void {
  onFile(folder, () => {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (draftName.test(basename(name))) rmSync(join(folder, name), { force: true })
    }
  })
}

/** The content, or undefined when there is no such file. The caller owns the buffer. */
export function readIfThere(path: string): Uint8Array | undefined {
  try {
    return plainBytes(readFileSync(path))
  } catch (error) {
    if (isMissing(error)) return undefined
    throw fileError(error, path)
  }
}

export function readWhole(path: string): Uint8Array {
  return onFile(path, () => plainBytes(readFileSync(path)))
}

/** What a failed file operation means to the person at the command line. Other errors pass unchanged. */
export function fileError(error: unknown, path: string): unknown {
  if (error instanceof SealwrightError) return error
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return error
  const options = (name: ErrorCode) => ({ code: name, details: { file: path }, cause: error })
  if (code === 'ENOENT') return new UsageError(`there is no file ${path}`, options('file-missing'))
  if (code === 'EISDIR')
    return new UsageError(`${path} is a folder, expected a file`, options('file-missing'))
  // A file stands where a folder is needed: that is no file which could be replaced.
  const isFolder = (error as { syscall?: unknown }).syscall === 'mkdir'
  if (code === 'EEXIST' && !isFolder)
    return new UsageError(`${path} is there already`, options('file-exists'))
  return new StateError(`${path} cannot be read or written (${code})`, options('file-inaccessible'))
}

export function onFile<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw fileError(error, path)
  }
}

export function isMissing(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function writeDurably(path: string, bytes: Uint8Array, mode: number): void {
  const file = openSync(path, 'wx', mode)
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Makes the names in a folder durable. */
export function syncFolder(folder: string): void {
  // Windows opens no folders; there a rename is durable by itself.
  if (process.platform === 'win32') return
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

const draftEnding = '.tmp'
const draftName = /^\..+\.[0-9a-f]{12}\.tmp$/

/** Without Buffer's methods and its shared pool. */
function plainBytes(buffer: Buffer): Uint8Array {
  const bytes = new Uint8Array(buffer)
  buffer.fill(0)
  return bytes
}
