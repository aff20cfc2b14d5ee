import { ascii, equal, fromAscii, Reader, requireFormatVersion, Writer } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import { type LotKind, lotKinds, parseLotKind } from './lot-file.ts'

/** What the manufacturer sends along with the chips of a lot. Nothing of it is secret. */
export interface LotNote {
  readonly version: 1
  /** 8 bytes. */
  readonly lot: Uint8Array
  readonly kind: LotKind
  /** SHA-256 of the ROM image: what CHIP STATUS of every chip says. */
  readonly romDigest: Uint8Array
  /** In ascending order of their numbers in the lot. */
  readonly chips: readonly NotedChip[]
}

export interface NotedChip {
  /** Its number in the lot, from 1; the index of its image where each chip has an image of its own. */
  readonly number: number
  /** What the manufacturer calls it: 1 to 100 printable ASCII characters. */
  readonly name: string
  /** SHA-256 of its encrypted image: with the ROM's it begins the event chain. */
  readonly imageDigest: Uint8Array
}

const magic = ascii('SWLN')

/** "SWLN"(4) ‖ version(1) ‖ lot(8) ‖ kind(1) ‖ ROM digest(32) ‖ count(4) ‖ chips: number(4) ‖ length(1) ‖ name ‖ image digest(32). */
export function serializeLotNote({ version, lot, kind, romDigest, chips }: LotNote): Uint8Array {
  if (lot.length !== 8) throw new UsageError(`lot: expected 8 bytes, got ${lot.length}`)
  const w = new Writer()
    .bytes(magic)
    .u8(version)
    .bytes(lot)
    .u8(lotKinds[kind])
    .bytes(romDigest)
    .u32(chips.length)
  for (const { number, name, imageDigest } of chips) {
    requireName(name)
    w.u32(number).u8(name.length).bytes(ascii(name)).bytes(imageDigest)
  }
  return w.finish()
}

export function parseLotNote(bytes: Uint8Array): LotNote {
  const r = new Reader(bytes, 'delivery note of a lot')
  if (!equal(r.take(4, 'magic'), magic)) throw r.fail('not the delivery note of a lot')
  requireFormatVersion('lot note', r.u8('version'))
  const lot = r.take(8, 'lot')
  const kind = parseLotKind(r)
  const romDigest = r.take(32, 'ROM digest')
  const count = r.u32('count')
  const chips: NotedChip[] = []
  let last = 0
  for (let i = 0; i < count; i++) {
    const number = r.u32('number')
    if (number <= last) throw r.fail('numbers not ascending from 1')
    last = number
    const name = r.take(r.u8('length of the name'), 'name')
    if (!isName(name)) throw r.fail('name: expected 1 to 100 printable ASCII characters')
    chips.push({ number, name: fromAscii(name), imageDigest: r.take(32, 'image digest') })
  }
  r.end()
  return { version: 1, lot, kind, romDigest, chips }
}

/** Whether bytes are, by their first four, the delivery note of a lot. */
export function isLotNote(bytes: Uint8Array): boolean {
  return equal(bytes.subarray(0, 4), magic)
}

function requireName(name: string): void {
  if (!isName(ascii(name))) throw new UsageError(`no name for a chip: ${JSON.stringify(name)}`)
}

function isName(bytes: Uint8Array): boolean {
  return bytes.length >= 1 && bytes.length <= 100 && bytes.every((byte) => byte >= 0x20 && byte <= 0x7e)
}
