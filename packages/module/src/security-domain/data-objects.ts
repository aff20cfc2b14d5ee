import { equal } from '@sealwright/core/bytes'
import { dataTags as ownTags, productDataIds } from '@sealwright/core/catalog'
import { scp03Parameter } from '@sealwright/core/channel/scp03'
import {
  cardRecognitionData,
  dataTags,
  serializeApplicationList,
  serializeCardCapabilities,
  serializeCardRecognitionData,
  serializeCplc,
  serializeExtendedResources,
  serializeKeyInformation,
  serializeSequenceCounter,
} from '@sealwright/core/globalplatform'
import { parseTlvs, serializeTlvs, tlv } from '@sealwright/core/tlv'
import type { Parts } from '../parts.ts'
import { type DomainDataKind, keyReference } from '../registry/index.ts'
import { diversificationData } from './identification.ts'
import { domainParameter } from './open-channel.ts'

type Needs = Pick<
  Parts,
  'serial' | 'objects' | 'nvm' | 'registry' | 'domainKeys' | 'domainData' | 'definitions'
>

/**
 * A data object of the selected security domain (GlobalPlatform 2.3.1, 11.3.3), or undefined when it has none.
 * @param request data field of GET DATA: names the key of BF21, the CA of 0083
 */
export function domainDataObject(parts: Needs, tag: number, request: Uint8Array): Uint8Array | undefined {
  const { registry, domainKeys, domainData, objects, serial } = parts
  const domain = registry.selected
  switch (tag) {
    case ownTags.serial:
      return domainData.read(domain, 'data', tag) ?? serial()
    case ownTags.issuer:
      return domainData.read(domain, 'data', tag) ?? objects.read('product-data', productDataIds.issuer)
    case dataTags['key-information']:
      return serializeKeyInformation(domainKeys.information(domain))
    case dataTags['card-data']:
      return recognitionData()
    case dataTags['card-capabilities']:
      return capabilities()
    case dataTags.cplc:
      return productionData(parts)
    case dataTags['diversification-data']:
      return diversificationData(parts)
    case dataTags['sequence-counter']:
      return sequenceCounter(parts, domain)
    case dataTags['application-list']:
      return serializeApplicationList(applications(parts))
    case dataTags['extended-resources']:
      return resources(parts)
    case dataTags.certificates:
      return domainData.read(domain, 'certificates', namedKey(request) ?? 0)
    case dataTags['ca-identifiers-kloc']:
      return authorities(parts, domain, 'authority')
    case dataTags['ca-identifiers-klcc']:
      return authorities(parts, domain, 'module-authority')
    case dataTags['ca-identifier']:
      return authorityNamed(parts, domain, request)
    default:
      return undefined
  }
}

/** SCP03, S8 and S16. SCP11 is named in 67 alone: a client in wide use stops where it stands here. */
function recognitionData(): Uint8Array {
  return serializeCardRecognitionData(
    cardRecognitionData('2.3.1', [
      { protocol: 0x03, parameter: [domainParameter] },
      { protocol: 0x03, parameter: [domainParameter | scp03Parameter.s16] },
    ]),
  )
}

function capabilities(): Uint8Array {
  return serializeCardCapabilities({
    protocols: [
      {
        protocol: 0x03,
        parameters: Uint8Array.of(domainParameter, domainParameter | scp03Parameter.s16),
        keyLengths: 0x07,
      },
      { protocol: 0x11, parameters: Uint8Array.of(0x1b, 0x02) },
    ],
    others: [tlv(0x81, Uint8Array.of(0x9e, 0xfe, 0x80)), tlv(0x82, Uint8Array.of(0x1e, 0x06, 0x00))],
  })
}

/** Zeros but for the chip's serial number: nobody made this chip. */
function productionData({ serial }: Needs): Uint8Array {
  const number = new DataView((serial() ?? new Uint8Array(8)).slice().buffer)
  const none = { icFabricator: 0, icType: 0, operatingSystem: 0, operatingSystemReleaseDate: 0 }
  const made = { operatingSystemReleaseLevel: 0, icFabricationDate: 0, icModuleFabricator: 0 }
  const packed = { icModulePackagingDate: 0, iccManufacturer: 0, icEmbeddingDate: 0, icPrePersonalizer: 0 }
  const before = { icPrePersonalizationDate: 0, icPrePersonalizationEquipment: 0, icPersonalizer: 0 }
  const after = { icPersonalizationDate: 0, icPersonalizationEquipment: 0 }
  const chip = { icSerialNumber: number.getUint32(4), icBatch: number.getUint16(2) }
  return serializeCplc({ ...none, ...made, ...packed, ...before, ...after, ...chip })
}

function sequenceCounter({ registry, domainKeys }: Needs, domain: number): Uint8Array | undefined {
  const holder = domainKeys.holder(registry, domain)
  const version = domainKeys.firstSet(holder)
  return version === undefined
    ? undefined
    : serializeSequenceCounter(domainKeys.sequenceCounter(holder, version))
}

function applications({ registry, definitions }: Needs): Uint8Array[] {
  return [...registry.list('application'), ...definitions.list()].map(({ aid }) => aid)
}

function resources(parts: Needs): Uint8Array {
  const free = parts.objects.free().map(({ start, end }) => end - start)
  return serializeExtendedResources({
    applications: applications(parts).length,
    nonVolatile: Math.max(0, ...free),
    volatile: 0x1_0000,
  })
}

/** CA identifiers, 42, each with the key it goes with, 83 (Amendment F, 7.2.2). */
function authorities({ domainData }: Needs, domain: number, kind: DomainDataKind): Uint8Array | undefined {
  const list = domainData.list(domain, kind)
  if (list.length === 0) return undefined
  return serializeTlvs(
    list.flatMap(({ key, bytes }) => [tlv(0x42, bytes), tlv(0x83, Uint8Array.of(key >>> 8, key & 0xff))]),
  )
}

/** The key of the CA with the identifier that A6 { 42 } names. */
function authorityNamed(parts: Needs, domain: number, request: Uint8Array): Uint8Array | undefined {
  const wanted = templateField(request, 0x42)
  if (wanted === undefined) return undefined
  const all = (['authority', 'module-authority'] as const).flatMap((kind) =>
    parts.domainData.list(domain, kind),
  )
  const found = all.find(({ bytes }) => equal(bytes, wanted))
  return found && Uint8Array.of(found.key >>> 8, found.key & 0xff)
}

/** KID and KVN in A6 { 83 }. */
function namedKey(request: Uint8Array): number | undefined {
  const field = templateField(request, 0x83)
  return field?.length === 2 ? keyReference(field[0]!, field[1]!) : undefined
}

function templateField(request: Uint8Array, tag: number): Uint8Array | undefined {
  const template = parseTlvs(request, 'GET DATA').find((one) => one.tag === 0xa6)
  return template && parseTlvs(template.value, 'GET DATA').find((one) => one.tag === tag)?.value
}
