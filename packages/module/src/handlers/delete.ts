import { equal } from '@sealwright/core/bytes'
import { deleteOptions, factoryKeyVersion, parseDeleteRequest } from '@sealwright/core/globalplatform'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { issuerDomain, scp03Ids } from '../registry/index.ts'
import {
  carryOutToken,
  confirmation,
  deleteContent,
  layFactorySet,
  recordDomainKeys,
  refuseScript,
  removeKey,
} from '../security-domain/index.ts'

/** DELETE (GlobalPlatform 2.3.1, 11.2): keys of the selected security domain, or content that belongs to it. Answers 00. */
export function deleteHandler(parts: Parts, call: Pick<Call, 'p1' | 'p2' | 'data' | 'channel'>): Uint8Array {
  const { p1, p2, data } = call
  if (p1 !== 0 || !Object.values<number>(deleteOptions).includes(p2)) throw new Refusal('wrong-parameters')
  const request = parseDeleteRequest(data)
  if (request.kind === 'content') {
    if (p2 === deleteOptions['last-key']) throw new Refusal('wrong-parameters')
    const resource = parts.definitions.list().find(({ aid }) => equal(aid, request.aid))
    if (resource !== undefined) {
      if (request.token === undefined) throw new Refusal('security-not-satisfied')
      return confirmation(
        carryOutToken(
          parts,
          request.token,
          (document) => document.type === 'deletion' && document.resource === resource.id,
        ),
      )
    }
    deleteContent(parts, request.aid, p2 === deleteOptions['object-and-related'])
    return Uint8Array.of(0)
  }
  refuseScript(call)
  deleteKeys(parts, request, p2 === deleteOptions['last-key'])
  return Uint8Array.of(0)
}

/**
 * The last SCP03 set of the issuer security domain stays, or nobody would get in again. Told to delete it all the same, a test module takes its
 * factory keys back.
 */
function deleteKeys(
  parts: Parts,
  { keyId, keyVersion }: { readonly keyId?: number; readonly keyVersion?: number },
  last: boolean,
): void {
  const { domainKeys, registry, nvm, otp } = parts
  const domain = registry.selected
  const named = domainKeys
    .list(domain)
    .filter(({ id, version }) => (keyId ?? id) === id && (keyVersion ?? version) === version)
  if (named.length === 0) throw new Refusal('reference-not-found')
  const sets = domain === issuerDomain ? domainKeys.sets(domain) : []
  const opens =
    sets.length > 0 &&
    sets.every((version) => named.some((one) => one.version === version && isSetKey(one.id)))
  if (opens && (!last || !otp.test('test') || keyVersion === factoryKeyVersion))
    throw new Refusal('conditions-not-satisfied')
  nvm.transaction((tx) => {
    for (const { version, id } of named) removeKey(parts, tx, domain, version, id)
    if (opens) layFactorySet(parts, tx)
    recordDomainKeys(parts, tx, domain)
  })
}

function isSetKey(id: number): boolean {
  return scp03Ids.some((one) => one === id)
}
