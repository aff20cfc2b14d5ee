import { wipe } from '@sealwright/core/bytes'
import { parseKeyPlace } from '@sealwright/core/key-download'
import { limitedKeyEventInput, parseLimitedKeyData } from '@sealwright/core/limited-keys'
import { Refusal } from '../dispatch/refusal.ts'
import { unwrapKey } from '../key-download/index.ts'
import { hearTime, isLimited, putLimitedKey } from '../limited-keys/index.ts'
import type { Call, Parts } from '../parts.ts'
import { mayFollow, readTime, timeOf } from '../personalization/index.ts'

/**
 * PUT LIMITED KEY: the central system gives a symmetric key until a date, or for so many uses, at a place for keys that no loader fills.
 * Its time is heard on the way; a date that is over with it is refused.
 */
export function putLimitedKeyHandler(
  parts: Pick<Parts, 'crypto' | 'nvm' | 'objects' | 'keys' | 'events' | 'serial'>,
  { p1, p2, data, channel }: Pick<Call, 'p1' | 'p2' | 'data' | 'channel'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const { crypto, nvm, objects, keys, events } = parts
  const request = parseLimitedKeyData(data)
  const { time, place, limits } = request
  const serial = parts.serial()
  const laid = objects.read('key-place', place)
  if (serial === undefined || laid === undefined) throw new Refusal('reference-not-found')
  const { kind, source } = parseKeyPlace(laid)
  // A place with a source is the loader's, and its key not this one's to replace.
  if (kind !== 'application' || source !== 0) throw new Refusal('reference-not-found')
  if (keys.has(place) && !isLimited(parts, place)) throw new Refusal('already-there')
  if (!mayFollow(readTime(objects, timeOf.central), time)) throw new Refusal('wrong-data')
  if (limits.notAfter !== undefined && limits.notAfter < time) throw new Refusal('wrong-data')
  const key = unwrapKey(crypto, channel, request)
  try {
    nvm.transaction((tx) => {
      hearTime(parts, tx, time)
      putLimitedKey(parts, tx, { place, key, limits })
      events.record(tx, 'limited-key-taken', serial, crypto.sha256(...limitedKeyEventInput(request)))
    })
  } finally {
    wipe(key)
  }
  return new Uint8Array(0)
}
