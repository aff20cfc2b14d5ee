import { type CborValue, encodeCanonical, MapReader } from '../cbor/index.ts'

/** What a unit lays before the central system about its tickets: a map `ticket record`. What it holds is signed, the map is not. */
export interface TicketRecord {
  /** The unit's certificate, DER. */
  readonly unit: Uint8Array
  /** Each ticket that the unit took, and how many of its numbers it has used. */
  readonly tickets: readonly { readonly document: Uint8Array; readonly used: number }[]
  /** The operating certificates that the unit made, DER. */
  readonly certificates: readonly Uint8Array[]
}

export function serializeTicketRecord({ unit, tickets, certificates }: TicketRecord): Uint8Array {
  const counted = tickets.map(({ document, used }) => ({ document, used }))
  return encodeCanonical({ v: 1, format: 'sealwright ticket record', unit, tickets: counted, certificates })
}

export function parseTicketRecord(bytes: Uint8Array): TicketRecord {
  const r = MapReader.of(bytes, 'ticket record')
  r.begin('ticket record')
  const record = {
    unit: r.bytes('unit'),
    tickets: r.array('tickets', (item) => {
      const inner = new MapReader(item, 'ticket record ticket')
      const counted = { document: inner.bytes('document'), used: inner.uint('used') }
      inner.end()
      return counted
    }),
    certificates: r.array('certificates', (item: CborValue) => {
      if (!(item instanceof Uint8Array)) throw r.fail('certificates expected byte strings')
      return item
    }),
  }
  r.end()
  return record
}
