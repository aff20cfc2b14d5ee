import type { EepromMap } from './eeprom-map.ts'
import { amount, hex, wrapped } from './lines.ts'
import { lettersOf, ownersOf } from './owners.ts'

/**
 * A module's EEPROM as lines of text: rows of cells, two characters each, that show who has most of their bytes; equal rows are told
 * once; then a legend with what each owner has.
 * @param width columns of the reader's terminal
 */
export function eepromPicture(map: EepromMap, width = 80): string[] {
  const letters = lettersOf(map.segments)
  return [...strip(map, letters, width), '', ...legend(map, width)]
}

/** Every segment with its first and last address, length, owner and name. */
export function eepromTable({ segments }: EepromMap): string[] {
  return segments.map(
    ({ start, end, owner, name }) =>
      `${hex(start)}..${hex(end - 1)}  ${amount(end - start).padStart(9)}  ${owner.padEnd(12)}  ${name}`,
  )
}

function strip({ segments, size }: EepromMap, letters: ReadonlyMap<string, string>, width: number): string[] {
  const columns = width >= 8 + 2 * wide ? wide : narrow
  const share = Math.max(smallestShare, Math.ceil(size / (wide * mostRows)))
  let first = 0
  const cells = Array.from({ length: Math.ceil(size / share) }, (_, cell) => {
    const from = cell * share
    const to = Math.min(size, from + share)
    const lengths = new Map<string, number>()
    while (first < segments.length && segments[first]!.end <= from) first++
    for (let i = first; i < segments.length && segments[i]!.start < to; i++) {
      const { start, end, owner } = segments[i]!
      // What is used shows wherever it is: a tenant of a few bytes must not vanish in free space.
      if (owner === 'free') continue
      lengths.set(owner, (lengths.get(owner) ?? 0) + Math.min(end, to) - Math.max(start, from))
    }
    const [most] = [...lengths].sort((a, b) => b[1] - a[1])
    return (most === undefined ? '.' : letters.get(most[0])!).repeat(2)
  })
  const rows = Array.from({ length: Math.ceil(cells.length / columns) }, (_, row) =>
    cells.slice(row * columns, (row + 1) * columns).join(''),
  )
  const lines: string[] = []
  for (let row = 0; row < rows.length; ) {
    let next = row + 1
    while (rows[next] === rows[row]) next++
    lines.push(`${hex(row * columns * share)}  ${rows[row]}`)
    const more = next - row - 1
    if (more === 1) lines.push(`${hex((row + 1) * columns * share)}  ${rows[row]}`)
    else if (more > 1) lines.push(`     …  the same to ${hex(Math.min(size, next * columns * share) - 1)}`)
    row = next
  }
  return [...lines, '', `${amount(size)} bytes; two characters are ${amount(share)} of them.`]
}

function legend(map: EepromMap, width: number): string[] {
  return ownersOf(map).flatMap(({ letter, owner, bytes, text }) => {
    const head = `${letter}  ${owner.padEnd(11)} ${amount(bytes).padStart(8)}  `
    return wrapped(head + text, Math.max(width, head.length + 24), head.length)
  })
}

/** One page of the medium. */
const smallestShare = 256
const mostRows = 32
const wide = 32
const narrow = 16
