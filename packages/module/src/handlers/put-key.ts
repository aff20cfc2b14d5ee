import { wipe } from '@sealwright/core/bytes'
import {
  checkValuesOf,
  keyTypes,
  parsePutKeyData,
  serializePutKeyAnswer,
} from '@sealwright/core/globalplatform'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import {
  type ClearKey,
  changeKeys,
  clearKey,
  endFactorySet,
  layKey,
  recordDomainKeys,
  refuseScript,
  removeKey,
  requireKind,
  requirePlaces,
} from '../security-domain/index.ts'

/**
 * PUT KEY (GlobalPlatform 2.3.1, 11.8; Amendment D, 7.2) into the selected security domain: P1 = version to replace, 00 to add; P2 = id of the
 * first key, b8 when there are several. All keys of a command are taken or none. The first SCP03 set ends the factory's.
 */
export function putKey(parts: Parts, call: Pick<Call, 'p1' | 'p2' | 'data' | 'channel'>): Uint8Array {
  refuseScript(call)
  const { keyVersion, keys } = parsePutKeyData(call.data)
  const first = call.p2 & 0x7f
  const several = (call.p2 & 0x80) !== 0
  if (first === 0 || first + keys.length > 0x80 || (!several && keys.length > 1)) {
    throw new Refusal('wrong-parameters')
  }
  const domain = parts.registry.selected
  const ids = keys.map((_, i) => first + i)
  requirePlaces(parts, domain, { old: call.p1, version: keyVersion }, ids)
  const dek = call.channel?.session.dek
  if (dek === undefined) throw new Refusal('conditions-not-satisfied')
  const clear: ClearKey[] = []
  try {
    for (const [i, component] of keys.entries()) {
      const key = clearKey(parts, component, dek)
      clear.push(key)
      requireKind(ids[i]!, key.type)
    }
    changeKeys(parts, domain, (tx) => {
      if (call.p1 !== 0) for (const id of ids) removeKey(parts, tx, domain, call.p1, id)
      for (const [i, key] of clear.entries()) {
        layKey(parts, tx, parts.domainKeys.place(domain, keyVersion, ids[i]!), key)
      }
      endFactorySet(parts, tx, domain)
      recordDomainKeys(parts, tx, domain)
    })
  } finally {
    wipe(...clear.filter(({ type }) => type !== keyTypes['ec-public']).map(({ bytes }) => bytes))
  }
  return serializePutKeyAnswer({ keyVersion, checkValues: checkValuesOf(keys) })
}
