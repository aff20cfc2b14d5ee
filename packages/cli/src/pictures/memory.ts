import type { Segment } from '@sealwright/module/eeprom'
import { wrapped } from './lines.ts'
import type { MemoryMap, Tenant } from './memory-map.ts'

/**
 * A module's EEPROM as lines of text: rows of cells, two characters each, that show who has most of their bytes; equal rows are told
 * once; then a legend with what each owner has.
 * @param width columns of the reader's terminal
 */
export function memoryPicture(map: MemoryMap, width = 80): string[] {
  const letters = lettersOf(map.segments)
  return [...strip(map, letters, width), '', ...legend(map, letters, width)]
}

/** Every segment with its first and last address, length, owner and name. */
export function memoryTable({ segments }: MemoryMap): string[] {
  return segments.map(
    ({ start, end, owner, name }) =>
      `${hex(start)}..${hex(end - 1)}  ${amount(end - start).padStart(9)}  ${owner.padEnd(12)}  ${name}`,
  )
}

function strip({ segments, size }: MemoryMap, letters: ReadonlyMap<string, string>, width: number): string[] {
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

function legend(map: MemoryMap, letters: ReadonlyMap<string, string>, width: number): string[] {
  const rows = [...letters].map(([owner, letter]) => {
    const tenant = map.tenants.find((one) => one.owner === owner)
    const own = map.segments.filter((one) => one.owner === owner)
    return { letter, owner, bytes: sum(own), text: tenant ? tenantText(tenant, own) : pieces(own) }
  })
  const free = map.segments.filter(({ owner }) => owner === 'free')
  const freeText = zoneSums(free)
  return [...rows, { letter: '.', owner: 'free', bytes: sum(free), text: freeText }].flatMap(
    ({ letter, owner, bytes, text }) => {
      const head = `${letter}  ${owner.padEnd(11)} ${amount(bytes).padStart(8)}  `
      return wrapped(head + text, Math.max(width, head.length + 24), head.length)
    },
  )
}

/** What one owner has, kind by kind: `7 events, receipt`. */
function pieces(segments: readonly Segment[]): string {
  const kinds = new Map<string, number>()
  for (const { name } of segments) {
    const kind = name.replace(/ [0-9A-F]+\b.*$/, '').replaceAll('-', ' ')
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  return [...kinds].map(([kind, count]) => (count === 1 ? kind : `${count} ${plural(kind)}`)).join(', ')
}

function plural(kind: string): string {
  return /(data|software)$/.test(kind) ? kind : kind.replace(/( of .*)?$/, 's$1')
}

function tenantText(
  { owner, aid, state, version, start, end }: Tenant,
  segments: readonly Segment[],
): string {
  const parts = segments.map(
    ({ name, start: from, end: to }) => `${name.replace(`${owner} `, '')} ${amount(to - from)}`,
  )
  const program = version === undefined ? 'no program' : `program version ${version}`
  return `${hex(start)}..${hex(end - 1)}, application ${aid}, ${state}, ${program}: ${parts.join(', ')}`
}

function zoneSums(free: readonly Segment[]): string {
  const zones = new Map<string, number>()
  for (const { name, start, end } of free) zones.set(name, (zones.get(name) ?? 0) + end - start)
  return [...zones].map(([name, bytes]) => `${name.replace(/^free /, '')} ${amount(bytes)}`).join(', ')
}

/** A letter for each owner: a resource has its number's last digit, others the first of their letters that nobody has taken. */
function lettersOf(segments: readonly Segment[]): Map<string, string> {
  const letters = new Map<string, string>()
  const taken = new Set<string>()
  const owners = [...new Set(segments.map(({ owner }) => owner))].filter((owner) => owner !== 'free')
  for (const owner of owners) {
    const digits = /^resource .*([0-9])$/.exec(owner)?.[1] ?? ''
    const wishes = [...digits, ...owner.toUpperCase(), ...'0123456789']
    const letter = wishes.find((wish) => /[A-Z0-9]/.test(wish) && !taken.has(wish)) ?? '?'
    letters.set(owner, letter)
    taken.add(letter)
  }
  return letters
}

function sum(segments: readonly Segment[]): number {
  return segments.reduce((bytes, { start, end }) => bytes + end - start, 0)
}

function amount(value: number): string {
  return value.toLocaleString('en-US')
}

function hex(address: number): string {
  return address.toString(16).toUpperCase().padStart(6, '0')
}

/** One page of the medium. */
const smallestShare = 256
const mostRows = 32
const wide = 32
const narrow = 16
