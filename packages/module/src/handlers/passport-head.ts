import { Reader, Writer } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import { passportHeadInput } from '@sealwright/core/log'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'

/** PASSPORT HEAD: event number and chain signed with the caller's nonce, by the operating key or, without one, the identity key. */
export function passportHead(
  { events, keys, serial }: Pick<Parts, 'events' | 'keys' | 'serial'>,
  { data }: Pick<Call, 'data'>,
): Uint8Array {
  const r = new Reader(data, 'PASSPORT HEAD')
  const nonce = r.take(16, 'nonce')
  r.end()
  const head = events.head()
  const number = serial()
  const operating = keys.has(keyPlaces.operating)
  const place = operating ? keyPlaces.operating : keyPlaces.identity
  if (head === undefined || number === undefined || !keys.has(place))
    throw new Refusal('conditions-not-satisfied')
  const signature = keys.sign(place, ...passportHeadInput({ serial: number, nonce, ...head }))
  return new Writer()
    .u32(head.number)
    .bytes(head.chain)
    .u8(operating ? 2 : 1)
    .bytes(signature)
    .finish()
}
