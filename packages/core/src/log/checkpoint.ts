import { decodeBase64, encodeBase64 } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { type Note, type NoteSigner, parseNote, serializeNote, signNote } from './note.ts'

/** The state of a log at one moment (C2SP tlog-checkpoint). */
export interface Checkpoint {
  /** The log's name, which is also the name of its key. */
  readonly origin: string
  readonly size: number
  /** 32 bytes. */
  readonly root: Uint8Array
}

/** A checkpoint together with the note that carries its signatures. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: Note
}

export function serializeCheckpointBody({ origin, size, root }: Checkpoint): string {
  if (!Number.isSafeInteger(size) || size < 0 || root.length !== 32) {
    throw new UsageError('expected a size and a root of 32 bytes')
  }
  if (origin === '' || origin.includes('\n')) throw new UsageError('expected an origin of one line')
  return `${origin}\n${size}\n${encodeBase64(root)}\n`
}

/** Signs a checkpoint with the log's key, whose name is the origin. @returns the text of the signed note */
export function signCheckpoint(
  checkpoint: Pick<Checkpoint, 'size' | 'root'>,
  signer: NoteSigner,
  crypto: Crypto,
): string {
  const body = serializeCheckpointBody({ ...checkpoint, origin: signer.name })
  return serializeNote(signNote({ body, signatures: [] }, signer, crypto))
}

/** Parses a signed checkpoint of exactly three lines. Signatures are checked by `verifyNote` and `cosignedAt`. */
export function parseCheckpoint(text: string): SignedCheckpoint {
  const note = parseNote(text)
  const [origin, size, root, ...rest] = note.body.split('\n')
  if (!origin || !size || !root || rest.length !== 1) {
    throw new DecodeError('checkpoint: expected the lines origin, size and root')
  }
  if (!/^(0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) {
    throw new DecodeError('checkpoint: expected a size in decimal')
  }
  const hash = decodeBase64(root)
  if (hash.length !== 32) throw new DecodeError('checkpoint: expected a root of 32 bytes')
  return { origin, size: Number(size), root: hash, note }
}
