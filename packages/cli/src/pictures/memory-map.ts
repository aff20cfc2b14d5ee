import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { memoryMap, type Segment } from '@sealwright/module/eeprom'
import type { OpenModule } from '../framework/step.ts'

/** Every byte of a module's EEPROM with its owner. */
export interface MemoryMap {
  /** Bytes of EEPROM. */
  readonly size: number
  readonly segments: readonly Segment[]
  readonly tenants: readonly Tenant[]
}

/** A supplier's resource: who lives in the resource zone. */
export interface Tenant {
  /** As its segments name it: `resource 1`. */
  readonly owner: string
  readonly aid: string
  readonly state: string
  /** Version of the program that runs, if one is loaded. */
  readonly version: number | undefined
  readonly start: number
  readonly end: number
}

/** The map of a module in a chip file: it looks inside, since no APDU gives this away. */
export function readMap({ inside }: Pick<OpenModule, 'inside'>): MemoryMap {
  if (inside === undefined)
    throw new UsageError('the memory of a module behind a line cannot be seen: name its chip file')
  const { objects, nvm, definitions } = inside.parts
  // Ids of keys are places, which people read in hex.
  const segments = memoryMap(objects, definitions.segments()).map((one) => ({
    ...one,
    name: one.name.replace(/\b[0-9]{5,}$/, (id) => Number(id).toString(16).toUpperCase().padStart(8, '0')),
  }))
  const tenants = definitions.list().map(({ id, aid, state, loaded, start, end }) => ({
    owner: `resource ${id}`,
    aid: encodeHex(aid),
    state,
    version: loaded?.version,
    start,
    end,
  }))
  return { size: nvm.size, segments, tenants }
}
