import { concat, u32 } from '@sealwright/core/bytes'
import {
  certificateIds,
  channelLevels,
  chipModes,
  dataTags,
  keyPlaces,
  personalizationStates,
  productDataIds,
  receiptIds,
} from '@sealwright/core/catalog'
import { answerOf, cardStates } from '@sealwright/core/globalplatform'
import { serializeLimitedKeys } from '@sealwright/core/limited-keys'
import { serializeOutsideDigests, serializePolicy } from '@sealwright/core/personalization'
import { Refusal } from '../dispatch/refusal.ts'
import { vectorsInForce } from '../dispatch/vectors.ts'
import { sealedCustomizationKey } from '../later-customization/index.ts'
import { limitedKeys } from '../limited-keys/index.ts'
import type { Call, Parts } from '../parts.ts'
import {
  outsideDigests,
  readCertification,
  readChannelPolicy,
  readChecked,
  readIdentityProof,
  readPolicy,
} from '../personalization/index.ts'
import { serializeVectors } from '../rom/index.ts'
import { domainDataObject } from '../security-domain/index.ts'
import { signingCardState } from '../signing-card/index.ts'

/** GET DATA (GlobalPlatform 11.3): class 80 answers the data object, class 00 its value. */
export function getData(
  parts: Parts,
  { cla, p1, p2, data }: Pick<Call, 'cla' | 'p1' | 'p2' | 'data'>,
): Uint8Array {
  const tag = (p1 << 8) | p2
  const value = read(parts, tag) ?? domainDataObject(parts, tag, data)
  if (value === undefined) throw new Refusal('reference-not-found')
  return answerOf(tag, value, (cla & 0x80) !== 0)
}

/** What the module says of itself and its own flows. */
function read(parts: Parts, tag: number): Uint8Array | undefined {
  const { life, objects, events, rom } = parts
  const certificate = Object.values(certificateIds).find((row) => row.tag === tag)
  if (certificate !== undefined) return readChecked(parts, 'certificate', certificate.id)
  switch (tag) {
    case dataTags.product:
      return objects.read('product-data', productDataIds.name)
    case dataTags.state:
      return concat(
        Uint8Array.of(chipModes[life.mode()].code, personalizationStates[life.state()].code),
        u32(events.head()?.number ?? 0),
      )
    case dataTags.cardState:
      return life.mode() === 'user' ? Uint8Array.of(cardStates[life.cardState()].code) : undefined
    case dataTags.personalizationReceipt:
      return objects.read('receipt', receiptIds.personalization)
    case dataTags.depersonalizationReceipt:
      return objects.read('receipt', receiptIds.depersonalization)
    case dataTags.certification:
      return concat(Uint8Array.of(readCertification(objects)), serializePolicy(readPolicy(objects)))
    case dataTags.outsideObjects:
      return serializeOutsideDigests(outsideDigests(parts))
    case dataTags.limitedKeys:
      return serializeLimitedKeys(limitedKeys(parts))
    case dataTags.identityProof:
      return Uint8Array.of(readIdentityProof(parts))
    case dataTags.channelPolicy:
      return Uint8Array.of(channelLevels[readChannelPolicy(objects)].code)
    case dataTags.operatingKey:
      return parts.keys.has(keyPlaces.operating) ? parts.keys.point(keyPlaces.operating) : undefined
    case dataTags.sealedCustomizationKey:
      return sealedCustomizationKey(parts)
    case dataTags.signingCard:
      return signingCardState(parts)
    case dataTags.vectors:
      return serializeVectors(vectorsInForce(life.mode(), rom, objects))
    case dataTags.places:
      return parts.keys.places()
    case dataTags.resources:
      return parts.definitions.summary()
    case dataTags.memory:
      return parts.definitions.room()
    default:
      return undefined
  }
}
