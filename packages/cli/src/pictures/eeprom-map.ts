import { encodeHex } from '@sealwright/core/bytes'
import type { Module } from '@sealwright/module'
import { memoryMap, type Segment } from '@sealwright/module/eeprom'

/** Every byte of a module's EEPROM with its owner. */
export interface EepromMap {
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

export function readEepromMap({ parts }: Pick<Module, 'parts'>): EepromMap {
  const { objects, nvm, definitions } = parts
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
