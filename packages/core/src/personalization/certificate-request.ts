import { equal } from '../bytes/index.ts'
import {
  parseDocument,
  prepareDocument,
  readDocument,
  type UnsignedDocument,
  verifyDocument,
} from '../cbor/index.ts'
import { withHandle } from '../crypto/index.ts'
import { AuthError, DecodeError, PeerError, UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'

/** Roles whose key asks for its certificate by a document of its own. */
export type RequestingRole = 'unit' | 'central-system' | 'operator' | 'supplier'

/** What a unit lays before the manufacturer, a central system before a unit, operator and supplier before an authority. */
export interface CertificateRequest {
  readonly role: RequestingRole
  /** Common name, 1 to 64 characters. */
  readonly name: string
  /** The key to be certified, 65 bytes; it signs the request. */
  readonly point: Uint8Array
  /** 16 bytes: the customer that a unit works for. The others state none. */
  readonly customer?: Uint8Array
}

/** The request without its signature, which the key at `point` makes. */
export function prepareCertificateRequest(request: CertificateRequest, crypto: Crypto): UnsignedDocument {
  const { role, name, point, customer } = request
  if (!isName(name)) throw new UsageError('expected a name of 1 to 64 characters')
  if (point.length !== 65) throw new UsageError(`public key: expected 65 bytes, got ${point.length}`)
  if ((role === 'unit') !== (customer !== undefined)) {
    throw new UsageError('a customer id belongs to the request of a unit, and to no other')
  }
  return prepareDocument('certificate-request', { role, name, point, customer }, point, crypto)
}

/**
 * Reads a request of this role and checks that the key it names has signed it: AuthError when it has not. That the key is the
 * sender's no signature of its own can show; compare the fingerprint.
 */
export function openCertificateRequest(
  bytes: Uint8Array,
  role: RequestingRole,
  crypto: Crypto,
): CertificateRequest {
  const document = parseDocument(bytes)
  if (document.type !== 'certificate-request') {
    throw new DecodeError(`expected a certificate-request, got a ${document.type}`)
  }
  const r = readDocument(document)
  const request: CertificateRequest = {
    role,
    name: r.text('name'),
    point: r.bytes('point', 65),
    ...(role === 'unit' ? { customer: r.bytes('customer', 16) } : {}),
  }
  if (r.text('role') !== role) throw r.fail(`expected a request of the role ${role}`)
  r.end()
  if (!isName(request.name)) throw r.fail('name expected 1 to 64 characters')
  const signed = withHandle(crypto.ecPublicKey(request.point), (key) =>
    verifyDocument(document, 'certificate-request', key, crypto),
  )
  if (!signed) throw new AuthError()
  return request
}

/** What people compare of a public key: SHA-256 of its uncompressed point, 32 bytes. */
export function fingerprint(point: Uint8Array, crypto: Crypto): Uint8Array {
  return crypto.sha256(point)
}

/** Refuses a key (PeerError `fingerprint-differs`) whose fingerprint is not the one told; nothing happens when none was told. */
export function requireFingerprint(point: Uint8Array, told: Uint8Array | undefined, crypto: Crypto): void {
  if (told === undefined || equal(fingerprint(point, crypto), told)) return
  throw new PeerError('the key is another than the one whose fingerprint was told', {
    code: 'fingerprint-differs',
  })
}

function isName(name: string): boolean {
  return name.length >= 1 && name.length <= 64
}
