import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { settingsOf, takeDocument } from '../signing-card/index.ts'

/** ADMINISTER: takes one document of the central system that rules the card: a roster, a ticket, an acknowledgement of the log. */
export function administer(
  parts: Pick<Parts, 'crypto' | 'events' | 'keys' | 'nvm' | 'objects' | 'serial'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  takeDocument(parts, settingsOf(parts), data)
  return new Uint8Array(0)
}
