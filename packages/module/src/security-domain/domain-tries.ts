import { isCaKeyIdentifier, keyIdentifiers } from '@sealwright/core/globalplatform'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import { issuerDomain } from '../registry/index.ts'
import { restoreFactoryKeys } from './factory-keys.ts'

type Needs = Pick<
  Parts,
  | 'crypto'
  | 'nvm'
  | 'objects'
  | 'otp'
  | 'keys'
  | 'domainKeys'
  | 'domainData'
  | 'events'
  | 'serial'
  | 'registry'
  | 'channels'
  | 'offCard'
>

/**
 * Set-ups of a channel that a test module lets fail for each key, one after another. Then the key is blocked, and when all are, the
 * factory's come back: how a test card is put back to its beginning without any key. Other modules never count: a counter that anyone
 * can spend is a way to shut a module for ever.
 */
const tries = 64

/** Refuses a blocked key with 6983. When every key by which one can authenticate is blocked, the factory keys come back first. */
export function requireUnblocked(parts: Needs, place: number): void {
  const { otp, nvm, channels } = parts
  if (!otp.test('test') || !isBlocked(parts, place)) return
  if (authenticationKeys(parts, issuerDomain).every((key) => isBlocked(parts, key))) {
    nvm.transaction((tx) => restoreFactoryKeys(parts, tx))
    // A session under keys that are gone must not go on.
    channels.close()
  }
  throw new Refusal('blocked')
}

/** The set that version 0 means: the first that is not blocked. */
export function firstSet(parts: Needs, domain: number): number | undefined {
  const { domainKeys } = parts
  const open = domainKeys
    .sets(domain)
    .filter((version) => !isBlocked(parts, domainKeys.place(domain, version, keyIdentifiers['scp03-enc'])))
  const first = domainKeys.firstSet(domain)
  return first === undefined || open.length === 0 || open.includes(first) ? first : open[0]
}

/** Counts a set-up that has begun, before anything is compared. */
export function countDomainTry({ otp, objects }: Needs, tx: Transaction, place: number): void {
  if (otp.test('test')) objects.put(tx, 'tries', place, Uint8Array.of(triesOf(objects, place) + 1))
}

/** After a set-up that proved the host. */
export function forgiveDomainTries({ otp, objects, nvm }: Needs, place: number): void {
  if (otp.test('test') && triesOf(objects, place) > 0)
    nvm.transaction((tx) => objects.put(tx, 'tries', place, Uint8Array.of(0)))
}

/** Makes room for what every set-up counts: a memory that was filled up must not shut the domain. */
export function layDomainCounters(
  { otp, objects, domainKeys }: Pick<Needs, 'otp' | 'objects' | 'domainKeys'>,
  tx: Transaction,
  domain: number,
): void {
  for (const version of domainKeys.sets(domain)) {
    domainKeys.putSequenceCounter(tx, domain, version, domainKeys.sequenceCounter(domain, version))
  }
  if (!otp.test('test')) return
  for (const place of authenticationKeys({ domainKeys }, domain)) {
    objects.put(tx, 'tries', place, Uint8Array.of(triesOf(objects, place)))
  }
}

function isBlocked({ objects }: Pick<Needs, 'objects'>, place: number): boolean {
  return triesOf(objects, place) >= tries
}

function triesOf(objects: Parts['objects'], place: number): number {
  return objects.read('tries', place)?.[0] ?? 0
}

/** Places of a security domain's keys that open channels: ENC of each set, SCP11's own keys, CA keys. */
function authenticationKeys({ domainKeys }: Pick<Needs, 'domainKeys'>, domain: number): number[] {
  const agreement: readonly number[] = [keyIdentifiers.scp11a, keyIdentifiers.scp11b, keyIdentifiers.scp11c]
  const sets = domainKeys.sets(domain)
  return domainKeys
    .list(domain)
    .filter(({ id, version }) => {
      if (id === keyIdentifiers['scp03-enc']) return sets.includes(version)
      return agreement.includes(id) || isCaKeyIdentifier(id)
    })
    .map(({ place }) => place)
}
