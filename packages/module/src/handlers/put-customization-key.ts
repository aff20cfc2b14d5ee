import { wipe } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import {
  openCustomizationKeyEnvelope,
  parseCustomizationKeyEnvelope,
  serializeSealedCustomizationKey,
} from '@sealwright/core/customization'
import { InternalError } from '@sealwright/core/errors'
import { requireCustomizationSoftware } from '../customization/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import { holdsCustomizationKey, putCustomizationKey } from '../later-customization/index.ts'
import type { Call, Parts } from '../parts.ts'

/**
 * PUT CUSTOMIZATION KEY: opens what a SAM sealed to this chip's identity key, and keeps the channel's keys and the sealed form. Another key
 * takes the place of the first until FINISH; the same one changes nothing.
 */
export function putCustomizationKeyHandler(
  parts: Pick<Parts, 'crypto' | 'events' | 'keys' | 'nvm' | 'objects' | 'ram' | 'serial'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  requireCustomizationSoftware(parts)
  const { crypto, events, keys, nvm } = parts
  const envelope = parseCustomizationKeyEnvelope(data)
  const serial = parts.serial()
  if (serial === undefined) throw new InternalError('customization mode without serial number')
  if (!keys.has(keyPlaces.identity)) throw new Refusal('conditions-not-satisfied')
  const point = keys.point(keyPlaces.identity)
  const key = openCustomizationKeyEnvelope(
    { crypto, serial, point, agree: (peer) => keys.agree(keyPlaces.identity, peer) },
    envelope,
  )
  try {
    const { sealed } = envelope
    if (holdsCustomizationKey(parts, sealed)) return new Uint8Array(0)
    nvm.transaction((tx) => {
      putCustomizationKey(parts, tx, serial, { key, sealed })
      const digest = crypto.sha256(serializeSealedCustomizationKey(sealed))
      events.record(tx, 'customization-key-stored', serial, digest)
    })
    return new Uint8Array(0)
  } finally {
    wipe(key)
  }
}
