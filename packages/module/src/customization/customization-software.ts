import { Reader, Writer } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import { type ImageForm, imageForms } from '@sealwright/core/customization'
import { Refusal } from '../dispatch/refusal.ts'
import { controlIds, type Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'

/** What the chip remembers of the UNLOCK that opened it: form(1) ‖ hash(32). */
export interface UnlockRecord {
  readonly form: ImageForm
  /** The hash that UNLOCK took. */
  readonly hash: Uint8Array
}

export function readUnlockRecord({ objects }: Pick<Parts, 'objects'>): UnlockRecord | undefined {
  const bytes = objects.read('control', controlIds.unlockRecord)
  if (bytes === undefined) return undefined
  const r = new Reader(bytes, 'unlock record')
  const form = r.u8('form') === imageForms.ram ? 'ram' : 'eeprom'
  const hash = r.take(32, 'hash')
  r.end()
  return { form, hash }
}

export function writeUnlockRecord(
  { objects }: Pick<Parts, 'objects'>,
  tx: Transaction,
  record: UnlockRecord,
): void {
  const bytes = new Writer().u8(imageForms[record.form]).bytes(record.hash).finish()
  objects.put(tx, 'control', controlIds.unlockRecord, bytes)
}

/** The decrypted customization software, or undefined: not unlocked, or the RAM form after a loss of power. The caller wipes it. */
export function customizationSoftware({
  objects,
  ram,
}: Pick<Parts, 'objects' | 'ram'>): Uint8Array | undefined {
  return objects.read('customization-software', 0) ?? ram.view(ramName)?.slice()
}

/** Refuses what needs the customization software when it is not there. */
export function requireCustomizationSoftware(parts: Pick<Parts, 'objects' | 'ram'>): void {
  const there =
    parts.objects.find('customization-software', 0) !== undefined || parts.ram.view(ramName) !== undefined
  if (!there) throw new Refusal('conditions-not-satisfied')
}

/** Overwrites all that customization leaves behind: encrypted and decrypted software, its keys, the record of UNLOCK. */
export function eraseCustomization(
  { objects, keys, ram }: Pick<Parts, 'objects' | 'keys' | 'ram'>,
  tx: Transaction,
): void {
  objects.remove(tx, 'encrypted-image', 0)
  objects.remove(tx, 'customization-software', 0)
  objects.remove(tx, 'control', controlIds.unlockRecord)
  for (const number of [0, 1, 2]) keys.remove(tx, keyPlaces.customization + number)
  ram.release(ramName)
}

/** Name of the RAM form's place. */
export const ramName = 'customization software'
