import { ascii, equal, Reader, requireFormatVersion, Writer } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import { type LotKind, lotKinds, parseLotCount, parseLotKind } from './lot-file.ts'
import { lotImageIv, lotImageOf } from './lot-keys.ts'
import {
  type MaskFile,
  type MaskPage,
  maskPageSize,
  parseMaskPages,
  serializeMaskPages,
} from './mask-file.ts'

/** The order of a lot, for the chip manufacturer: a mask without its image, and the images of the lot. No key, no hash. */
export interface LotOrder {
  readonly version: 1
  /** 8 bytes. */
  readonly lot: Uint8Array
  readonly kind: LotKind
  /** How many chips are ordered. */
  readonly count: number
  /** The part that all chips have in common; zeros where the image lies. */
  readonly mask: MaskFile
  /** Where the image lies in EEPROM. */
  readonly address: number
  /** Encrypted images of one length: one for each chip, with the indices from 1, or a single one with the index 0. */
  readonly images: readonly Uint8Array[]
}

const magic = ascii('SWLO')

/**
 * "SWLO"(4) ‖ version(1) ‖ lot(8) ‖ kind(1) ‖ count(4) ‖ EEPROM size(4) ‖ length of ROM(4) ‖ number of pages(2) ‖ address(4) ‖
 * length of an image(4) ‖ ROM ‖ pages: number(2) ‖ bytes(256) ‖ images.
 */
export function serializeLotOrder({
  version,
  lot,
  kind,
  count,
  mask,
  address,
  images,
}: LotOrder): Uint8Array {
  const length = images[0]?.length ?? 0
  if (lot.length !== 8 || images.some((image) => image.length !== length)) {
    throw new UsageError('lot order: expected a lot of 8 bytes and images of one length')
  }
  const w = new Writer().bytes(magic).u8(version).bytes(lot).u8(lotKinds[kind]).u32(count)
  w.u32(mask.eepromSize).u32(mask.rom.length).u16(mask.eeprom.length).u32(address).u32(length)
  w.bytes(mask.rom)
  serializeMaskPages(w, mask.eeprom)
  for (const image of images) w.bytes(image)
  return w.finish()
}

export function parseLotOrder(bytes: Uint8Array): LotOrder {
  const r = new Reader(bytes, 'lot order')
  if (!equal(r.take(4, 'magic'), magic)) throw r.fail('not the order of a lot')
  requireFormatVersion('lot order', r.u8('version'))
  const lot = r.take(8, 'lot')
  const kind = parseLotKind(r)
  const count = parseLotCount(r)
  const eepromSize = r.u32('EEPROM size')
  const romLength = r.u32('length of ROM')
  const pages = r.u16('number of pages')
  const address = r.u32('address of the image')
  const length = r.u32('length of an image')
  if (length <= 16 || address + length > eepromSize) throw r.fail('the image does not fit into EEPROM')
  const rom = r.take(romLength, 'ROM')
  const mask: MaskFile = { version: 1, eepromSize, rom, eeprom: parseMaskPages(r, pages, eepromSize) }
  if (mask.eeprom.some((page) => !isFree(page, address, length))) {
    throw r.fail('a common page has something where the image lies')
  }
  const images: Uint8Array[] = []
  for (let i = 0; i < (kind === 'one-key' ? 1 : count); i++) {
    const image = r.take(length, 'image')
    if (!equal(image.subarray(0, 16), lotImageIv({ lot, index: indexOf(kind, i) }))) {
      throw r.fail(`image ${i + 1} does not begin with the iv of its place`)
    }
    images.push(image)
  }
  r.end()
  return { version: 1, lot, kind, count, mask, address, images }
}

/** Whether bytes are, by their first four, the order of a lot: what follows may still be wrong. */
export function isLotOrder(bytes: Uint8Array): boolean {
  return equal(bytes.subarray(0, 4), magic)
}

/** What the chip of a number carries; numbers from 1, whatever the kind. A number outside the order is a UsageError. */
export function lotChip(
  order: LotOrder,
  number: number,
): { readonly mask: MaskFile; readonly image: Uint8Array } {
  if (!Number.isInteger(number) || number < 1 || number > order.count) {
    throw new UsageError(`the order has the chips 1 to ${order.count}, not ${number}`)
  }
  const image = order.images[order.kind === 'one-key' ? 0 : number - 1]!
  return { image, mask: { ...order.mask, eeprom: withImage(order.mask.eeprom, order.address, image) } }
}

/** The order that a mask becomes: its image is taken out, and those of the lot are put in its place. */
export function lotOrderOf(
  mask: MaskFile,
  image: { readonly address: number; readonly length: number },
  { lot, kind, count, images }: Pick<LotOrder, 'lot' | 'kind' | 'count' | 'images'>,
): LotOrder {
  const eeprom = withImage(mask.eeprom, image.address, new Uint8Array(image.length)).filter(({ bytes }) =>
    bytes.some((byte) => byte !== 0),
  )
  return { version: 1, lot, kind, count, mask: { ...mask, eeprom }, address: image.address, images }
}

/** The index that the i-th image of an order must name. */
function indexOf(kind: LotKind, i: number): number {
  return kind === 'one-key' ? 0 : i + 1
}

function withImage(pages: readonly MaskPage[], address: number, image: Uint8Array): MaskPage[] {
  const changed = new Map(pages.map(({ number, bytes }) => [number, bytes]))
  const last = Math.floor((address + image.length - 1) / maskPageSize)
  for (let number = Math.floor(address / maskPageSize); number <= last; number++) {
    const page = changed.get(number)?.slice() ?? new Uint8Array(maskPageSize)
    const start = Math.max(address, number * maskPageSize)
    const end = Math.min(address + image.length, (number + 1) * maskPageSize)
    page.set(image.subarray(start - address, end - address), start - number * maskPageSize)
    changed.set(number, page)
  }
  return [...changed].map(([number, bytes]) => ({ number, bytes })).sort((a, b) => a.number - b.number)
}

function isFree({ number, bytes }: MaskPage, address: number, length: number): boolean {
  const start = Math.max(0, address - number * maskPageSize)
  const end = Math.min(maskPageSize, address + length - number * maskPageSize)
  return start >= end || bytes.subarray(start, end).every((byte) => byte === 0)
}

/** The image that an iv names, when it is one of this lot's; undefined otherwise. */
export function indexInLot(
  { lot, kind, count }: Pick<LotOrder, 'lot' | 'kind' | 'count'>,
  iv: Uint8Array,
): number | undefined {
  const image = lotImageOf(iv)
  if (image === undefined || !equal(image.lot, lot)) return undefined
  const [least, most] = kind === 'one-key' ? [0, 0] : [1, count]
  return image.index >= least && image.index <= most ? image.index : undefined
}
