import { concat, equal, requireVersion } from '../bytes/index.ts'
import { contentType, type DocumentName, documentOfContentType, documentTypes } from '../catalog/documents.ts'
import { withHandle } from '../crypto/index.ts'
import { isLowS, toLowS } from '../der/index.ts'
import { AuthError, DecodeError, UsageError } from '../errors/index.ts'
import type { Crypto, EcPrivateKey, EcPublicKey } from '../ports/index.ts'
import { type CborInput, type CborMap, type CborValue, decodeCanonical, encodeCanonical } from './cbor.ts'
import { MapReader } from './map-reader.ts'

/** A signed document: COSE_Sign1 (RFC 9052 section 4.2, tag 18), ES256, payload a map with its version `v`. */
export interface SignedDocument {
  readonly type: DocumentName
  /** First 16 bytes of SHA-256 of the signer's uncompressed point. */
  readonly keyId: Uint8Array
  readonly payload: CborMap
  /** The payload's bytes as signed. */
  readonly payloadBytes: Uint8Array
  /** The encoded protected header. */
  readonly protectedBytes: Uint8Array
  /** Raw r‖s, 64 bytes, low s. */
  readonly signature: Uint8Array
  readonly encoded: Uint8Array
}

/** A document without its signature, for signers that answer later. */
export interface UnsignedDocument {
  /** What ECDSA with SHA-256 signs: the encoded Sig_structure. */
  readonly toBeSigned: Uint8Array
  /** The document; the signature is raw r‖s, 64 bytes. */
  finish(signature: Uint8Array): Uint8Array
}

/** Payload fields, without `v`, which is added. */
export type DocumentFields = { readonly [key: string]: CborInput | undefined }

export function prepareDocument(
  type: DocumentName,
  fields: DocumentFields,
  publicPoint: Uint8Array,
  crypto: Crypto,
): UnsignedDocument {
  if (Object.hasOwn(fields, 'v')) throw new UsageError('the version field v is added by the catalog')
  const payload = encodeCanonical({ ...fields, v: documentTypes[type].version })
  const header = serializeHeader(type, documentKeyId(publicPoint, crypto))
  return {
    toBeSigned: sigStructure(header, payload),
    finish: (signature) => concat(tag18, encodeCanonical([header, new Map(), payload, toLowS(signature)])),
  }
}

/** Signs with a key that answers at once. */
export function signDocument(
  type: DocumentName,
  fields: DocumentFields,
  key: EcPrivateKey,
  crypto: Crypto,
): Uint8Array {
  const document = prepareDocument(type, fields, key.publicPoint, crypto)
  return document.finish(key.sign(document.toBeSigned))
}

/** Parses tagged COSE_Sign1 bytes. The signature is not checked; `verifyDocument` does. */
export function parseDocument(bytes: Uint8Array): SignedDocument {
  if (bytes[0] !== tag18[0]) throw new DecodeError('document: expected COSE_Sign1 with tag 18')
  const parts = decodeCanonical(bytes.subarray(1))
  if (!Array.isArray(parts) || parts.length !== 4) throw new DecodeError('document: expected four parts')
  const [protectedBytes, unprotected, payloadBytes, signature] = parts as CborValue[]
  if (
    !(protectedBytes instanceof Uint8Array) ||
    !(unprotected instanceof Map) ||
    !(payloadBytes instanceof Uint8Array) ||
    !(signature instanceof Uint8Array)
  ) {
    throw new DecodeError('document: expected protected header, map, payload and signature')
  }
  if (unprotected.size > 0) throw new DecodeError('document: the unprotected header must be empty')
  if (!isLowS(signature)) throw new DecodeError('document: expected a signature of 64 bytes with low s')
  const header = MapReader.of(protectedBytes, 'document header')
  if (header.value(1) !== es256) throw header.fail('expected ES256')
  const type = documentOfContentType(header.text(3))
  if (!type) throw header.fail('the content type is not known')
  const keyId = header.bytes(4, keyIdLength)
  header.end()
  const payload = decodeCanonical(payloadBytes)
  const known = documentTypes[type].version
  requireVersion(type, new MapReader(payload, type).uint('v'), { oldest: known, newest: known })
  return {
    type,
    keyId,
    payload: payload as CborMap,
    payloadBytes,
    protectedBytes,
    signature,
    encoded: bytes.slice(),
  }
}

/** Whether the document is of this type and signed by this key. */
export function verifyDocument(
  document: SignedDocument,
  type: DocumentName,
  key: EcPublicKey,
  crypto: Crypto,
): boolean {
  if (document.type !== type || !equal(document.keyId, documentKeyId(key.point, crypto))) return false
  return key.verify(document.signature, sigStructure(document.protectedBytes, document.payloadBytes))
}

/** The same with the signer's point, 65 bytes; a point off the curve has signed nothing. */
export function isSignedBy(
  document: SignedDocument,
  type: DocumentName,
  point: Uint8Array,
  crypto: Crypto,
): boolean {
  try {
    return withHandle(crypto.ecPublicKey(point), (key) => verifyDocument(document, type, key, crypto))
  } catch (error) {
    if (error instanceof AuthError) return false
    throw error
  }
}

/** The payload's fields for reading, with `v` read already. */
export function readDocument(document: SignedDocument): MapReader {
  const reader = new MapReader(document.payload, document.type)
  reader.uint('v')
  return reader
}

/** The key id in a document's header: first 16 bytes of SHA-256 of the uncompressed point. */
export function documentKeyId(publicPoint: Uint8Array, crypto: Crypto): Uint8Array {
  return crypto.sha256(publicPoint).slice(0, keyIdLength)
}

function serializeHeader(type: DocumentName, keyId: Uint8Array): Uint8Array {
  return encodeCanonical(
    new Map<number, CborInput>([
      [1, es256],
      [3, contentType(type)],
      [4, keyId],
    ]),
  )
}

/** RFC 9052 section 4.4, without external data. */
function sigStructure(protectedBytes: Uint8Array, payload: Uint8Array): Uint8Array {
  return encodeCanonical(['Signature1', protectedBytes, new Uint8Array(), payload])
}

const tag18 = Uint8Array.of(0xd2)
const es256 = -7
const keyIdLength = 16
