import { equal } from '@sealwright/core/bytes'
import { commands, keyPlaces } from '@sealwright/core/catalog'
import {
  laterChannelKeys,
  type SealedCustomizationKey,
  serializeSealedCustomizationKey,
  wipeChannelKeys,
} from '@sealwright/core/customization'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import { parseVectors } from '../rom/index.ts'

type Needs = Pick<Parts, 'crypto' | 'keys' | 'objects'>

const place = keyPlaces['later-customization']

/** The customization key as its SAM sealed it, or undefined. */
export function sealedCustomizationKey({ objects }: Pick<Parts, 'objects'>): Uint8Array | undefined {
  return objects.read('sealed-key', 0)
}

/** Whether this very key lies here already. */
export function holdsCustomizationKey(
  { keys, objects }: Pick<Parts, 'keys' | 'objects'>,
  sealed: SealedCustomizationKey,
): boolean {
  const stored = sealedCustomizationKey({ objects })
  return stored !== undefined && keys.has(place) && equal(stored, serializeSealedCustomizationKey(sealed))
}

/** Keeps what the channel needs of the key, and the sealed form; the key itself lies nowhere in the chip. */
export function putCustomizationKey(
  { crypto, keys, objects }: Needs,
  tx: Transaction,
  serial: Uint8Array,
  { key, sealed }: { readonly key: Uint8Array; readonly sealed: SealedCustomizationKey },
): void {
  const set = laterChannelKeys(crypto, key, serial)
  try {
    keys.putAes(tx, place, set.enc)
    keys.putAes(tx, place + 1, set.mac)
    keys.putAes(tx, place + 2, set.dek)
    objects.put(tx, 'sealed-key', 0, serializeSealedCustomizationKey(sealed))
  } finally {
    wipeChannelKeys(set)
  }
}

/**
 * FINISH: later customization is switched on whole, or not at all. A key without its command, or the command without a key, is refused, for
 * neither could be mended in user mode.
 */
export function requireLaterCustomization({ keys, objects }: Pick<Parts, 'keys' | 'objects'>): void {
  const vectors = parseVectors(objects.read('vector-table', 0) ?? new Uint8Array(0))
  const active = vectors.some(
    ({ program, function: entry }) => program === 0 && entry === commands.CUSTOMIZE.entry,
  )
  if (active !== keys.has(place)) throw new Refusal('conditions-not-satisfied')
}
