import { pageSize } from '../medium/index.ts'
import type { Rom } from './rom.ts'
import { vectorLength } from './vectors.ts'

/** Addresses in ROM from `start` up to, not including, `end`. */
export interface RomSegment {
  readonly start: number
  readonly end: number
  readonly kind: 'header' | 'client-key' | 'vectors' | 'natives' | 'program-table' | 'program' | 'free'
  readonly name: string
}

/** Every byte of a ROM attributed, the zeros behind programs included, up to the end of its last page. */
export function romMap(rom: Rom): RomSegment[] {
  const map: RomSegment[] = []
  let at = 0
  const next = (kind: RomSegment['kind'], name: string, length: number): void => {
    if (length > 0) map.push({ start: at, end: at + length, kind, name })
    at += length
  }
  const { bootVectors, nativeEntries, programs } = rom
  next('header', 'magic, version, lengths', 4 + 1 + 4 + 4)
  next('client-key', 'public key of the client', 65)
  next(
    'vectors',
    `${counted(bootVectors.length, 'vector')} of the first modes`,
    2 + bootVectors.length * vectorLength,
  )
  next('natives', `numbers of ${counted(nativeEntries.length, 'native function')}`, 2 + nativeEntries.length)
  const rows = programs.reduce((length, { name }) => length + 10 + name.length, 0)
  next('program-table', `table of ${counted(programs.length, 'program')}`, 1 + rows)
  for (const { id, name, address, code } of programs) {
    next('free', 'zeros', address - at)
    next('program', `program ${id}: ${name}`, code.length)
  }
  next('free', 'zeros', Math.ceil(at / pageSize) * pageSize - at)
  return map
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
