import { concat, equal, u16, wipe } from '@sealwright/core/bytes'
import { kcvGlobalPlatform, requireScalar, withHandle } from '@sealwright/core/crypto'
import { AuthError, UsageError } from '@sealwright/core/errors'
import {
  curves,
  factoryKeyVersion,
  isCaKeyIdentifier,
  keyIdentifiers,
  keyTypes,
  type PutKeyComponent,
} from '@sealwright/core/globalplatform'
import type { AesKey } from '@sealwright/core/ports'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Call, Parts } from '../parts.ts'
import { issuerDomain, keyReference, scp03Ids } from '../registry/index.ts'
import { layDomainCounters } from './domain-tries.ts'

type Needs = Pick<Parts, 'crypto' | 'keys' | 'domainKeys' | 'domainData'>

/** A key of PUT KEY as it is laid. Its bytes are wiped by the caller. */
export interface ClearKey {
  readonly type: number
  readonly bytes: Uint8Array
}

/** SCP11c's scripts can be made and played without the card: no keys go in or out by it (Amendment F, 6.4). */
export function refuseScript({ channel }: Pick<Call, 'channel'>): void {
  if (channel?.securityDomain?.protocol === 'scp11c') throw new Refusal('conditions-not-satisfied')
}

/** Refuses ids whose meaning is another kind of key: SCP11's are key pairs, those of CAs public keys. */
export function requireKind(id: number, type: number): void {
  const pairs: readonly number[] = [keyIdentifiers.scp11a, keyIdentifiers.scp11b, keyIdentifiers.scp11c]
  if (pairs.includes(id) && type !== keyTypes['ec-private']) throw new Refusal('wrong-data')
  if (isCaKeyIdentifier(id) && type !== keyTypes['ec-public']) throw new Refusal('wrong-data')
}

/**
 * Refuses versions that do not fit what is there: a key to be replaced that does not exist, a new one in a place that is taken.
 * @param old version to be replaced, 0 for none
 */
export function requirePlaces(
  { domainKeys }: Needs,
  domain: number,
  { old, version }: { readonly old: number; readonly version: number },
  ids: readonly number[],
): void {
  for (const id of ids) {
    if (old !== 0 && domainKeys.find(domain, old, id) === undefined) throw new Refusal('reference-not-found')
    if (old !== version && domainKeys.find(domain, version, id) !== undefined)
      throw new Refusal('already-there')
  }
}

/** Unwraps and checks a key. Only P-256 and AES: others the module has no use for. A known test key is for test modules only (X9). */
export function clearKey(parts: Needs, component: PutKeyComponent, dek: AesKey): ClearKey {
  const key = unwrapped(parts, component, dek)
  try {
    if (key.type !== keyTypes['rsa-modulus']) parts.keys.refuseTestKey(key.bytes)
    return key
  } catch (error) {
    wipe(key.bytes)
    throw error
  }
}

function unwrapped({ crypto }: Needs, component: PutKeyComponent, dek: AesKey): ClearKey {
  switch (component.kind) {
    case 'aes': {
      const key = decrypted(dek, component.wrapped, component.length)
      if (!equal(withHandle(crypto.aes(key), kcvGlobalPlatform), component.checkValue)) {
        wipe(key)
        throw new Refusal('security-not-satisfied')
      }
      return { type: keyTypes.aes, bytes: key }
    }
    case 'ec-private': {
      if (component.curve !== 'P-256') throw new Refusal('function-not-supported')
      const scalar = decrypted(dek, component.wrapped, curves['P-256'].bytes)
      if (!isScalar(scalar)) {
        wipe(scalar)
        throw new Refusal('wrong-data')
      }
      return { type: keyTypes['ec-private'], bytes: scalar }
    }
    case 'ec-public':
      if (component.curve !== 'P-256') throw new Refusal('function-not-supported')
      requirePoint(crypto, component.point)
      return { type: keyTypes['ec-public'], bytes: component.point }
    case 'rsa-public': {
      const { modulus, exponent } = component
      return { type: keyTypes['rsa-modulus'], bytes: concat(u16(modulus.length), modulus, exponent) }
    }
    case 'des':
      throw new Refusal('function-not-supported')
  }
}

export function layKey(
  { keys, domainKeys }: Needs,
  tx: Transaction,
  place: number,
  { type, bytes }: ClearKey,
): void {
  if (type === keyTypes.aes) keys.putAes(tx, place, bytes)
  else if (type === keyTypes['ec-private']) keys.putPrivate(tx, place, bytes)
  else domainKeys.putPublicKey(tx, place, type, bytes)
}

/** Removes a key and everything bound to it. */
export function removeKey(
  { domainKeys, domainData }: Needs,
  tx: Transaction,
  domain: number,
  version: number,
  id: number,
): void {
  domainKeys.remove(tx, domainKeys.place(domain, version, id))
  domainData.removeKey(tx, domain, keyReference(id, version))
}

/** The first SCP03 set of its own ends the factory set of the issuer security domain. */
export function endFactorySet(parts: Needs, tx: Transaction, domain: number): void {
  const sets = domain === issuerDomain ? parts.domainKeys.sets(domain) : []
  if (!sets.includes(factoryKeyVersion) || sets.length < 2) return
  for (const id of scp03Ids) removeKey(parts, tx, domain, factoryKeyVersion, id)
}

/**
 * Changes keys of a security domain. The issuer's has a way in by SCP03 as long as it had one: a change that would leave it without a complete
 * set is refused and undone.
 */
export function changeKeys(
  parts: Needs & Pick<Parts, 'nvm' | 'objects' | 'otp'>,
  domain: number,
  change: (tx: Transaction) => void,
): void {
  const { domainKeys, nvm } = parts
  const had = domain === issuerDomain && domainKeys.sets(domain).length > 0
  nvm.transaction((tx) => {
    change(tx)
    if (had && domainKeys.sets(domain).length === 0) throw new Refusal('conditions-not-satisfied')
    layDomainCounters(parts, tx, domain)
  })
}

function decrypted(dek: AesKey, wrapped: Uint8Array, length: number): Uint8Array {
  const padded = dek.cbcDecrypt(new Uint8Array(16), wrapped)
  const key = padded.slice(0, length)
  wipe(padded)
  return key
}

function isScalar(bytes: Uint8Array): boolean {
  try {
    requireScalar(bytes)
    return true
  } catch (error) {
    if (error instanceof UsageError) return false
    throw error
  }
}

function requirePoint(crypto: Parts['crypto'], point: Uint8Array): void {
  try {
    crypto.ecPublicKey(point)[Symbol.dispose]()
  } catch (error) {
    if (error instanceof AuthError) throw new Refusal('wrong-data')
    throw error
  }
}
