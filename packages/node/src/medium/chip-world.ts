import * as nodeFiles from 'node:fs'
import { SealwrightError } from '@sealwright/core/errors'
import type { Crypto, Entropy } from '@sealwright/core/ports'
import { nodeCrypto, nodeEntropy } from '../crypto/index.ts'
import { FileLock } from '../lock/index.ts'
import type { ChipKeys } from './chip-key.ts'
import { type Files, writeError } from './files.ts'

/** What chip files are opened and made with. */
export interface ChipOptions {
  /** Named in the lock for those who are refused; the program's name when absent. */
  readonly command?: string
  readonly keys?: ChipKeys
  readonly crypto?: Crypto
  readonly entropy?: Entropy
  readonly files?: Files
  /** Hears what is done beyond what was asked: a file of an older format made new. */
  readonly say?: (text: string) => void
}

export type ChipWorld = Required<ChipOptions>

export function chipWorld(options: ChipOptions): ChipWorld {
  return {
    command: options.command ?? 'sealwright',
    keys: options.keys ?? {},
    crypto: options.crypto ?? nodeCrypto,
    entropy: options.entropy ?? nodeEntropy,
    files: options.files ?? nodeFiles,
    say: options.say ?? (() => {}),
  }
}

export function takeLock(path: string, command: string | undefined): FileLock {
  try {
    return FileLock.take(path, command, 'memory-held')
  } catch (error) {
    throw error instanceof SealwrightError ? error : writeError(path, error)
  }
}
