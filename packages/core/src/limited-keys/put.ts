import { Reader, u32, Writer } from '../bytes/index.ts'
import { type KeyLimits, readLimits, writeLimits } from './limits.ts'

/** PUT LIMITED KEY: time(4) ‖ place(4) ‖ limits(12) ‖ length(1) ‖ key under the session's DEK ‖ check value(5). */
export interface LimitedKeyData {
  /** The central system's time now, seconds since 1970. */
  readonly time: number
  readonly place: number
  readonly limits: KeyLimits
  /** 16 or 32 bytes: AES-CBC under the DEK, IV zero. */
  readonly cryptogram: Uint8Array
  /** CMAC check value of the key, 5 bytes. */
  readonly checkValue: Uint8Array
}

export function parseLimitedKeyData(bytes: Uint8Array): LimitedKeyData {
  const r = new Reader(bytes, 'PUT LIMITED KEY')
  const time = r.u32('time')
  const place = r.u32('place')
  const limits = readLimits(r)
  const length = r.u8('length of the key')
  if (length !== 16 && length !== 32) throw r.fail('expected a key of 16 or 32 bytes')
  const data = {
    ...{ time, place, limits },
    cryptogram: r.take(length, 'key'),
    checkValue: r.take(5, 'check value'),
  }
  r.end()
  return data
}

export function serializeLimitedKeyData({
  time,
  place,
  limits,
  cryptogram,
  checkValue,
}: LimitedKeyData): Uint8Array {
  const w = new Writer().u32(time).u32(place)
  writeLimits(w, limits)
  return w.u8(cryptogram.length).bytes(cryptogram).bytes(checkValue).finish()
}

/** What the event *limited-key-taken* covers: place(4) ‖ limits(12) ‖ check value(5). */
export function limitedKeyEventInput({
  place,
  limits,
  checkValue,
}: Pick<LimitedKeyData, 'place' | 'limits' | 'checkValue'>): Uint8Array[] {
  const w = new Writer()
  writeLimits(w, limits)
  return [u32(place), w.finish(), checkValue]
}

/** TELL TIME: seconds since 1970(4). */
export function parseToldTime(bytes: Uint8Array): number {
  const r = new Reader(bytes, 'TELL TIME')
  const time = r.u32('time')
  r.end()
  return time
}

export function serializeToldTime(time: number): Uint8Array {
  return u32(time)
}
