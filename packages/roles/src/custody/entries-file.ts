import { encodeCanonical, MapReader } from '@sealwright/core/cbor'
import type { PartyPorts } from '../ports/index.ts'
import { outbox } from './events.ts'

/** Signed entries on their way from a party to the log: deterministic CBOR `{ v, format, entries: [entry document …] }`. */
export function serializeEntriesFile(documents: readonly Uint8Array[]): Uint8Array {
  return encodeCanonical({ v: 1, format, entries: documents })
}

export function parseEntriesFile(bytes: Uint8Array): Uint8Array[] {
  const r = MapReader.of(bytes, 'entries file')
  r.begin('entries')
  const entries = r.array('entries', (item) => {
    if (!(item instanceof Uint8Array)) throw r.fail('entries expected byte strings')
    return item
  })
  r.end()
  return entries
}

/** Every entry in the party's outbox, oldest event of each module first. */
export async function readOutbox({ store }: Pick<PartyPorts, 'store'>): Promise<Uint8Array[]> {
  const documents: Uint8Array[] = []
  for (const name of await store.list(outbox)) {
    const document = await store.read(name)
    if (document !== undefined) documents.push(document)
  }
  return documents
}

const format = 'sealwright entries'
