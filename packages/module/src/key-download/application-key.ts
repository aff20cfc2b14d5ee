import { type KeyUse, parseKeyPlace, parseKeyRecord, permits } from '@sealwright/core/key-download'
import type { AesKey } from '@sealwright/core/ports'
import { Refusal } from '../dispatch/refusal.ts'
import type { Parts } from '../parts.ts'

/**
 * The key at a place for applications, for a use that its attributes name. A program reaches no other key: not T or TU, not KS1 (A1, B1).
 * A key that came with customization, not by IMPORT KEY, may do what its place is for.
 */
export function applicationKey(
  { keys, objects }: Pick<Parts, 'keys' | 'objects'>,
  place: number,
  use: KeyUse,
): AesKey {
  const bytes = objects.read('key-place', place)
  const laid = bytes === undefined ? undefined : parseKeyPlace(bytes)
  if (laid?.kind !== 'application' || !keys.has(place)) throw new Refusal('reference-not-found')
  const record = objects.read('receipt', place)
  const attributes =
    record === undefined ? { usage: laid.usage, mode: 'N' } : parseKeyRecord(record).attributes
  if (!permits(attributes, use)) throw new Refusal('conditions-not-satisfied')
  return keys.aes(place)
}
