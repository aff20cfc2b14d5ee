import { UsageError } from '@sealwright/core/errors'

export const pageSize = 256

/** The non-volatile memory's size in pages of 256 bytes. Areas follow one another in this order of pages. */
export interface Geometry {
  readonly pageSize: typeof pageSize
  readonly otpPages: number
  readonly eepromPages: number
  readonly journalPages: number
  readonly romPages: number
}

export type AreaName = 'otp' | 'eeprom' | 'journal' | 'rom'

export interface Area {
  readonly name: AreaName
  /** Number of its first page. */
  readonly first: number
  readonly pages: number
}

export const areaNames = ['otp', 'eeprom', 'journal', 'rom'] as const satisfies readonly AreaName[]

export function areaPages(geometry: Geometry, name: AreaName): number {
  return geometry[pageCounts[name]]
}

const pageCounts = {
  otp: 'otpPages',
  eeprom: 'eepromPages',
  journal: 'journalPages',
  rom: 'romPages',
} as const satisfies Record<AreaName, keyof Geometry>

export function totalPages(geometry: Geometry): number {
  return areaNames.reduce((sum, name) => sum + areaPages(geometry, name), 0)
}

export function areaOf(geometry: Geometry, name: AreaName): Area {
  let first = 0
  for (const other of areaNames) {
    if (other === name) break
    first += areaPages(geometry, other)
  }
  return { name, first, pages: areaPages(geometry, name) }
}

/** A page outside a memory of so many pages is a UsageError. */
export function requirePage(page: number, total: number): void {
  if (!Number.isInteger(page) || page < 0 || page >= total) {
    throw outside(page, total)
  }
}

function outside(page: number, total: number): UsageError {
  return new UsageError(`page ${page} lies outside the memory of ${total} pages`)
}

/** The area that holds a page; a page outside the memory is a UsageError. */
export function areaOfPage(geometry: Geometry, page: number): Area {
  let first = 0
  for (const name of areaNames) {
    const pages = areaPages(geometry, name)
    if (Number.isInteger(page) && page >= first && page < first + pages) return { name, first, pages }
    first += pages
  }
  throw outside(page, first)
}

export const smallestEeprom = 32 * 1024
export const defaultEeprom = 256 * 1024
export const largestEeprom = 4 * 1024 * 1024

/** Pages of 256 changed bytes that one transaction holds at least: a quarter of EEPROM, never under 64. */
export function transactionPages(eepromPages: number): number {
  return Math.max(64, eepromPages / 4)
}

/**
 * Geometry for an EEPROM of 32 KiB to 4 MiB (a power of two) and a ROM image of so many bytes.
 * The journal is made large enough for a transaction of `transactionPages` incompressible pages.
 */
export function geometryFor(eepromSize: number = defaultEeprom, romLength = 0): Geometry {
  const power = Math.log2(eepromSize)
  if (!Number.isInteger(power) || eepromSize < smallestEeprom || eepromSize > largestEeprom) {
    throw new UsageError(`EEPROM size: expected a power of two from 32 KiB to 4 MiB, got ${eepromSize}`)
  }
  const eepromPages = eepromSize / pageSize
  return {
    pageSize,
    otpPages: 1,
    eepromPages,
    // 261 bytes an incompressible page, header and attachment 84: journal/record.ts. Of no size are these more pages than 20 would be.
    journalPages: Math.ceil((transactionPages(eepromPages) * 261 + 84) / pageSize),
    romPages: Math.ceil(romLength / pageSize),
  }
}
