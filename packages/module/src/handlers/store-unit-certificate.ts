import { equal } from '@sealwright/core/bytes'
import { certificateIds, keyPlaces } from '@sealwright/core/catalog'
import { centralTbs, certificateNumber } from '@sealwright/core/signing-card'
import { parseCertificate, serializeCertificate } from '@sealwright/core/x509'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { putChecked, readChecked } from '../personalization/index.ts'
import { addEntry, knownTime, requireRoom, requireUnit, settingsOf } from '../signing-card/index.ts'

/**
 * STORE UNIT CERTIFICATE: the manufacturer's certificate of the unit's key, DER, checked up to the manufacturer's key that customization
 * stored. With it the card certifies the central system's key. A later one takes the place of the one before.
 */
export function storeUnitCertificate(
  parts: Pick<Parts, 'crypto' | 'entropy' | 'events' | 'keys' | 'nvm' | 'objects' | 'otp' | 'serial'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const { crypto, entropy, keys, nvm } = parts
  const settings = settingsOf(parts)
  const unit = parseCertificate(data)
  requireUnit(parts, unit, settings, Math.max(unit.notBefore, knownTime(parts) ?? 0))
  const stored = readChecked(parts, 'certificate', certificateIds.signingUnit.id)
  if (stored !== undefined) {
    if (equal(stored, data)) return new Uint8Array(0)
    if (parseCertificate(stored).notBefore >= unit.notBefore) throw new Refusal('already-there')
  }
  requireRoom(parts, settings.capacity)
  const { centralName: name, centralPoint: point } = settings
  const centralNumber = certificateNumber(entropy.bytes(16))
  const tbs = centralTbs(unit, { certificateNumber: centralNumber, name, point }, crypto)
  const centralSignature = keys.sign(keyPlaces.unitSigning, tbs)
  nvm.transaction((tx) => {
    putChecked(tx, parts, 'certificate', certificateIds.signingUnit.id, data)
    const central = serializeCertificate(tbs, centralSignature)
    putChecked(tx, parts, 'certificate', certificateIds.signingCentral.id, central)
    addEntry(parts, tx, { kind: 'unit-certified', centralNumber, centralSignature, unit: data })
  })
  return new Uint8Array(0)
}
