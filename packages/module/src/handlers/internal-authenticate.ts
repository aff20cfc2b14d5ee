import { Refusal } from '../dispatch/refusal.ts'
import type { Parts } from '../parts.ts'

/** INTERNAL AUTHENTICATE (SCP11b): the module proves who it is. */
export function internalAuthenticate({ channels }: Pick<Parts, 'channels'>): Uint8Array {
  channels.close()
  throw new Refusal('reference-not-found')
}
