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
