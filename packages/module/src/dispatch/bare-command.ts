import type { Call } from '../parts.ts'
import { Refusal } from './refusal.ts'

/** Refuses parameters other than 0000, and data, in a command that takes neither. */
export function requireBare({ p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>): void {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  if (data.length > 0) throw new Refusal('wrong-length')
}
