import { ascii, fromAscii, Reader, Writer } from '../bytes/index.ts'

/** What a key place is for. `data` is a place that no key may go to (A7). */
export const placeKinds = { application: 0x01, transport: 0x02, signature: 0x03, data: 0x04 } as const
export type PlaceKind = keyof typeof placeKinds

/** A key place as customization lays it: kind(1) ‖ usage(2) ‖ REF1(4). Its id is REF2. */
export interface KeyPlace {
  readonly kind: PlaceKind
  /** Key usage of X9.143 that a key here must have, or `**` for any. */
  readonly usage: string
  /** REF1: the loader's key that the application here takes; 0 for none. */
  readonly source: number
}

export function parseKeyPlace(bytes: Uint8Array): KeyPlace {
  const r = new Reader(bytes, 'key place')
  const code = r.u8('kind')
  const kind = (Object.keys(placeKinds) as PlaceKind[]).find((name) => placeKinds[name] === code)
  if (kind === undefined) throw r.fail(`kind ${code} is not known`)
  const usage = fromAscii(r.take(2, 'usage'))
  if (!/^([0-9A-Z]{2}|\*\*)$/.test(usage)) throw r.fail('usage: expected two characters of X9.143, or **')
  const source = r.u32('REF1')
  r.end()
  return { kind, usage, source }
}

export function serializeKeyPlace({ kind, usage, source }: KeyPlace): Uint8Array {
  return new Writer().u8(placeKinds[kind]).bytes(ascii(usage)).u32(source).finish()
}
