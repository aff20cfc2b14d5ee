import {
  isSignedBy,
  parseDocument,
  prepareDocument,
  readDocument,
  type SignedDocument,
  type UnsignedDocument,
} from '../cbor/index.ts'
import { AuthError, DecodeError, UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { isPersonId } from './person.ts'

/** A person asks to be enrolled: payload of an `enrolment-request` document, signed with the key that it names. */
export interface EnrolmentRequest {
  /** Name tag, see `isPersonId`. */
  readonly id: string
  /** Public key of the person's device, 65 bytes. */
  readonly point: Uint8Array
}

/** The request without its signature, which the key at `point` makes. */
export function prepareEnrolmentRequest({ id, point }: EnrolmentRequest, crypto: Crypto): UnsignedDocument {
  if (!isPersonId(id)) {
    throw new UsageError(`expected a name tag of 1 to 32 of a-z, 0-9, dot, hyphen and underscore`)
  }
  return prepareDocument('enrolment-request', { id, point }, point, crypto)
}

/** Parses an `enrolment-request` document. The signature is not checked; `openEnrolmentRequest` does. */
export function parseEnrolmentRequest(bytes: Uint8Array): {
  readonly request: EnrolmentRequest
  readonly signed: SignedDocument
} {
  const signed = parseDocument(bytes)
  if (signed.type !== 'enrolment-request') {
    throw new DecodeError(`expected an enrolment-request, got a ${signed.type}`)
  }
  const r = readDocument(signed)
  const request = { id: r.text('id'), point: r.bytes('point', 65) }
  r.end()
  if (!isPersonId(request.id)) {
    throw r.fail('id expected 1 to 32 of a-z, 0-9, dot, hyphen and underscore')
  }
  return { request, signed }
}

/**
 * Reads a request and checks that the key it names has signed it: AuthError when it has not. Who the person is no signature shows; compare
 * the fingerprint with what the person says.
 */
export function openEnrolmentRequest(bytes: Uint8Array, crypto: Crypto): EnrolmentRequest {
  const { request, signed } = parseEnrolmentRequest(bytes)
  if (!isSignedBy(signed, 'enrolment-request', request.point, crypto)) throw new AuthError()
  return request
}
