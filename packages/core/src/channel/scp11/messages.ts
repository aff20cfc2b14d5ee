import { concat } from '../../bytes/index.ts'
import { DecodeError, UsageError } from '../../errors/index.ts'
import { parseTlvs, serializeTlv, serializeTlvs, type Tlv, tlv } from '../../tlv/index.ts'
import type { SecurityLevel } from '../secure-messaging/index.ts'

export type Scp11Variant = 'a' | 'b' | 'c'

/** Key usage (tag 95) and the security level of the whole session that follows from it. */
export const keyUsage = {
  /** C-MAC, C-ENC, R-MAC, R-ENC. */
  full: 0x3c,
  /** C-MAC, R-MAC. */
  integrity: 0x34,
} as const

/**
 * Data field of MUTUAL AUTHENTICATE (a, c) and INTERNAL AUTHENTICATE (b), Amendment F 7.5, 7.6:
 * A6 { 90 02 11 pp, 95 01 usage, 80 01 88, 81 01 key length [, 84 HostID] } ‖ 5F49 ephemeral point.
 */
export interface KeyAgreementRequest {
  /** `pp`: variant in the low two bits, bit 04: identities enter the derivation. Other bits are kept and mean nothing here. */
  readonly parameters: number
  readonly usage: (typeof keyUsage)[keyof typeof keyUsage]
  /** Bytes of an AES session key. */
  readonly keyLength: 16 | 24 | 32
  /** 1..255 bytes; present exactly with bit 04. */
  readonly hostId?: Uint8Array
  /** 65 bytes, 04 ‖ X ‖ Y on P-256. Not checked to be on the curve. */
  readonly ephemeralPoint: Uint8Array
}

/** 5F49 point ‖ 86 receipt: ephemeral point of the module (a, b) or its static one (c), and 16 bytes. */
export interface KeyAgreementAnswer {
  readonly point: Uint8Array
  readonly receipt: Uint8Array
}

export const identitiesBit = 0x04

export function variantOf(parameters: number): Scp11Variant | undefined {
  return ({ 0: 'b', 1: 'a', 3: 'c' } as const)[parameters & 0x03]
}

export function variantBits(variant: Scp11Variant): number {
  return { b: 0, a: 1, c: 3 }[variant]
}

export function levelOf(usage: KeyAgreementRequest['usage']): SecurityLevel {
  return usage === keyUsage.full ? 0x33 : 0x11
}

export function parseKeyAgreementRequest(bytes: Uint8Array): KeyAgreementRequest {
  const what = 'SCP11 key agreement'
  const [template, point, ...others] = parseTlvs(bytes, what)
  if (template?.tag !== 0xa6 || point?.tag !== 0x5f49 || others.length > 0) {
    throw new DecodeError(`${what}: expected A6 and 5F49`)
  }
  const fields = parseTlvs(template.value, `${what} template`)
  const identifier = field(fields, 0, 0x90, 2)
  const usage = field(fields, 1, 0x95, 1)[0]!
  const keyType = field(fields, 2, 0x80, 1)[0]!
  const keyLength = field(fields, 3, 0x81, 1)[0]!
  const parameters = identifier[1]!
  if (identifier[0] !== 0x11) throw new DecodeError(`${what}: expected protocol 11`)
  if (variantOf(parameters) === undefined) throw new DecodeError(`${what}: no variant a, b or c`)
  if (usage !== keyUsage.full && usage !== keyUsage.integrity) {
    throw new DecodeError(`${what}: expected key usage 3C or 34`)
  }
  if (keyType !== 0x88) throw new DecodeError(`${what}: expected key type 88`)
  if (keyLength !== 16 && keyLength !== 24 && keyLength !== 32) {
    throw new DecodeError(`${what}: expected a key length of 16, 24 or 32`)
  }
  const withIdentities = (parameters & identitiesBit) !== 0
  if (fields.length !== (withIdentities ? 5 : 4)) {
    throw new DecodeError(`${what}: HostID is there without bit 04, or missing with it`)
  }
  if (point.value.length !== 65) throw new DecodeError(`${what}: expected a point of 65 bytes`)
  const request: KeyAgreementRequest = { parameters, usage, keyLength, ephemeralPoint: point.value }
  if (!withIdentities) return request
  const hostId = fields[4]!
  if (hostId.tag !== 0x84 || hostId.value.length < 1 || hostId.value.length > 255) {
    throw new DecodeError(`${what}: expected a HostID of 1 to 255 bytes`)
  }
  return { ...request, hostId: hostId.value }
}

export function serializeKeyAgreementRequest(request: KeyAgreementRequest): Uint8Array {
  const { parameters, usage, keyLength, hostId, ephemeralPoint } = request
  if ((hostId !== undefined) !== ((parameters & identitiesBit) !== 0)) {
    throw new UsageError('a HostID goes with bit 04, and only with it')
  }
  const template = serializeTlvs([
    tlv(0x90, Uint8Array.of(0x11, parameters)),
    tlv(0x95, Uint8Array.of(usage)),
    tlv(0x80, Uint8Array.of(0x88)),
    tlv(0x81, Uint8Array.of(keyLength)),
    ...(hostId === undefined ? [] : [tlv(0x84, hostId)]),
  ])
  return concat(serializeTlv(tlv(0xa6, template)), serializePoint(ephemeralPoint))
}

export function parseKeyAgreementAnswer(bytes: Uint8Array): KeyAgreementAnswer {
  const what = 'SCP11 answer'
  const objects = parseTlvs(bytes, what)
  const point = field(objects, 0, 0x5f49, 65)
  const receipt = field(objects, 1, 0x86, 16)
  if (objects.length !== 2) throw new DecodeError(`${what}: expected 5F49 and 86`)
  return { point, receipt }
}

export function serializeKeyAgreementAnswer({ point, receipt }: KeyAgreementAnswer): Uint8Array {
  return concat(serializePoint(point), serializeTlv(tlv(0x86, receipt)))
}

/** The 5F49 object alone, as the receipt covers it. */
export function serializePoint(point: Uint8Array): Uint8Array {
  return serializeTlv(tlv(0x5f49, point))
}

function field(objects: readonly Tlv[], at: number, tag: number, length: number): Uint8Array {
  const object = objects[at]
  if (object?.tag !== tag || object.value.length !== length) {
    throw new DecodeError(`SCP11: expected tag ${tag.toString(16).toUpperCase()} with ${length} bytes`)
  }
  return object.value
}
