import {
  type CborInput,
  encodeCanonical,
  type MapReader,
  parseDocument,
  prepareDocument,
  MapReader as Reader,
  readDocument,
  type SignedDocument,
  type UnsignedDocument,
} from '../cbor/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { type Matter, matterFields, readMatter } from './matter.ts'

/** What a card, module or host asks two people about, before anybody has signed. */
export interface ApprovalRequest {
  readonly matter: Matter
  /** Key id (`documentKeyId`, 16 bytes) of the key that will act: the unit's signing key, a module's identity key. */
  readonly actor: Uint8Array
  /** The actor's own random number, 16 bytes: it takes approvals for it once. */
  readonly nonce: Uint8Array
  /** The last moment at which the approval counts, seconds since 1970 (4 bytes). */
  readonly until: number
}

/** One person's consent: payload of an `approval` document. The signer is the person. */
export interface Approval extends ApprovalRequest {
  /** Key id of the person who asks for the action. The requester's own document names the requester's own key. */
  readonly requester: Uint8Array
}

/** The file that a person reads before signing: a map `approval request`, not signed. */
export function serializeApprovalRequest(request: ApprovalRequest): Uint8Array {
  return encodeCanonical({ v: 1, format: 'sealwright approval request', ...requestFields(request) })
}

export function parseApprovalRequest(bytes: Uint8Array): ApprovalRequest {
  const r = Reader.of(bytes, 'approval request')
  r.begin('approval request')
  const request = readRequest(r)
  r.end()
  return request
}

/** The approval without its signature, which the key of the person at `personPoint` (65 bytes) makes. */
export function prepareApproval(
  approval: Approval,
  personPoint: Uint8Array,
  crypto: Crypto,
): UnsignedDocument {
  const { requester } = approval
  const fields = { ...requestFields(approval), requester: sized(requester, 'requester') }
  return prepareDocument('approval', fields, personPoint, crypto)
}

/** Parses an `approval` document. The signature is not checked; `checkApprovals` does. */
export function parseApproval(bytes: Uint8Array): {
  readonly approval: Approval
  readonly signed: SignedDocument
} {
  const signed = parseDocument(bytes)
  if (signed.type !== 'approval') throw new DecodeError(`expected an approval, got a ${signed.type}`)
  const r = readDocument(signed)
  const approval = { ...readRequest(r), requester: r.bytes('requester', 16) }
  r.end()
  return { approval, signed }
}

function requestFields({ matter, actor, nonce, until }: ApprovalRequest): Record<string, CborInput> {
  if (!Number.isInteger(until) || until < 0 || until > 0xffff_ffff) {
    throw new UsageError(`until: expected seconds since 1970 in 4 bytes, got ${until}`)
  }
  return {
    ...matterFields(matter),
    actor: sized(actor, 'actor'),
    nonce: sized(nonce, 'nonce'),
    until,
  }
}

function readRequest(r: MapReader): ApprovalRequest {
  return {
    matter: readMatter(r),
    actor: r.bytes('actor', 16),
    nonce: r.bytes('nonce', 16),
    until: r.uint('until'),
  }
}

function sized(bytes: Uint8Array, field: string): Uint8Array {
  if (bytes.length !== 16) throw new UsageError(`${field}: expected 16 bytes, got ${bytes.length}`)
  return bytes
}
