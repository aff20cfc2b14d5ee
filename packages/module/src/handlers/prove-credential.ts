import { keyPlaces } from '@sealwright/core/catalog'
import { parseBeginAnswer, parseBeginRequest, proveCredential } from '@sealwright/core/personalization'
import { requireBare } from '../dispatch/bare-command.ts'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { readPending } from '../personalization/index.ts'

/** PROVE CREDENTIAL, after BEGIN: ties the new key to the credential that the customer made for this serial number. */
export function proveCredentialHandler(
  { objects, keys, serial }: Pick<Parts, 'objects' | 'keys' | 'serial'>,
  call: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  requireBare(call)
  const number = serial()
  if (number === undefined || !keys.has(keyPlaces.credential)) throw new Refusal('reference-not-found')
  const pending = readPending(objects)
  if (pending === undefined) throw new Refusal('conditions-not-satisfied')
  const { point } = parseBeginAnswer(pending.answer)
  return proveCredential(keys.aes(keyPlaces.credential), number, parseBeginRequest(pending.request), point)
}
