import { encodeCanonical, MapReader, parseDocument } from '@sealwright/core/cbor'
import { parseEntry } from '@sealwright/core/log'
import type { PartyPorts } from '../ports/index.ts'
import { entryName, outbox } from './events.ts'

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

/** What the name of a file with many entries ends with; one with a single entry ends with `.entry`. */
export const bundleEnding = '.entries'

/**
 * Every entry in the party's outbox, oldest event of each module first. Work with many modules leaves files of many entries; broken off and
 * done again it may have signed an event twice, of which the first counts.
 */
export async function readOutbox({ store }: Pick<PartyPorts, 'store'>): Promise<Uint8Array[]> {
  const found = new Map<string, Uint8Array>()
  const names = await store.list(outbox)
  for (const name of names.filter((one) => one.endsWith(bundleEnding))) {
    const bundle = await store.read(name)
    if (bundle === undefined) continue
    for (const document of parseEntriesFile(bundle)) {
      const key = entryName(parseEntry(parseDocument(document)))
      if (!found.has(key)) found.set(key, document)
    }
  }
  for (const name of names.filter((one) => !one.endsWith(bundleEnding) && !found.has(one))) {
    const document = await store.read(name)
    if (document !== undefined) found.set(name, document)
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, document]) => document)
}

const format = 'sealwright entries'
