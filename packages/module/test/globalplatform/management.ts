import type { Response } from '@sealwright/core/apdu'
import { concat, decodeHex, u16 } from '@sealwright/core/bytes'
import type { AesKey } from '@sealwright/core/ports'
import { crypto } from './card.ts'
import type { KeySet, Session } from './session.ts'

/** Anything that commands can be sent through: a session, or the card itself. */
export interface Speaker {
  send(sent: {
    readonly cla: number
    readonly ins: number
    readonly p1?: number
    readonly p2?: number
    readonly data?: Uint8Array
    readonly le?: number
  }): Response
}

/** BER-TLV with as short a length as it has. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const value = concat(...parts)
  const head = tag > 0xff ? u16(tag) : Uint8Array.of(tag)
  const { length } = value
  const size =
    length < 0x80
      ? Uint8Array.of(length)
      : length < 0x100
        ? Uint8Array.of(0x81, length)
        : concat(Uint8Array.of(0x82), u16(length))
  return concat(head, size, value)
}

/** First three bytes of the key's encryption of a block of 01 (GlobalPlatform 2.3.1, B.6). */
export function checkValue(key: Uint8Array): Uint8Array {
  return crypto.aes(key).encryptBlock(new Uint8Array(16).fill(1)).subarray(0, 3)
}

/** A key field of PUT KEY: with an inner length as GlobalPlatformPro has it, or without as yubikit does. */
export function aesField(dek: AesKey, key: Uint8Array, inner = key.length === 24): Uint8Array {
  const padded = new Uint8Array(Math.ceil(key.length / 16) * 16)
  padded.set(key)
  const wrapped = dek.cbcEncrypt(new Uint8Array(16), padded)
  const block = inner ? concat(Uint8Array.of(key.length), wrapped) : wrapped
  return concat(Uint8Array.of(0x88, block.length), block, Uint8Array.of(3), checkValue(key))
}

const p256 = decodeHex('F0010000')

export function privateField(dek: AesKey, scalar: Uint8Array, inner = false): Uint8Array {
  const wrapped = dek.cbcEncrypt(new Uint8Array(16), scalar)
  const block = inner ? concat(Uint8Array.of(scalar.length), wrapped) : wrapped
  return concat(Uint8Array.of(0xb1, block.length), block, p256)
}

export function publicField(point: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0xb0, point.length), point, p256)
}

export function rsaField(modulus: Uint8Array): Uint8Array {
  return concat(tlv(0xa1, modulus), decodeHex('A00301000100'))
}

export function putKey(
  to: Speaker,
  {
    old = 0,
    id,
    several = false,
  }: { readonly old?: number; readonly id: number; readonly several?: boolean },
  version: number,
  ...fields: readonly Uint8Array[]
): Response {
  const data = concat(Uint8Array.of(version), ...fields)
  return to.send({ cla: 0x80, ins: 0xd8, p1: old, p2: several ? id | 0x80 : id, data, le: 0x100 })
}

/** The three keys of SCP03 in one command. */
export function putSet(
  session: Session,
  version: number,
  keys: KeySet,
  { old = 0, inner = false }: { readonly old?: number; readonly inner?: boolean } = {},
): Response {
  const fields = keys.map((key) => aesField(session.dek, key, inner || key.length === 24))
  return putKey(session, { old, id: 1, several: true }, version, ...fields)
}

export function generateKey(to: Speaker, id: number, version: number, old = 0): Response {
  const data = concat(Uint8Array.of(version), decodeHex('F00100'))
  return to.send({ cla: 0x80, ins: 0xf1, p1: old, p2: id, data, le: 0x100 })
}

export function deleteKeys(
  to: Speaker,
  { id, version, last = false }: { readonly id?: number; readonly version?: number; readonly last?: boolean },
): Response {
  const data = concat(
    id === undefined ? new Uint8Array(0) : tlv(0xd0, Uint8Array.of(id)),
    version === undefined ? new Uint8Array(0) : tlv(0xd2, Uint8Array.of(version)),
  )
  return to.send({ cla: 0x80, ins: 0xe4, p2: last ? 1 : 0, data, le: 0x100 })
}

export function deleteContent(to: Speaker, aid: Uint8Array, related = false, token?: Uint8Array): Response {
  const data = concat(tlv(0x4f, aid), token === undefined ? new Uint8Array(0) : tlv(0x9e, token))
  return to.send({ cla: 0x80, ins: 0xe4, p2: related ? 0x80 : 0, data, le: 0x100 })
}

/** STORE DATA of one block, structure BER-TLV. */
export function storeData(to: Speaker, ...objects: readonly Uint8Array[]): Response {
  return to.send({ cla: 0x80, ins: 0xe2, p1: 0x90, data: concat(...objects), le: 0x100 })
}

/** A6 { 83 KID KVN } and what goes before it. */
export function keyTemplate(id: number, version: number, ...before: readonly Uint8Array[]): Uint8Array {
  return tlv(0xa6, ...before, tlv(0x83, Uint8Array.of(id, version)))
}

export function storeCertificates(
  to: Speaker,
  id: number,
  version: number,
  certificates: Uint8Array,
): Response {
  return storeData(to, keyTemplate(id, version), tlv(0xbf21, certificates))
}

export function storeAllowList(
  to: Speaker,
  id: number,
  version: number,
  serialNumbers: readonly Uint8Array[],
): Response {
  const list = tlv(0x70, ...serialNumbers.map((one) => tlv(0x93, one)))
  return storeData(to, keyTemplate(id, version), list)
}

export function storeAuthority(to: Speaker, id: number, version: number, identifier: Uint8Array): Response {
  return storeData(to, keyTemplate(id, version, tlv(0x80, Uint8Array.of(0)), tlv(0x42, identifier)))
}

export function certificatesOf(to: Speaker, id: number, version: number): Response {
  return to.send({ cla: 0x00, ins: 0xca, p1: 0xbf, p2: 0x21, data: keyTemplate(id, version), le: 0x100 })
}

/** Key information, each as KID KVN type, in hex. */
export function keysOf(to: Speaker): string[] {
  const { data } = to.send({ cla: 0x00, ins: 0xca, p1: 0x00, p2: 0xe0, le: 0x100 })
  const found: string[] = []
  for (let at = 0; at < data.length; at += 2 + data[at + 1]!) {
    // One empty entry: a domain without keys.
    if (data[at + 1] === 0) continue
    const [id, version, type, extended] = data.subarray(at + 2)
    found.push(
      Buffer.from([id!, version!, type === 0xff ? extended! : type!])
        .toString('hex')
        .toUpperCase(),
    )
  }
  return found.sort()
}

/** Fields of INSTALL, each with its length in front. */
export function install(to: Speaker, p1: number, ...fields: readonly Uint8Array[]): Response {
  const data = concat(
    ...fields.map((one) =>
      concat(
        one.length < 0x80
          ? Uint8Array.of(one.length)
          : one.length < 0x100
            ? Uint8Array.of(0x81, one.length)
            : concat(Uint8Array.of(0x82), u16(one.length)),
        one,
      ),
    ),
  )
  return to.send({ cla: 0x80, ins: 0xe6, p1, data, le: 0x100 })
}

export const none = new Uint8Array(0)
export const domainFile = decodeHex('A0000001515350')
export const domainModule = decodeHex('A000000151535041')

/** INSTALL [for install and make selectable] of a security domain, as GlobalPlatformPro asks for it. */
export function installDomain(to: Speaker, aid: Uint8Array, privileges = decodeHex('800000')): Response {
  return install(to, 0x0c, domainFile, domainModule, aid, privileges, decodeHex('C90481020370'), none)
}

/** An application from a load file, with a data area of so many bytes. */
export function installApplication(
  to: Speaker,
  file: Uint8Array,
  aid: Uint8Array,
  { size = 16, p1 = 0x0c }: { readonly size?: number; readonly p1?: number } = {},
): Response {
  const parameters = concat(decodeHex('C900'), tlv(0xef, tlv(0xc8, u16(size))))
  return install(to, p1, file, concat(file, Uint8Array.of(0x41)), aid, new Uint8Array(3), parameters, none)
}

export function extradite(to: Speaker, application: Uint8Array, domain: Uint8Array): Response {
  return install(to, 0x10, domain, none, application, none, none, none)
}

/** LOAD in blocks of 200 bytes; the answer to the last, or to the first that was refused. */
export function loadBlocks(to: Speaker, file: Uint8Array, size = 200): Response {
  let answer: Response = { data: none, sw: 0x9000 }
  const count = Math.ceil(file.length / size)
  for (let number = 0; number < count && answer.sw === 0x9000; number++) {
    const data = file.subarray(number * size, (number + 1) * size)
    const p1 = number === count - 1 ? 0x80 : 0
    answer = to.send({ cla: 0x80, ins: 0xe8, p1, p2: number, data, le: 0x100 })
  }
  return answer
}

/** INSTALL [for load] and LOAD of a program. */
export function load(
  to: Speaker,
  file: Uint8Array,
  program: Uint8Array,
  { domain = none, hash = none }: { readonly domain?: Uint8Array; readonly hash?: Uint8Array } = {},
): Response {
  const answer = install(to, 0x02, file, domain, hash, none, none)
  return answer.sw === 0x9000 ? loadBlocks(to, tlv(0xc4, program)) : answer
}

export function setStatus(to: Speaker, p1: number, state: number, aid: Uint8Array = none): Response {
  return to.send({ cla: 0x80, ins: 0xf0, p1, p2: state, data: aid })
}

/** AIDs and states that GET STATUS lists, in hex: `AID state`. */
export function status(to: Speaker, p1: number): string[] {
  const { data } = to.send({ cla: 0x80, ins: 0xf2, p1, p2: 0x02, data: decodeHex('4F00'), le: 0x100 })
  const text = Buffer.from(data).toString('hex').toUpperCase()
  const rows: string[] = []
  for (let at = 0; at < data.length; ) {
    const [length, head] = data[at + 1]! < 0x80 ? [data[at + 1]!, 2] : [data[at + 2]!, 3]
    const row = text.slice(2 * (at + head), 2 * (at + head + length))
    const size = Number.parseInt(row.slice(2, 4), 16)
    rows.push(`${row.slice(4, 4 + 2 * size)} ${row.slice(4 + 2 * size + 6, 4 + 2 * size + 8)}`)
    at += head + length
  }
  return rows
}
