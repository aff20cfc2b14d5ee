import { UsageError } from '@sealwright/core/errors'

/** A party's own files. Names are paths below its folder, e.g. `outbox/00000001.entry`; see `requireStoreName`. */
export interface Store {
  /** The content, or undefined when there is no such file. */
  read(name: string): Promise<Uint8Array | undefined>
  /** Replaces the file as a whole: after a crash it has the old content or the new one. */
  write(name: string, bytes: Uint8Array): Promise<void>
  /** Names that begin with the prefix (all, when it is empty), sorted by code unit. */
  list(prefix?: string): Promise<string[]>
  /** Nothing happens when there is no such file. */
  remove(name: string): Promise<void>
}

/**
 * Refuses (UsageError) what is no name in a store or vault: segments of a-z, 0-9, dot, underscore and hyphen that begin with a
 * letter or digit, at most 100 characters each, joined by `/`. Capital letters are out because some file systems ignore case.
 */
export function requireStoreName(name: string): void {
  if (!/^[a-z0-9][a-z0-9._-]{0,99}(\/[a-z0-9][a-z0-9._-]{0,99})*$/.test(name)) {
    const last = name.slice(name.lastIndexOf('/') + 1)
    throw new UsageError(
      `${JSON.stringify(last)} cannot be the name of something that is kept: small letters, digits, dot, underscore and hyphen, a letter or digit first`,
      { details: { name } },
    )
  }
}
