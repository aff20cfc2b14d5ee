import { serializeBeginRequest } from '@sealwright/core/personalization'
import { parseCertificateOrder } from '@sealwright/core/signing-card'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { mayFollow } from '../personalization/index.ts'
import {
  keepOrder,
  knownTime,
  requireUnit,
  sameOrder,
  settingsOf,
  unitCertificate,
} from '../signing-card/index.ts'

/**
 * ORDER CERTIFICATE: the data of BEGIN for one module, with a salt and a nonce of the card's own. Another order for the same module takes the
 * place of the one before; the same again, while it is open, gives the same answer. The time counts only with ISSUE CERTIFICATE.
 */
export function orderCertificate(
  parts: Pick<Parts, 'crypto' | 'entropy' | 'events' | 'keys' | 'nvm' | 'objects' | 'otp'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const { entropy, nvm } = parts
  const order = parseCertificateOrder(data)
  const { serial, time } = order
  requireUnit(parts, unitCertificate(parts), settingsOf(parts), time)
  if (!mayFollow(knownTime(parts), time)) throw new Refusal('wrong-data')
  const same = sameOrder(parts, order)
  if (same !== undefined) return serializeBeginRequest(same.begin)
  const begin = { salt: entropy.bytes(16), time, nonce: entropy.bytes(16) }
  nvm.transaction((tx) => keepOrder(parts, tx, { serial, begin }))
  return serializeBeginRequest(begin)
}
