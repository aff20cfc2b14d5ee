import { wipe } from '@sealwright/core/bytes'
import {
  type ChannelForm,
  certificateIds,
  channelKeys,
  keyPlaces,
  meetsLevel,
  productDataIds,
} from '@sealwright/core/catalog'
import {
  agreeEphemeral,
  beginDhSigned,
  beginSignedKey,
  isOpening,
  type OpenedExchange,
  type PendingExchange,
  type ProvingModuleOptions,
} from '@sealwright/core/channel/general-authenticate'
import { isProtected, type Refused, type Reply } from '@sealwright/core/channel/secure-messaging'
import { privateScalar } from '@sealwright/core/crypto'
import type { ChannelPeer, ChannelPurpose } from '../channel/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { readChannelPolicy, readChecked } from '../personalization/index.ts'
import { requireAwaiting, unitPeer } from './unit-peer.ts'

type Needs = Pick<
  Parts,
  'crypto' | 'entropy' | 'keys' | 'channels' | 'serial' | 'objects' | 'definitions' | 'life' | 'otp' | 'ram'
>

/** What P2 asks for. */
interface Wanted {
  readonly purpose: ChannelPurpose
  readonly form: ChannelForm & ('dh-signed' | 'signed-key')
  readonly place: number
  readonly certificate: number
  readonly peer: ProvingModuleOptions<ChannelPeer>['peer']
}

type Step = Reply<PendingExchange<ChannelPeer> | OpenedExchange<ChannelPeer | undefined>> | Refused

/** GENERAL AUTHENTICATE: the first message of one of its forms, as P2 says, or what follows in the one that is pending. */
export function openExchange(parts: Needs, call: Call): Uint8Array {
  const { channels } = parts
  const pending = channels.takePending('GENERAL AUTHENTICATE')
  const anew = !isProtected(call.cla) && isOpening(call.data)
  if (pending !== undefined && !anew) return settle(parts, pending.step.step(call), pending.purpose)
  pending?.step.close()
  channels.close()
  if (isProtected(call.cla)) throw new Refusal('security-not-satisfied')
  if (call.p2 === channelKeys.ephemeral) return openUnauthenticated(parts, call)
  const wanted = wantedOf(parts, call)
  if (wanted === undefined || !parts.keys.has(wanted.place)) throw new Refusal('reference-not-found')
  const certificate = readChecked(parts, 'certificate', wanted.certificate)
  if (certificate === undefined) throw new Refusal('conditions-not-satisfied')
  const begin = wanted.form === 'dh-signed' ? beginDhSigned : beginSignedKey
  const step = begin(call, {
    ...exchangeOptions(parts),
    staticKey: parts.keys.pair(wanted.place),
    certificate,
    resource: wanted.purpose.resource ?? 0,
    peer: wanted.peer,
  })
  return settle(parts, step, wanted.purpose)
}

function openUnauthenticated(parts: Needs, call: Call): Uint8Array {
  if (call.p1 !== 0x01) throw new Refusal('reference-not-found')
  requireAwaiting(parts)
  if (!meetsLevel('ephemeral', readChannelPolicy(parts.objects))) throw new Refusal('security-not-satisfied')
  const purpose = { kind: 'personalization', form: 'ephemeral' } as const
  return settle(parts, agreeEphemeral(call, exchangeOptions(parts)), purpose)
}

function settle({ channels }: Needs, step: Step, purpose: ChannelPurpose): Uint8Array {
  if (step.refused !== undefined) throw new Refusal(step.refused)
  if ('session' in step.next) {
    const { session, transcript, peer } = step.next
    channels.open({ ...purpose, session, transcript, ...(peer === undefined ? {} : { peer }) })
  } else channels.await({ by: 'GENERAL AUTHENTICATE', step: step.next, purpose })
  return step.reply
}

function exchangeOptions({ crypto, entropy, objects, serial }: Needs) {
  const random = entropy.bytes(48)
  const ephemeralScalar = privateScalar(crypto, random)
  wipe(random)
  return {
    crypto,
    ephemeralScalar,
    sin: objects.read('product-data', productDataIds.issuer) ?? new Uint8Array(8),
    serial: serial() ?? new Uint8Array(8),
  }
}

function wantedOf(parts: Needs, { p1, p2 }: Call): Wanted | undefined {
  switch (p2) {
    case channelKeys['unit-dh-signed']:
    case channelKeys['unit-signed-key']: {
      if (p1 !== 0x01) return undefined
      requireAwaiting(parts)
      const form = p2 === channelKeys['unit-dh-signed'] ? 'dh-signed' : 'signed-key'
      return {
        form,
        purpose: { kind: 'personalization', form },
        place: keyPlaces.identity,
        certificate: certificateIds.identity.id,
        peer: (identification) => identification && unitPeer(parts, identification),
      }
    }
    case channelKeys['supplier-dh-signed']:
    case channelKeys['supplier-signed-key']: {
      if (parts.life.state() !== 'operating') throw new Refusal('conditions-not-satisfied')
      const point = parts.definitions.supplierKey(p1)
      if (point === undefined) return undefined
      return {
        form: p2 === channelKeys['supplier-dh-signed'] ? 'dh-signed' : 'signed-key',
        purpose: { kind: 'supplier', resource: p1 },
        place: keyPlaces.operating,
        certificate: certificateIds.operating.id,
        // In a resource the key in DEF counts, and no certificate.
        peer: (identification) => (identification === undefined ? { point } : undefined),
      }
    }
    default:
      return undefined
  }
}
