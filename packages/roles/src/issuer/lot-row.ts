import { encodeHex } from '@sealwright/core/bytes'
import { type CborInput, encodeCanonical, MapReader } from '@sealwright/core/cbor'
import type { DecodeError } from '@sealwright/core/errors'

/**
 * What became of a chip of a lot: `refused`: it was left as it is, for what it is or says; `discarded`: it is defective or scrap;
 * `failed`: something went wrong that may go right the next time.
 */
export const lotOutcomes = ['customized', 'finished', 'refused', 'discarded', 'failed'] as const
export type LotOutcome = (typeof lotOutcomes)[number]

/** Digests by which a chip can be told, 32 bytes each: of ROM, encrypted image, identity key, certificate and vector table. */
export const lotDigests = ['rom', 'image', 'identity', 'certificate', 'vectors'] as const
export type LotDigest = (typeof lotDigests)[number]

/** What the issuer knows of one chip of a lot. Nothing of it is secret. */
export interface LotRow {
  /** Name of the chip among those that came together. */
  readonly chip: string
  readonly outcome: LotOutcome
  /** Why it was not done. */
  readonly reason?: string
  /** 8 bytes. */
  readonly serial?: Uint8Array
  /** The index of its image in the lot. */
  readonly index?: number
  readonly product?: string
  readonly triesLeft?: number
  /** Number of the last event that is recorded. */
  readonly events?: number
  readonly digests: Readonly<Partial<Record<LotDigest, Uint8Array>>>
  /** The identity request. */
  readonly request?: Uint8Array
}

/** Rows as a file of the lot's book: deterministic CBOR `{ v, format, rows: [ … ] }`. */
export function serializeLotRows(rows: readonly LotRow[]): Uint8Array {
  return encodeCanonical({
    v: 1,
    format: 'sealwright lot book',
    rows: rows.map(({ digests, ...row }) => ({ ...row, digests: { ...digests } }) satisfies CborInput),
  })
}

export function parseLotRows(bytes: Uint8Array): LotRow[] {
  const r = MapReader.of(bytes, 'book of a lot')
  r.begin('lot book')
  const rows = r.array('rows', (item, i) => parseRow(new MapReader(item, `book of a lot, row ${i + 1}`)))
  r.end()
  return rows
}

function parseRow(r: MapReader): LotRow {
  const outcome = lotOutcomes.find((name) => name === r.text('outcome'))
  if (outcome === undefined) throw r.fail('no such outcome')
  const reason = r.optional('reason', (field) => field.text('reason'))
  const serial = r.optional('serial', (field) => field.bytes('serial', 8))
  const index = r.optional('index', (field) => field.uint('index'))
  const product = r.optional('product', (field) => field.text('product'))
  const triesLeft = r.optional('triesLeft', (field) => field.uint('triesLeft', 64))
  const events = r.optional('events', (field) => field.uint('events'))
  const request = r.optional('request', (field) => field.bytes('request'))
  const row: LotRow = {
    chip: r.text('chip'),
    outcome,
    ...(reason === undefined ? {} : { reason }),
    ...(serial === undefined ? {} : { serial }),
    ...(index === undefined ? {} : { index }),
    ...(product === undefined ? {} : { product }),
    ...(triesLeft === undefined ? {} : { triesLeft }),
    ...(events === undefined ? {} : { events }),
    digests: parseDigests(r.map('digests')),
    ...(request === undefined ? {} : { request }),
  }
  r.end()
  return row
}

function parseDigests(r: MapReader): LotRow['digests'] {
  const found: Partial<Record<LotDigest, Uint8Array>> = {}
  for (const key of r.keys()) {
    const name = lotDigests.find((one) => one === key)
    if (name === undefined) throw unknownDigest(r, key)
    found[name] = r.bytes(name, 32)
  }
  return found
}

function unknownDigest(r: MapReader, key: number | string): DecodeError {
  return r.fail(`no digest is named ${key}`)
}

/** The columns of a report, and a row's text in each. */
export const lotColumns = [
  'chip',
  'serial',
  'outcome',
  'discarded',
  'reason',
  'product',
  'index',
  'triesLeft',
  ...lotDigests,
] as const

/** A row as a report tells it: by the columns; what is not known is undefined. */
export function lotReport(
  row: LotRow,
): Record<(typeof lotColumns)[number], string | number | boolean | undefined> {
  const hex = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : encodeHex(bytes))
  const { chip, outcome, reason, product, index, triesLeft, digests } = row
  return {
    chip,
    serial: hex(row.serial),
    outcome,
    discarded: outcome === 'discarded',
    reason,
    product,
    index,
    triesLeft,
    rom: hex(digests.rom),
    image: hex(digests.image),
    identity: hex(digests.identity),
    certificate: hex(digests.certificate),
    vectors: hex(digests.vectors),
  }
}
