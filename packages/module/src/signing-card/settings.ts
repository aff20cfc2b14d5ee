import { keyPlaces, publicKeyIds } from '@sealwright/core/catalog'
import { documentKeyId } from '@sealwright/core/cbor'
import { openCertificateRequest } from '@sealwright/core/personalization'
import { parseUnitKeyOrder, type UnitKeyOrder } from '@sealwright/core/signing-card'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import { putChecked, readChecked } from '../personalization/index.ts'
import { requireOwnLog } from './card-log.ts'
import { objectIds } from './object-ids.ts'

type Needs = Pick<Parts, 'crypto' | 'keys' | 'objects'>

/** What MAKE UNIT KEY has fixed. */
export interface Settings extends Omit<UnitKeyOrder, 'central'> {
  /** The unit's key, 65 bytes, and its key id. */
  readonly point: Uint8Array
  readonly keyId: Uint8Array
  /** The central system that rules the card, 65 bytes, and the name in its request. */
  readonly centralPoint: Uint8Array
  readonly centralName: string
}

/** The settings; undefined before MAKE UNIT KEY. */
export function findSettings(parts: Needs): Settings | undefined {
  const { crypto, keys, objects } = parts
  const order = objects.read('signing-card', objectIds.order)
  if (order === undefined) return undefined
  const centralPoint = readChecked(parts, 'public-key', publicKeyIds.signingCentral)
  if (centralPoint === undefined || !keys.has(keyPlaces.unitSigning)) throw new Refusal('memory-failure')
  const { central, ...rest } = parseUnitKeyOrder(order)
  const { name: centralName } = openCertificateRequest(central, 'central-system', crypto)
  const point = keys.point(keyPlaces.unitSigning)
  return { ...rest, point, keyId: documentKeyId(point, crypto), centralPoint, centralName }
}

/** The settings; 6985 before MAKE UNIT KEY, and in a memory that a restore has put back. */
export function settingsOf(parts: Needs & Pick<Parts, 'events'>): Settings {
  const settings = findSettings(parts)
  if (settings === undefined) throw new Refusal('conditions-not-satisfied')
  requireOwnLog(parts)
  return settings
}

export function putSettings(
  parts: Needs,
  tx: Transaction,
  { order, centralPoint }: { readonly order: Uint8Array; readonly centralPoint: Uint8Array },
): void {
  parts.objects.put(tx, 'signing-card', objectIds.order, order)
  putChecked(tx, parts, 'public-key', publicKeyIds.signingCentral, centralPoint)
}
