import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'

/** RAM names of the cash machine's example: the payment asked for, and the central system's order for it. */
export const pendingPayment = 'payment asked for'
export const orderedPayment = 'payment ordered'

/** Session data that holds the last outcome that was told. */
export const lastOutcomeId = 2

/** Drops the payment that is under way, and what was told of the last. */
export function forgetPayment({ ram, objects }: Pick<Parts, 'ram' | 'objects'>, tx: Transaction): void {
  ram.release(pendingPayment)
  ram.release(orderedPayment)
  objects.remove(tx, 'session-data', lastOutcomeId)
}
