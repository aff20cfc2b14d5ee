import { DecodeError } from '@sealwright/core/errors'
import { areaOf, type Medium, PageDamaged, pageSize } from '../medium/index.ts'
import { parseRecord } from './record.ts'

/** What lies in the journal area: zeros at rest. */
export interface JournalSurvey {
  /**
   * `committed`: the next power-up carries the transaction out; `incomplete`: it drops what there is of it, and the old memory
   * holds.
   */
  readonly state: 'empty' | 'committed' | 'incomplete'
  /** Pages of the journal that are not zero, from 0. */
  readonly used: readonly number[]
  /** Pages of the memory that a committed transaction replaces. */
  readonly pages: readonly number[]
}

/** Looks into the journal and changes nothing. A torn page counts as used. */
export function surveyJournal(medium: Medium): JournalSurvey {
  const { first, pages: count } = areaOf(medium.geometry, 'journal')
  const bytes = new Uint8Array(count * pageSize)
  const used: number[] = []
  for (let i = 0; i < count; i++) {
    try {
      const page = medium.lend(first + i)
      if (page.every((byte) => byte === 0)) continue
      bytes.set(page, i * pageSize)
    } catch (error) {
      if (!(error instanceof PageDamaged)) throw error
    }
    used.push(i)
  }
  if (used.length === 0) return { state: 'empty', used, pages: [] }
  try {
    const { pages } = parseRecord(bytes)
    const numbers = [...pages.keys()]
    for (const content of pages.values()) content.fill(0)
    return { state: 'committed', used, pages: numbers }
  } catch (error) {
    if (error instanceof DecodeError) return { state: 'incomplete', used, pages: [] }
    throw error
  } finally {
    bytes.fill(0)
  }
}
