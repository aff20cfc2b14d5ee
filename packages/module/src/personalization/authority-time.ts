import { Reader, u32 } from '@sealwright/core/bytes'
import type { Objects, Transaction } from '../eeprom/index.ts'

/** Whose time: each authority's is kept apart and never goes back (design, section 4, Time). */
export const timeOf = { unit: 1, operator: 2, signingCard: 3, central: 4 } as const

/** One message moves an authority's time at most this far, in seconds: 400 days. */
export const longestStep = 400 * 86_400

/** Last time heard from an authority, in seconds since 1970; undefined before the first. */
export function readTime(objects: Objects, authority: number): number | undefined {
  const bytes = objects.read('authority-time', authority)
  return bytes === undefined ? undefined : new Reader(bytes, 'authority time').u32('seconds')
}

/** Whether a time may follow what was heard before; the first one is free. */
export function mayFollow(before: number | undefined, time: number): boolean {
  return before === undefined || (time >= before && time <= before + longestStep)
}

export function writeTime(tx: Transaction, objects: Objects, authority: number, time: number): void {
  objects.put(tx, 'authority-time', authority, u32(time))
}
