import { DecodeError, UsageError } from '../errors/index.ts'
import { parseTlvs, serializeTlvs, type Tlv, tlv } from '../tlv/index.ts'
import { asAid, requireAid } from './aid.ts'

/** P2 of DELETE (GPC 2.3.1, 11.2.2.2; 01 is Yubico's). */
export const deleteOptions = {
  object: 0x00,
  /** Yubico: even if it is the last key. */
  'last-key': 0x01,
  'object-and-related': 0x80,
} as const

/** Data field of DELETE: 4F AID [9E token], or D0 KID and D2 KVN of keys, one or both (GPC 2.3.1, 11.2.2.3). */
export type DeleteRequest =
  | { readonly kind: 'content'; readonly aid: Uint8Array; readonly token?: Uint8Array }
  | { readonly kind: 'keys'; readonly keyId?: number; readonly keyVersion?: number }

const what = 'DELETE data'

export function parseDeleteRequest(bytes: Uint8Array): DeleteRequest {
  const list = parseTlvs(bytes, what)
  if (list[0]?.tag === 0x4f) {
    const [aid, token, ...others] = list
    if (others.length > 0 || (token && token.tag !== 0x9e)) {
      throw new DecodeError(`${what}: expected 4F and at most 9E after it`)
    }
    const content = { kind: 'content', aid: asAid(aid!.value, what) } as const
    return token ? { ...content, token: token.value } : content
  }
  const id = list[0]?.tag === 0xd0 ? list[0] : undefined
  const version = list[id ? 1 : 0]
  if (
    (version && version.tag !== 0xd2) ||
    list.length !== (id ? 1 : 0) + (version ? 1 : 0) ||
    list.length === 0
  ) {
    throw new DecodeError(`${what}: expected 4F, or D0 and D2`)
  }
  return {
    kind: 'keys',
    ...(id && { keyId: oneByte(id) }),
    ...(version && { keyVersion: oneByte(version) }),
  }
}

/** Neither identifier nor version of a key is a UsageError. */
export function serializeDeleteRequest(request: DeleteRequest): Uint8Array {
  if (request.kind === 'content') {
    const aid = tlv(0x4f, requireAid(request.aid))
    return serializeTlvs(request.token ? [aid, tlv(0x9e, request.token)] : [aid])
  }
  const { keyId, keyVersion } = request
  const list: Tlv[] = []
  if (keyId !== undefined) list.push(tlv(0xd0, Uint8Array.of(keyId)))
  if (keyVersion !== undefined) list.push(tlv(0xd2, Uint8Array.of(keyVersion)))
  if (list.length === 0) throw new UsageError('DELETE of keys needs an identifier or a version')
  return serializeTlvs(list)
}

function oneByte({ tag, value }: Tlv): number {
  if (value.length !== 1) throw new DecodeError(`${what}: expected one byte in ${tag.toString(16)}`)
  return value[0]!
}
