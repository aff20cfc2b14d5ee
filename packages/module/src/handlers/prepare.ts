import { Reader } from '@sealwright/core/bytes'
import { parseKeyPlace, prepareHolds, prepareModes, serializeKeyRequest } from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import { keepRandom } from '../key-download/index.ts'
import type { Call, Parts } from '../parts.ts'

/**
 * PREPARE: a fresh R for one key place. The module itself names REF1, from the application that lies at the place (A6); the answer
 * goes to EXPORT KEY unchanged. It takes the place of any R that was outstanding.
 */
export function prepare(
  parts: Pick<Parts, 'entropy' | 'ram' | 'nvm' | 'objects' | 'keys' | 'serial'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  const { entropy, objects, keys } = parts
  if (p1 !== prepareModes.any && p1 !== prepareModes.replace) throw new Refusal('wrong-parameters')
  if (p2 !== prepareHolds.volatile && p2 !== prepareHolds.held) throw new Refusal('wrong-parameters')
  const r = new Reader(data, 'PREPARE')
  const destination = r.u32('REF2')
  r.end()
  const serial = parts.serial()
  const bytes = objects.read('key-place', destination)
  if (serial === undefined || bytes === undefined) throw new Refusal('reference-not-found')
  const place = parseKeyPlace(bytes)
  const replaceOnly = p1 === prepareModes.replace
  if (place.kind !== 'application') throw new Refusal('reference-not-found')
  if (replaceOnly && !keys.has(destination)) throw new Refusal('reference-not-found')
  const { source } = place
  const random = entropy.bytes(16)
  keepRandom(parts, { random, source, destination, replaceOnly, tries: 0, held: p2 === prepareHolds.held })
  return serializeKeyRequest({ serial, source, destination, random })
}
