import type { Segment } from '@sealwright/module/eeprom'

/**
 * A module's EEPROM as lines of text: a strip in which each character stands for an equal share of the addresses and shows the owner of
 * most of it, then every segment with address, length, owner and name; free space is a dot.
 */
export function memoryPicture(segments: readonly Segment[], size: number): string[] {
  const owners = [...new Set(segments.map(({ owner }) => owner))].filter((owner) => owner !== 'free')
  const letters = lettersOf(owners)
  return [
    ...strip(segments, size, letters),
    '',
    [...letters].map(([owner, letter]) => `${letter} ${owner}`).join('   ') + '   . free',
    '',
    ...segments.map(
      ({ start, end, owner, name }) =>
        `${hex(start)}..${hex(end - 1)}  ${String(end - start).padStart(7)}  ${owner.padEnd(14)}  ${name}`,
    ),
  ]
}

function strip(segments: readonly Segment[], size: number, letters: ReadonlyMap<string, string>): string[] {
  const share = Math.max(1, Math.ceil(size / (rows * columns)))
  const shown = Math.ceil(size / share)
  let first = 0
  const cells = Array.from({ length: shown }, (_, cell) => {
    const from = cell * share
    const to = Math.min(size, from + share)
    const lengths = new Map<string, number>()
    while (first < segments.length && segments[first]!.end <= from) first++
    for (let i = first; i < segments.length && segments[i]!.start < to; i++) {
      const { start, end, owner } = segments[i]!
      // What is used shows wherever it is: a tenant of a few bytes must not vanish in free space.
      const weight = owner === 'free' ? 0 : Math.min(end, to) - Math.max(start, from)
      lengths.set(owner, (lengths.get(owner) ?? 0) + weight)
    }
    const [owner = 'free', weight = 0] = [...lengths].sort((a, b) => b[1] - a[1])[0] ?? []
    return weight === 0 ? '.' : (letters.get(owner) ?? '?')
  })
  return Array.from({ length: Math.ceil(shown / columns) }, (_, row) => {
    const line = cells.slice(row * columns, (row + 1) * columns).join('')
    return `${hex(row * columns * share)}  ${line}`
  })
}

/** The first letter of each owner's name that no other has taken, in capitals. */
function lettersOf(owners: readonly string[]): Map<string, string> {
  const letters = new Map<string, string>()
  const taken = new Set<string>()
  for (const owner of owners) {
    const free = [...owner.toUpperCase(), ...'0123456789'].find(
      (letter) => /[A-Z0-9]/.test(letter) && !taken.has(letter),
    )
    letters.set(owner, free ?? '?')
    taken.add(free ?? '?')
  }
  return letters
}

function hex(address: number): string {
  return address.toString(16).toUpperCase().padStart(6, '0')
}

const rows = 16
const columns = 64
