import { encodeCanonical, MapReader } from '../cbor/index.ts'
import { type CardLogProof, readCardLogProof } from './log-proof.ts'

/** The log of a signing card as it was read out, for whoever keeps it: a map `card log`. What it says is checked by `rebuildCertificates`. */
export interface CardLogFile {
  /** Serial number of the card, 8 bytes. */
  readonly serial: Uint8Array
  /** Entries as READ LOG gives them, in order. */
  readonly entries: readonly Uint8Array[]
  /** That these are the card's; absent where that was checked already. */
  readonly proof?: CardLogProof
}

export function serializeCardLogFile({ serial, entries, proof }: CardLogFile): Uint8Array {
  const shown = proof && { ...proof, events: proof.events.map(({ type, digest }) => ({ type, digest })) }
  return encodeCanonical({ v: 1, format: 'sealwright card log', serial, entries, proof: shown })
}

export function parseCardLogFile(bytes: Uint8Array): CardLogFile {
  const r = MapReader.of(bytes, 'card log')
  r.begin('card log')
  const proof = r.optional('proof', () => readCardLogProof(r.map('proof')))
  const file = {
    serial: r.bytes('serial', 8),
    entries: r.array('entries', (item) => {
      if (!(item instanceof Uint8Array)) throw r.fail('entries expected byte strings')
      return item
    }),
    ...(proof === undefined ? {} : { proof }),
  }
  r.end()
  return file
}
