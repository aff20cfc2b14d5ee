import type { Segment } from '@sealwright/module/eeprom'
import type { EepromMap, Tenant } from './eeprom-map.ts'
import { amount, hex } from './lines.ts'

/** Who has bytes in EEPROM, as legends tell it. */
export interface Owner {
  /** One character, `.` for what is free. */
  readonly letter: string
  /** As segments name it. */
  readonly owner: string
  readonly bytes: number
  /** What they are. */
  readonly text: string
}

/** Every owner in the order of the addresses, free space last. */
export function ownersOf(map: EepromMap): Owner[] {
  const rows = [...lettersOf(map.segments)].map(([owner, letter]) => {
    const tenant = map.tenants.find((one) => one.owner === owner)
    const own = map.segments.filter((one) => one.owner === owner)
    return { letter, owner, bytes: sum(own), text: tenant ? tenantText(tenant, own) : pieces(own) }
  })
  const free = map.segments.filter(({ owner }) => owner === 'free')
  return [...rows, { letter: '.', owner: 'free', bytes: sum(free), text: zoneSums(free) }]
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
export function lettersOf(segments: readonly Segment[]): Map<string, string> {
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

/** The segments that have bytes from `start` up to, not including, `end`. */
export function segmentsIn(segments: readonly Segment[], start: number, end: number): Segment[] {
  return segments.filter((one) => one.start < end && one.end > start)
}
