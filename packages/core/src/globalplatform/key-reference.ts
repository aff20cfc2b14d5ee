import { DecodeError } from '../errors/index.ts'
import { parseTlvs, serializeTlv, serializeTlvs, type Tlv, tlv } from '../tlv/index.ts'

/** A key by identifier and version, as object 83 names it (Amendment F, 7.1). */
export interface KeyReference {
  readonly keyId: number
  readonly keyVersion: number
}

/** 83 02 KID KVN. */
export function parseKeyReference({ tag, value }: Tlv): KeyReference {
  if (tag !== 0x83 || value.length !== 2)
    throw new DecodeError('key reference: expected identifier and version in 83')
  return { keyId: value[0]!, keyVersion: value[1]! }
}

export function keyReferenceObject({ keyId, keyVersion }: KeyReference): Tlv {
  return tlv(0x83, Uint8Array.of(keyId, keyVersion))
}

/** A6 { 83 } and nothing else. */
export function parseKeyReferenceTemplate({ tag, value }: Tlv): KeyReference {
  const [reference, ...others] = tag === 0xa6 ? parseTlvs(value, 'key reference') : []
  if (!reference || others.length > 0) throw new DecodeError('key reference: expected A6 with 83')
  return parseKeyReference(reference)
}

/** Data field of GET DATA for certificates, tag BF21: A6 { 83 key } (Amendment F, 7.2). */
export function parseCertificateRequest(bytes: Uint8Array): KeyReference {
  const [template, ...others] = parseTlvs(bytes, 'GET DATA of certificates')
  if (!template || others.length > 0) throw new DecodeError('GET DATA of certificates: expected A6')
  return parseKeyReferenceTemplate(template)
}

export function serializeCertificateRequest(key: KeyReference): Uint8Array {
  return serializeTlv(tlv(0xa6, serializeTlv(keyReferenceObject(key))))
}

/** One CA that a security domain knows: 42 identifier ‖ 83 key. */
export interface CaIdentifier {
  readonly identifier: Uint8Array
  readonly key: KeyReference
}

/** The value of FF33 (CAs of off-card entities) and FF34 (CAs of cards): a list of 42 and 83. */
export function parseCaIdentifiers(value: Uint8Array): CaIdentifier[] {
  const what = 'CA identifiers'
  const list = parseTlvs(value, what)
  if (list.length % 2 !== 0) throw new DecodeError(`${what}: expected pairs of 42 and 83`)
  return Array.from({ length: list.length / 2 }, (_, i) => {
    const [identifier, reference] = [list[2 * i]!, list[2 * i + 1]!]
    if (identifier.tag !== 0x42) throw new DecodeError(`${what}: expected pairs of 42 and 83`)
    return { identifier: identifier.value, key: parseKeyReference(reference) }
  })
}

export function serializeCaIdentifiers(list: readonly CaIdentifier[]): Uint8Array {
  return serializeTlvs(
    list.flatMap(({ identifier, key }) => [tlv(0x42, identifier), keyReferenceObject(key)]),
  )
}

/** Data field of GET DATA 0083, which asks for the key of a CA: A6 { 42 identifier }. It answers 83 KID KVN. */
export function parseCaKeyRequest(bytes: Uint8Array): Uint8Array {
  const what = 'GET DATA of a CA key'
  const [template, ...others] = parseTlvs(bytes, what)
  const [identifier, ...more] = template?.tag === 0xa6 ? parseTlvs(template.value, what) : []
  if (identifier?.tag !== 0x42 || others.length + more.length > 0)
    throw new DecodeError(`${what}: expected A6 with 42`)
  return identifier.value
}

export function serializeCaKeyRequest(identifier: Uint8Array): Uint8Array {
  return serializeTlv(tlv(0xa6, serializeTlv(tlv(0x42, identifier))))
}
