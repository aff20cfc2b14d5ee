import {
  deleteOptions,
  factoryKeyVersion,
  parseDeleteRequest,
  serializeConfirmation,
} from '@sealwright/core/globalplatform'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { issuerDomain, scp03Ids } from '../registry/index.ts'
import {
  carryOutToken,
  changeKeys,
  deleteContent,
  layFactorySet,
  recordDomainKeys,
  refuseScript,
  removeKey,
  requireOwnContent,
} from '../security-domain/index.ts'

/** DELETE (GlobalPlatform 2.3.1, 11.2): keys of the selected security domain, or content that belongs to it. Answers 00. */
export function deleteHandler(parts: Parts, call: Pick<Call, 'p1' | 'p2' | 'data' | 'channel'>): Uint8Array {
  const { p1, p2, data } = call
  if (p1 !== 0 || !Object.values<number>(deleteOptions).includes(p2)) throw new Refusal('wrong-parameters')
  const request = parseDeleteRequest(data)
  if (request.kind === 'content') {
    if (p2 === deleteOptions['last-key']) throw new Refusal('wrong-parameters')
    if (request.token !== undefined) return deleteResource(parts, request.aid, request.token)
    requireOwnContent(parts, request.aid)
    deleteContent(parts, request.aid, p2 === deleteOptions['object-and-related'])
    return Uint8Array.of(0)
  }
  refuseScript(call)
  deleteKeys(parts, request, p2 === deleteOptions['last-key'])
  return Uint8Array.of(0)
}

/** Only an operator deletes a resource. The same document once more, when it is gone, is answered with the receipt that was made. */
function deleteResource(parts: Parts, aid: Uint8Array, token: Uint8Array): Uint8Array {
  const { definitions } = parts
  const named = definitions.named(aid)
  const receipt = carryOutToken(parts, token, ({ type, resource }) => {
    return type === 'deletion' && definitions.find(resource)?.id === named?.id
  })
  return serializeConfirmation(receipt)
}

/**
 * The last SCP03 set of the issuer security domain stays, or nobody would get in again. Told to delete it all the same, a test module takes its
 * factory keys back, unless they are what is to go.
 */
function deleteKeys(
  parts: Parts,
  { keyId, keyVersion }: { readonly keyId?: number; readonly keyVersion?: number },
  last: boolean,
): void {
  const { domainKeys, registry, otp } = parts
  const domain = registry.selected
  const named = domainKeys
    .list(domain)
    .filter(({ id, version }) => (keyId ?? id) === id && (keyVersion ?? version) === version)
  if (named.length === 0) throw new Refusal('reference-not-found')
  const sets = domain === issuerDomain ? domainKeys.sets(domain) : []
  const opens =
    sets.length > 0 &&
    sets.every((version) => named.some((one) => one.version === version && isSetKey(one.id)))
  const restores = opens && last && otp.test('test') && !sets.includes(factoryKeyVersion)
  changeKeys(parts, domain, (tx) => {
    for (const { version, id } of named) removeKey(parts, tx, domain, version, id)
    if (restores) layFactorySet(parts, tx)
    recordDomainKeys(parts, tx, domain)
  })
}

function isSetKey(id: number): boolean {
  return scp03Ids.some((one) => one === id)
}
