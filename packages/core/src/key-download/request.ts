import { Reader, Writer } from '../bytes/index.ts'

/** What PREPARE answers and EXPORT KEY takes unchanged, 32 bytes: SN(8) ‖ REF1(4) ‖ REF2(4) ‖ R(16). */
export interface KeyRequest {
  readonly serial: Uint8Array
  readonly source: number
  readonly destination: number
  readonly random: Uint8Array
}

/** P1 of PREPARE. */
export const prepareModes = {
  /** A new key, or in the place of one. */
  any: 0x00,
  /** Only in the place of a key that is there. */
  replace: 0x01,
} as const

/** P2 of PREPARE: R in volatile memory, or held in EEPROM so that the download can go on after a reset. */
export const prepareHolds = { volatile: 0x00, held: 0x01 } as const

/** P2 of EXPORT KEY: the request whole, or without REF2, which then equals REF1. */
export const requestForms = { full: 0x00, withoutDestination: 0x01 } as const

export function parseKeyRequest(bytes: Uint8Array): KeyRequest {
  const r = new Reader(bytes, 'key request')
  const request = {
    serial: r.take(8, 'SN'),
    source: r.u32('REF1'),
    destination: r.u32('REF2'),
    random: r.take(16, 'R'),
  }
  r.end()
  return request
}

export function serializeKeyRequest({ serial, source, destination, random }: KeyRequest): Uint8Array {
  return new Writer().bytes(serial).u32(source).u32(destination).bytes(random).finish()
}

/** The request without REF2, 28 bytes: SN(8) ‖ REF1(4) ‖ R(16). REF2 equals REF1. */
export function parseShortKeyRequest(bytes: Uint8Array): KeyRequest {
  const r = new Reader(bytes, 'short key request')
  const serial = r.take(8, 'SN')
  const source = r.u32('REF1')
  const random = r.take(16, 'R')
  r.end()
  return { serial, source, destination: source, random }
}

export function serializeShortKeyRequest({
  serial,
  source,
  random,
}: Omit<KeyRequest, 'destination'>): Uint8Array {
  return new Writer().bytes(serial).u32(source).bytes(random).finish()
}
