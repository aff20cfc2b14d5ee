import { equal } from '@sealwright/core/bytes'
import {
  type Memory,
  memoryMap,
  type ObjectKind,
  openMemory,
  parseObjectEntry,
  type Segment,
  type Zone,
} from '../eeprom/index.ts'
import { areaOf, type Medium } from '../medium/index.ts'

/** What *Order of effects* lets a refused command change: try counters, nonces and sequence counters that were used. */
const changeable: readonly ObjectKind[] = ['tries', 'nonce', 'sequence-counter']
const entryLength = 16

/**
 * What a refused command changed and may not have: the places, for a person; empty for a rightful refusal. Every byte of OTP and EEPROM
 * is compared, and of the journal, but for the objects that may change and their entries in the directory.
 */
export function refusalChanges(before: Medium, after: Medium): string[] {
  const changes: string[] = []
  for (const name of ['otp', 'journal'] as const) {
    const { first, pages } = areaOf(before.geometry, name)
    for (let page = first; page < first + pages; page++) {
      if (!equal(before.read(page), after.read(page))) changes.push(`${name}, page ${page}`)
    }
  }
  const old = openMemory(before)
  const now = opened(after)
  if (now === undefined) return [...changes, 'the memory does not open any more']
  const excused = [...excusedParts(old), ...excusedParts(now)]
  const { size } = old.nvm
  const [oldBytes, newBytes] = [old.nvm.read(0, size), now.nvm.read(0, size)]
  const map = [...memoryMap(old.objects), ...memoryMap(now.objects)]
  for (let at = 0; at < size; at++) {
    if (oldBytes[at] === newBytes[at] || excused.some(({ start, end }) => at >= start && at < end)) continue
    const { name, end } = segmentAt(map, at)
    changes.push(`${name}, at ${at}`)
    at = end - 1
  }
  return changes
}

function opened(medium: Medium): Memory | undefined {
  try {
    return openMemory(medium)
  } catch {
    return undefined
  }
}

/** Where the objects lie that may change, and their entries in the directory. */
function excusedParts({ nvm }: Memory): Zone[] {
  const { start, end } = nvm.zones.directory
  const parts: Zone[] = []
  for (let at = start; at < end; at += entryLength) {
    const bytes = nvm.read(at, entryLength)
    if (bytes[0] === 0) continue
    const { kind, address, length } = parseObjectEntry(bytes)
    if (!changeable.includes(kind)) continue
    parts.push({ start: at, end: at + entryLength }, { start: address, end: address + length })
  }
  return parts
}

/** The smallest known part that holds an address. */
function segmentAt(map: readonly Segment[], at: number): Segment {
  return map
    .filter(({ start, end }) => at >= start && at < end)
    .reduce((best, segment) => (segment.end - segment.start < best.end - best.start ? segment : best))
}
