import { equal, wipe } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import {
  beginInput,
  ownBeginInput,
  parseBeginRequest,
  serializeBeginAnswer,
} from '@sealwright/core/personalization'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { isIdentical, readPending, writePending } from '../personalization/index.ts'

/**
 * BEGIN: makes the pending key pair from the module's entropy and the unit's salt, and has the identity key sign it, or in one of many
 * identical modules, which have none, the new key itself.
 * The same data again gives the same answer; other data discards the pending pair.
 */
export function begin(
  { entropy, nvm, objects, keys, serial }: Pick<Parts, 'entropy' | 'nvm' | 'objects' | 'keys' | 'serial'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const request = parseBeginRequest(data)
  const pending = readPending(objects)
  const made = keys.has(keyPlaces.pending) || keys.has(keyPlaces.manufactured)
  if (pending !== undefined && equal(pending.request, data) && made) return pending.answer
  const number = serial()
  const identified = keys.has(keyPlaces.identity)
  if (number === undefined || (!identified && !isIdentical(objects))) {
    throw new Refusal('conditions-not-satisfied')
  }
  const random = entropy.bytes(48)
  try {
    return nvm.transaction((tx) => {
      // Where the product's policy had the first pair made in customization, this is it.
      const point = keys.has(keyPlaces.manufactured)
        ? keys.point(keyPlaces.manufactured)
        : keys.makePair(tx, keyPlaces.pending, random, request.salt)
      const place = keys.has(keyPlaces.manufactured) ? keyPlaces.manufactured : keyPlaces.pending
      const signature = identified
        ? keys.sign(keyPlaces.identity, ...beginInput(number, request, point))
        : keys.sign(place, ...ownBeginInput(number, request, point))
      const answer = serializeBeginAnswer({ point, signature })
      writePending(tx, objects, { request: data, answer })
      return answer
    })
  } finally {
    wipe(random)
  }
}
