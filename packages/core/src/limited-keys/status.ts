import { Reader, Writer } from '../bytes/index.ts'

/** A limited key as the module shows it, FFFFFFFF where it has no such limit. */
export interface LimitedKeyStatus {
  readonly place: number
  /** 5 bytes. */
  readonly checkValue: Uint8Array
  readonly notAfter: number
  readonly usesLeft: number
  readonly unheardLeft: number
}

export function parseLimitedKeys(bytes: Uint8Array): LimitedKeyStatus[] {
  const r = new Reader(bytes, 'limited keys')
  const keys: LimitedKeyStatus[] = []
  while (r.remaining > 0) {
    keys.push({
      place: r.u32('place'),
      checkValue: r.take(5, 'check value'),
      notAfter: r.u32('last second'),
      usesLeft: r.u32('uses left'),
      unheardLeft: r.u32('uses left without newer time'),
    })
  }
  return keys
}

export function serializeLimitedKeys(keys: readonly LimitedKeyStatus[]): Uint8Array {
  const w = new Writer()
  for (const { place, checkValue, notAfter, usesLeft, unheardLeft } of keys) {
    w.u32(place).bytes(checkValue).u32(notAfter).u32(usesLeft).u32(unheardLeft)
  }
  return w.finish()
}
