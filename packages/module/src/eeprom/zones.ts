import { pageSize } from '../medium/index.ts'

/** Part of EEPROM: addresses from `start` up to, not including, `end`. */
export interface Zone {
  readonly start: number
  readonly end: number
}

export interface Zones {
  /** One page: format, size, and the mark that ties EEPROM to OTP. */
  readonly control: Zone
  /** Entries of 16 bytes, one an object. */
  readonly directory: Zone
  /** DEF: entries of 512 bytes, one a resource. */
  readonly definition: Zone & { readonly entries: number; readonly entryLength: 512 }
  /** Content of the objects. */
  readonly heap: Zone
  /** The suppliers' areas: the upper half. */
  readonly resources: Zone
}

/** Layout of an EEPROM of 32 KiB to 4 MiB. The smaller half is the module's own, the other the resources'. */
export function zonesOf(eepromSize: number): Zones {
  const control = { start: 0, end: pageSize }
  const directory = { start: control.end, end: control.end + Math.max(2048, eepromSize / 32) }
  const entries = Math.max(4, eepromSize / 16_384)
  const definition = {
    start: directory.end,
    end: directory.end + entries * 512,
    entries,
    entryLength: 512 as const,
  }
  const heap = { start: definition.end, end: eepromSize / 2 }
  return { control, directory, definition, heap, resources: { start: heap.end, end: eepromSize } }
}
