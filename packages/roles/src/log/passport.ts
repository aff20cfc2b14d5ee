import { encodeHex } from '@sealwright/core/bytes'
import { parseDocument } from '@sealwright/core/cbor'
import { InternalError, UsageError } from '@sealwright/core/errors'
import {
  buildPassport,
  type LogEntry,
  type Passport,
  type PassportParty,
  parseCheckpoint,
  type SignedHead,
} from '@sealwright/core/log'
import type { PartyPorts } from '../ports/index.ts'
import { makeCheckpoint } from './checkpoint.ts'
import { findEnrolment } from './enrolment.ts'
import { LogBook } from './log-book.ts'

export interface PassportRequest {
  /** Serial number, 8 bytes. */
  readonly serial: Uint8Array
  /** The module's own head with the certificates of its key, if it was asked. */
  readonly head?: { readonly head: SignedHead; readonly chain: readonly Uint8Array[] }
}

/** One module's record out of the log, with proofs under a checkpoint of now. A module without entries is a UsageError. */
export async function makePassport(ports: PartyPorts, { serial, head }: PassportRequest): Promise<Passport> {
  const checkpoint = await makeCheckpoint(ports)
  const book = await LogBook.open(ports)
  const record = book.module(serial)
  if (record === undefined) {
    throw new UsageError(`the log has no entry of the module ${encodeHex(serial)}`, { code: 'log-unproven' })
  }
  const entries: { document: Uint8Array; signer: PassportParty; index: number }[] = []
  let start: Passport['start']
  for (const index of record.places) {
    const leaf = await book.leaf(index)
    if (leaf.kind !== 'entry') throw new InternalError(`leaf ${index} is no entry`)
    start ??= startOf(leaf.entry)
    entries.push({ document: leaf.document, signer: await signerOf(ports, leaf.document), index })
  }
  if (parseCheckpoint(checkpoint).size !== book.size) throw new InternalError('the checkpoint is not of now')
  return buildPassport(
    {
      serial,
      entries,
      checkpoint,
      chain: head?.chain ?? [],
      ...(start === undefined ? {} : { start }),
      ...(head === undefined ? {} : { head: head.head }),
    },
    book.tree,
  )
}

/** What was masked, as the first entry tells it. */
function startOf({ number, details }: LogEntry): Passport['start'] {
  const romDigest = details.get('rom')
  const imageDigest = details.get('image')
  const told = romDigest instanceof Uint8Array && imageDigest instanceof Uint8Array
  return number === 1 && told ? { romDigest, imageDigest } : undefined
}

async function signerOf(ports: PartyPorts, document: Uint8Array): Promise<PassportParty> {
  const enrolment = await findEnrolment(ports, parseDocument(document).keyId)
  if (enrolment === undefined) throw new InternalError('an entry in the log whose party is not enrolled')
  const { point, chain } = enrolment
  return chain.length === 0 ? { point } : { chain }
}
