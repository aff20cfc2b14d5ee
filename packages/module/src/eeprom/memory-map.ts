import { InternalError } from '@sealwright/core/errors'
import { objectKinds } from './object-kinds.ts'
import type { Objects } from './objects.ts'

/** Addresses from `start` up to, not including, `end`, and whose they are. */
export interface Segment {
  readonly start: number
  readonly end: number
  readonly owner: string
  readonly name: string
}

/**
 * Every byte of EEPROM attributed, without gap or overlap, free space included.
 * @param inside segments that others know of inside DEF and the resource zone, in any order
 */
export function memoryMap(objects: Objects, inside: readonly Segment[] = []): Segment[] {
  const { zones } = objects.nvm
  const known: Segment[] = [
    { ...span(zones.control), owner: 'module', name: 'control' },
    { ...span(zones.directory), owner: 'module', name: 'directory' },
    ...objects
      .list()
      .filter(({ length }) => length > 0)
      .map(({ kind, id, address, length }) => ({
        start: address,
        end: address + length,
        owner: objectKinds[kind].owner,
        name: `${kind} ${id}`,
      })),
    ...inside,
  ].sort((a, b) => a.start - b.start)
  const map: Segment[] = []
  let at = 0
  const fill = (end: number): void => {
    for (const name of ['definition', 'heap', 'resources'] as const) {
      const zone = zones[name]
      const start = Math.max(at, zone.start)
      const stop = Math.min(end, zone.end)
      if (start < stop) map.push({ start, end: stop, owner: 'free', name: `free ${name}` })
    }
    at = end
  }
  for (const segment of known) {
    if (segment.start < at)
      throw new InternalError(`memory map: ${segment.name} overlaps what lies before it`)
    fill(segment.start)
    map.push(segment)
    at = segment.end
  }
  fill(objects.nvm.size)
  return map
}

function span({ start, end }: { start: number; end: number }): { start: number; end: number } {
  return { start, end }
}
