import { factoryKeyVersion } from '@sealwright/core/globalplatform'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import { issuerDomain, scp03Ids } from '../registry/index.ts'
import { type CardProof, keepFirstPair, layCardProof, layFirstPair } from './card-proof.ts'
import { recordDomainKeys } from './record.ts'

type Needs = Pick<Parts, 'objects' | 'keys' | 'domainKeys' | 'domainData'>

/** The key of the factory set, ENC, MAC and DEK alike: published, and for test modules only (GlobalPlatform's 40 41 … 4F). */
const factoryKey = Uint8Array.from({ length: 16 }, (_, i) => 0x40 + i)

/** Gives a test module its factory keys: the published SCP03 set as version FF, and the SCP11b pair that proves it. */
export function installFactoryKeys(parts: Needs, tx: Transaction, proof?: CardProof): void {
  layFactorySet(parts, tx)
  if (proof === undefined) return
  layCardProof(parts, tx, proof)
  keepFirstPair(parts, tx, proof)
}

/** Puts the issuer security domain back to its beginning: every key, certificate and list of it goes, the factory's come. */
export function restoreFactoryKeys(
  parts: Needs & Pick<Parts, 'crypto' | 'events' | 'offCard' | 'registry' | 'serial'>,
  tx: Transaction,
): void {
  const { domainKeys, domainData } = parts
  for (const { place } of domainKeys.list(issuerDomain)) domainKeys.remove(tx, place)
  domainData.removeAll(tx, issuerDomain)
  layFactorySet(parts, tx)
  layFirstPair(parts, tx)
  recordDomainKeys(parts, tx, issuerDomain)
}

/** Lays the published SCP03 set. */
export function layFactorySet(
  { keys, domainKeys }: Pick<Parts, 'keys' | 'domainKeys'>,
  tx: Transaction,
): void {
  for (const id of scp03Ids)
    keys.putAes(tx, domainKeys.place(issuerDomain, factoryKeyVersion, id), factoryKey)
}
