import {
  type ChannelForm,
  type ChannelLevel,
  channelForms,
  channelKeys,
  channelLevels,
  commands,
  keyPlaces,
  productDataIds,
} from '@sealwright/core/catalog'
import { documentChannelKeys } from '@sealwright/core/customization'
import type { Crypto, Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseCertificate } from '@sealwright/core/x509'
import {
  type Channel,
  endChannel,
  openDhSigned,
  openEphemeral,
  openScp11a,
  openScp11b,
  openSignedKey,
} from '@sealwright/roles/channel'
import { underDocumentKey } from '@sealwright/roles/custody'
import { certifyUnit } from '@sealwright/roles/manufacturer'
import { memoryPorts, type PartyPorts } from '@sealwright/roles/ports'
import { channelIdentification, channelKey, personalize, request } from '@sealwright/roles/unit'
import { nodeCrypto } from '../src/crypto/index.ts'
import { customer, personalizationWorld, signed, transportOf, type World } from './personalization-world.ts'

/** The forms in which there is a channel. */
export type SecuredForm = Exclude<ChannelForm, 'none'>
export const securedForms = (Object.keys(channelForms) as ChannelForm[]).filter(
  (form): form is SecuredForm => form !== 'none',
)
/** Those in which somebody in the middle has to fail. */
export const provenForms = securedForms.filter((form) => form !== 'ephemeral')

export const documentKey = scriptedEntropy('the key in the papers').bytes(32)
export const serial = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

/** A module with a document key whose product takes every form, or what `least` leaves. */
export function channelWorld(least: ChannelLevel | undefined = 'none', crypto?: Crypto): Promise<World> {
  return personalizationWorld({
    ...(crypto === undefined ? {} : { crypto }),
    prepare({ tx, objects, keys }) {
      const set = documentChannelKeys(crypto ?? nodeCrypto, documentKey, serial)
      for (const [i, key] of [set.enc, set.mac, set.dek].entries())
        keys.putAes(tx, keyPlaces.document + i, key)
      if (least === undefined) return
      const level = Uint8Array.of(channelLevels[least].code)
      objects.put(tx, 'product-data', productDataIds.channelPolicy, level)
    },
  })
}

/** `unit personalize` in this form, on a unit without a lower bound. */
export function personalizeIn(world: World, form: ChannelForm, transport: Transport = transportOf(world)) {
  return personalize(world.unit, transport, {
    ...world.order,
    channel: form,
    leastChannel: 'none',
    ...(form === 'document-key' ? { documentKey } : {}),
  })
}

/** Who opens a channel: a unit with its ports and its certificate. */
export interface Opener {
  readonly ports: PartyPorts
  readonly certificate: Uint8Array
}

export function unitOf({ unit, unitCertificate }: World): Opener {
  return { ports: unit, certificate: unitCertificate }
}

/** Another unit that the same manufacturer has certified, for the same customer: as good as the first, but another. */
export async function otherUnit(
  { manufacturer, clock, crypto }: World,
  name = 'other unit',
): Promise<Opener> {
  const ports = await memoryPorts('unit', { clock, entropy: scriptedEntropy(name), crypto })
  const { encoded } = await certifyUnit(manufacturer, signed(await request(ports, { name, customer })))
  return { ports, certificate: encoded }
}

/** Opens a channel of this form, as `unit personalize` does, and works in it. */
export async function within<T>(
  form: SecuredForm,
  { ports, certificate }: Opener,
  transport: Transport,
  module: { readonly publicPoint: Uint8Array; readonly encoded: Uint8Array },
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  const { crypto, entropy, vault } = ports
  if (form === 'document-key') return underDocumentKey(ports, transport, { serial, documentKey }, work)
  const bare = { crypto, entropy, serial }
  const own = async () => ({
    ...{ ...bare, vault, keyName: channelKey },
    identification: await channelIdentification(ports, parseCertificate(certificate)),
  })
  const { publicPoint: modulePoint } = module
  const signedModule = { point: modulePoint, certificate: module.encoded }
  const open = {
    ephemeral: async () => openEphemeral(transport, bare),
    'module-proof': async () => openScp11b(transport, { ...bare, modulePoint }),
    mutual: async () => openScp11a(transport, { ...(await own()), modulePoint, keyId: channelKeys.unit }),
    'dh-signed': async () => openDhSigned(transport, { ...(await own()), module: signedModule }),
    'signed-key': async () => openSignedKey(transport, { ...(await own()), module: signedModule }),
  }
  let channel: Channel | undefined
  try {
    channel = await open[form]()
    return await work(channel)
  } finally {
    channel?.close()
    await endChannel(transport)
  }
}

/** Instructions that set channels up. */
export const settingUp: ReadonlySet<number> = new Set(
  (
    ['INITIALIZE UPDATE', 'EXTERNAL AUTHENTICATE', 'INTERNAL AUTHENTICATE', 'GENERAL AUTHENTICATE'] as const
  ).map((name) => commands[name].ins),
)
