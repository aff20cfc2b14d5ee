import type * as nodeFiles from 'node:fs'
import { dirname } from 'node:path'
import { StateError } from '@sealwright/core/errors'

/** The calls that touch the disk, as of node:fs; a test puts a full disk in their place. */
export type Files = Pick<
  typeof nodeFiles,
  | 'closeSync'
  | 'existsSync'
  | 'fdatasyncSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'linkSync'
  | 'openSync'
  | 'readFileSync'
  | 'renameSync'
  | 'rmSync'
  | 'writeSync'
>

export function writeAll(files: Files, file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += files.writeSync(file, bytes, done, bytes.length - done, position + done)
  }
}

/** Writes a whole new file, durable when it returns; what stood under the name is gone. */
export function writeDraft(
  files: Files,
  path: string,
  length: number,
  parts: Iterable<{ readonly at: number; readonly bytes: Uint8Array }>,
): void {
  files.rmSync(path, { force: true })
  const file = files.openSync(path, 'wx', 0o600)
  try {
    files.ftruncateSync(file, length)
    for (const { at, bytes } of parts) writeAll(files, file, bytes, at)
    files.fsyncSync(file)
  } finally {
    files.closeSync(file)
  }
}

/** Makes names in the folder of a path durable. */
export function syncFolderOf(files: Files, path: string): void {
  // Windows opens no folders; there a name is durable by itself.
  if (process.platform === 'win32') return
  const folder = files.openSync(dirname(path), 'r')
  try {
    files.fsyncSync(folder)
  } finally {
    files.closeSync(folder)
  }
}

/** What a failed write to a chip or key file means to the person at the command line. Other errors pass unchanged. */
export function writeError(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !('code' in cause) || !/^E[A-Z0-9]+$/.test(String(cause.code)))
    return cause
  return new StateError(`${path} cannot be written: ${reasons[String(cause.code)] ?? cause.code}`, {
    code: 'memory-unwritable',
    cause,
  })
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  EFBIG: 'the file may not grow',
  EIO: 'the drive reports an error',
}
