import { equal, wipe } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import { beginInput, parseBeginRequest, serializeBeginAnswer } from '@sealwright/core/personalization'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { readPending, writePending } from '../personalization/index.ts'

/**
 * BEGIN: makes the pending key pair from the module's entropy and the unit's salt, and has the identity key sign it.
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
  if (number === undefined || !keys.has(keyPlaces.identity)) throw new Refusal('conditions-not-satisfied')
  const random = entropy.bytes(48)
  try {
    return nvm.transaction((tx) => {
      // Where the product's policy had the first pair made in customization, this is it.
      const point = keys.has(keyPlaces.manufactured)
        ? keys.point(keyPlaces.manufactured)
        : keys.makePair(tx, keyPlaces.pending, random, request.salt)
      const signature = keys.sign(keyPlaces.identity, ...beginInput(number, request, point))
      const answer = serializeBeginAnswer({ point, signature })
      writePending(tx, objects, { request: data, answer })
      return answer
    })
  } finally {
    wipe(random)
  }
}
