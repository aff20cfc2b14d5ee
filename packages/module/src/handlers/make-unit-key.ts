import { equal, wipe } from '@sealwright/core/bytes'
import { keyPlaces, publicKeyIds } from '@sealwright/core/catalog'
import { InternalError } from '@sealwright/core/errors'
import { openCertificateRequest, prepareCertificateRequest } from '@sealwright/core/personalization'
import { parseUnitKeyOrder, serializeUnitKeyAnswer, unitKeyInput } from '@sealwright/core/signing-card'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { readChecked } from '../personalization/index.ts'
import { beginLog, logWasLost, objectIds, putSettings } from '../signing-card/index.ts'

/**
 * MAKE UNIT KEY: once in a signing card's life. Makes the unit's pair, which never leaves the card, for the central system that asks; signs
 * the request for its certificate with it, and vouches for it with the identity key. The same order again gives the same answer.
 */
export function makeUnitKey(
  parts: Pick<Parts, 'crypto' | 'entropy' | 'events' | 'keys' | 'nvm' | 'objects' | 'serial'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const { crypto, entropy, keys, nvm, objects } = parts
  const order = parseUnitKeyOrder(data)
  const central = openCertificateRequest(order.central, 'central-system', crypto)
  const serial = parts.serial()
  if (serial === undefined) throw new InternalError('user mode without serial number')
  if (!keys.has(keyPlaces.identity)) throw new Refusal('conditions-not-satisfied')
  const known = objects.read('signing-card', objectIds.order)
  const answer = objects.read('signing-card', objectIds.answer)
  if (known !== undefined && answer !== undefined) {
    if (!equal(known, data)) throw new Refusal('already-there')
    return answer
  }
  if (logWasLost(parts)) throw new Refusal('conditions-not-satisfied')
  // Where customization has named the central system, no other one comes to rule the card.
  const named = readChecked(parts, 'public-key', publicKeyIds.signingCentral)
  if (named !== undefined && !equal(named, central.point)) throw new Refusal('wrong-data')
  keys.refuseTestKey(central.point)
  const random = entropy.bytes(48)
  try {
    return nvm.transaction((tx) => {
      const point = keys.makePair(tx, keyPlaces.unitSigning, random)
      const { name, customer } = order
      const unsigned = prepareCertificateRequest({ role: 'unit', name, point, customer }, crypto)
      const request = unsigned.finish(keys.sign(keyPlaces.unitSigning, unsigned.toBeSigned))
      const proof = keys.sign(keyPlaces.identity, ...unitKeyInput(serial, point, crypto.sha256(data)))
      const made = serializeUnitKeyAnswer({ proof, request })
      putSettings(parts, tx, { order: data, centralPoint: central.point })
      objects.put(tx, 'signing-card', objectIds.answer, made)
      beginLog(parts, tx, { kind: 'key-made', point, order: data })
      return made
    })
  } finally {
    wipe(random)
  }
}
