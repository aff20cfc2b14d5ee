import type { InterfaceName } from '../catalog/index.ts'
import {
  type DocumentFields,
  parseDocument,
  prepareDocument,
  readDocument,
  type UnsignedDocument,
  verifyDocument,
} from '../cbor/index.ts'
import { withHandle } from '../crypto/index.ts'
import { AuthError, DecodeError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { type AgreementNumber, agreementFields, readAgreement } from './agreement.ts'
import { readApplicationId, readPlaces, readPoint, readPositive } from './fields.ts'
import { readInterfaces } from './rights.ts'

/** A supplier's request for a resource: payload of a `request` document, signed with the key that it names (C3). */
export interface ResourceRequest {
  /** Name of the service, 1 to 64 characters, for people. */
  readonly name: string
  /** The supplier's public key, 65 bytes. */
  readonly key: Uint8Array
  /** Its certificate by an authority, DER; without one the operator must have learned the key by another way (C14). */
  readonly certificate?: Uint8Array
  /** AID of the application, 5 to 16 bytes. */
  readonly aid: Uint8Array
  /** Bytes of memory. */
  readonly size: number
  /** In the order of the catalog. */
  readonly interfaces: readonly InterfaceName[]
  /** Key places that `mac` and `cipher` should reach, ascending. */
  readonly places: readonly number[]
  /** Key-agreement parameters. */
  readonly agreement: AgreementNumber
}

/** The request without its signature, which the key at `key` makes. */
export function prepareRequest(request: ResourceRequest, crypto: Crypto): UnsignedDocument {
  const fields: DocumentFields = { ...request, agreement: agreementFields(request.agreement) }
  return prepareDocument('request', fields, request.key, crypto)
}

/** Reads a request and checks that the key it names has signed it: AuthError when it has not. Weak parameters are a DecodeError. */
export function openRequest(bytes: Uint8Array, crypto: Crypto): ResourceRequest {
  const document = parseDocument(bytes)
  if (document.type !== 'request') throw new DecodeError(`expected a request, got a ${document.type}`)
  const r = readDocument(document)
  const certificate = r.optional('certificate', () => r.bytes('certificate'))
  const request = {
    name: r.text('name'),
    key: readPoint(r, 'key'),
    ...(certificate === undefined ? {} : { certificate }),
    aid: readApplicationId(r),
    size: readPositive(r, 'size'),
    interfaces: readInterfaces(r),
    places: readPlaces(r),
    agreement: readAgreement(r),
  }
  r.end()
  if (request.name.length < 1 || request.name.length > 64) throw r.fail('name expected 1 to 64 characters')
  const signed = withHandle(crypto.ecPublicKey(request.key), (key) =>
    verifyDocument(document, 'request', key, crypto),
  )
  if (!signed) throw new AuthError()
  return request
}
