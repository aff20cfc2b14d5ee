import { DecodeError, type ErrorCode } from '@sealwright/core/errors'
import { type AreaName, areaOfPage, type Geometry, totalPages } from '../medium/index.ts'

/**
 * What may be wrong with a sealed memory:
 * - torn: fails authentication where a power cut explains it; the next start heals it
 * - tampered: fails authentication where nothing explains it
 * - stale: authenticates, and is not what was written last
 * - rolled-back: the whole memory is older than the counter
 * - counter-rolled-back: the counter is older than the memory
 * - counter-damaged: the counter proves nothing
 */
export type FindingKind =
  | 'torn'
  | 'tampered'
  | 'stale'
  | 'rolled-back'
  | 'counter-rolled-back'
  | 'counter-damaged'

/** Where: an area of memory, the seal record behind the last page, or the counter. */
export type FindingPlace = AreaName | 'seal' | 'counter'

export interface Finding {
  readonly kind: FindingKind
  readonly place?: FindingPlace
  /** Number of the slot in the memory, or of the counter's cell. */
  readonly page?: number
  /** For a person. */
  readonly reason: string
}

const codes = {
  tampered: 'memory-tampered',
  stale: 'memory-stale',
  'rolled-back': 'memory-rolled-back',
  'counter-rolled-back': 'counter-rolled-back',
  'counter-damaged': 'counter-damaged',
} as const satisfies Record<Exclude<FindingKind, 'torn'>, ErrorCode>

/** A finding that no start heals. */
export class SealBroken extends DecodeError {
  readonly finding: Finding

  constructor(finding: Finding & { readonly kind: Exclude<FindingKind, 'torn'> }) {
    const { kind, place, page, reason } = finding
    super(reason, {
      code: codes[kind],
      details: { ...(place === undefined ? {} : { area: place }), ...(page === undefined ? {} : { page }) },
    })
    this.finding = finding
  }
}

export function isFatal(finding: Finding): finding is Finding & { kind: Exclude<FindingKind, 'torn'> } {
  return finding.kind !== 'torn'
}

/** The area of a page, or the seal record, whose slot follows the last page. */
export function placeOf(geometry: Geometry, page: number): AreaName | 'seal' {
  return page === totalPages(geometry) ? 'seal' : areaOfPage(geometry, page).name
}

/** `page 7 (eeprom)` or `the seal record`. */
export function named(geometry: Geometry, page: number): string {
  const place = placeOf(geometry, page)
  return place === 'seal' ? 'the seal record' : `page ${page} (${place})`
}
