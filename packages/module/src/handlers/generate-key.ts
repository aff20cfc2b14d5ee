import { wipe } from '@sealwright/core/bytes'
import {
  keyTypes,
  parseGenerateKeyRequest,
  serializeGenerateKeyAnswer,
} from '@sealwright/core/globalplatform'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { keyReference } from '../registry/index.ts'
import {
  certifyMadeKey,
  changeKeys,
  recordDomainKeys,
  refuseScript,
  removeKey,
  requireKind,
  requirePlaces,
} from '../security-domain/index.ts'

/**
 * GENERATE KEY, Yubico's command: makes a P-256 pair of the selected security domain in the module and answers the public key.
 * P1 = version to replace, 00 to add; P2 = id.
 */
export function generateKey(parts: Parts, call: Pick<Call, 'p1' | 'p2' | 'data' | 'channel'>): Uint8Array {
  refuseScript(call)
  const { keyVersion, curve } = parseGenerateKeyRequest(call.data)
  const { p1: old, p2: id } = call
  if (id === 0 || id > 0x7f) throw new Refusal('wrong-parameters')
  if (curve !== 'P-256') throw new Refusal('function-not-supported')
  requireKind(id, keyTypes['ec-private'])
  const domain = parts.registry.selected
  requirePlaces(parts, domain, { old, version: keyVersion }, [id])
  const random = parts.entropy.bytes(48)
  let point: Uint8Array = new Uint8Array(0)
  try {
    changeKeys(parts, domain, (tx) => {
      if (old !== 0) removeKey(parts, tx, domain, old, id)
      point = parts.keys.makePair(tx, parts.domainKeys.place(domain, keyVersion, id), random)
      const certificates = certifyMadeKey(parts, { id, version: keyVersion, point })
      if (certificates !== undefined) {
        parts.domainData.put(tx, domain, 'certificates', keyReference(id, keyVersion), certificates)
      }
      recordDomainKeys(parts, tx, domain)
    })
  } finally {
    wipe(random)
  }
  return serializeGenerateKeyAnswer({ curve, point })
}
