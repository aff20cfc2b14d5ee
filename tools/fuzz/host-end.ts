import type { Command, Response } from '@sealwright/core/apdu'
import { channelKeys, keyPlaces, keyVersions, productDataIds, publicKeyIds } from '@sealwright/core/catalog'
import { AwaitingInitializeUpdateAnswer } from '@sealwright/core/channel/scp03'
import { AwaitingReceipt, hostIdOf, keyUsage } from '@sealwright/core/channel/scp11'
import type { HostSession, SecurityLevel } from '@sealwright/core/channel/secure-messaging'
import { privateScalar } from '@sealwright/core/crypto'
import { AuthError, PeerError, RefusedError } from '@sealwright/core/errors'
import { keyIdentifiers, keyTypes } from '@sealwright/core/globalplatform'
import type { Crypto, Entropy } from '@sealwright/core/ports'
import type { Module } from '@sealwright/module'
import type { ChannelChoice, DomainChannel, OwnChannel } from './step.ts'

export interface HostWorld {
  readonly crypto: Crypto
  readonly entropy: Entropy
  readonly parts: Module['parts']
  /** Sends one command and gives its whole answer. */
  exchange(command: Command): Response
}

/**
 * Opens a channel as its rightful host does, with core's own code. The keys come out of the module's memory, also the host's share of a
 * key agreement: whoever holds the module's private key can compute it. Undefined when the module has no such key or refuses.
 */
export function openHostEnd(world: HostWorld, choice: ChannelChoice): HostSession | undefined {
  try {
    switch (choice.channel) {
      case 'security-domain':
        return choice.protocol === 'scp03' ? openDomainScp03(world, choice) : openDomainScp11(world, choice)
      case 'customization':
      case 'later-customization':
      case 'document':
        return openOwnScp03(world, choice.channel)
      default:
        return openOwnScp11(world, choice)
    }
  } catch (error) {
    if (error instanceof RefusedError || error instanceof AuthError || error instanceof PeerError)
      return undefined
    throw error
  }
}

function openOwnScp03(world: HostWorld, kind: keyof typeof keyVersions): HostSession {
  const place = keyPlaces[kind]
  return openScp03(world, [place, place + 1, place + 2], {
    keyVersion: keyVersions[kind],
    level: 0x33,
    challenge: 8,
  })
}

function openDomainScp03(world: HostWorld, { version, level, s16 }: DomainChannel): HostSession {
  const { registry, domainKeys } = world.parts
  const domain = domainKeys.holder(registry, registry.selected)
  const set = version === 0 ? (domainKeys.firstSet(domain) ?? 0) : version
  const places = [1, 2, 3].map((id) => domainKeys.place(domain, set, id))
  return openScp03(world, places, { keyVersion: version, level, challenge: s16 === true ? 16 : 8 })
}

function openScp03(
  world: HostWorld,
  places: readonly number[],
  wanted: { readonly keyVersion: number; readonly level: SecurityLevel; readonly challenge: number },
): HostSession {
  const { crypto, entropy, parts } = world
  const key = (n: number) =>
    parts.keys.type(places[n]!) === keyTypes.aes
      ? parts.keys.ownAes(places[n]!)
      : crypto.aes(new Uint8Array(16))
  const { keyVersion, level, challenge } = wanted
  const keys = { enc: key(0), mac: key(1), dek: key(2) }
  const hostChallenge = entropy.bytes(challenge)
  const first = AwaitingInitializeUpdateAnswer.begin({ crypto, keys, keyVersion, level, hostChallenge })
  const second = first.next.step(world.exchange(first.reply))
  return second.next.step(world.exchange(second.reply)).next
}

/** SCP11 of a security domain. In a and c the host is the one whose certificates were checked last. */
function openDomainScp11(
  world: HostWorld,
  { protocol, version, level }: DomainChannel,
): HostSession | undefined {
  const { crypto, entropy, parts } = world
  const { keys, registry, domainKeys, offCard } = parts
  const variant = protocol === 'scp11a' ? 'a' : protocol === 'scp11b' ? 'b' : 'c'
  const keyId = keyIdentifiers[`scp11${variant}`]
  const place = domainKeys.place(registry.selected, version, keyId)
  if (keys.type(place) !== keyTypes['ec-private']) return undefined
  const entity = offCard.take()
  if (entity !== undefined) offCard.complete(entity)
  const peer = variant === 'b' ? undefined : entity?.point
  if (variant !== 'b' && peer === undefined) return undefined
  const { reply, next } = AwaitingReceipt.begin({
    ...{ crypto, variant, keyVersion: version, keyId },
    moduleKey: crypto.ecPublicKey(keys.point(place)),
    ephemeralScalar: privateScalar(crypto, entropy.bytes(48)),
    usage: level === 0x33 ? keyUsage.full : keyUsage.integrity,
    ...(peer === undefined
      ? {}
      : { ownKey: { point: peer, staticSecret: keys.agree(place, crypto.ecPublicKey(peer)) } }),
  })
  try {
    return next.step(world.exchange(reply)).next
  } finally {
    next.close()
  }
}

function openOwnScp11(world: HostWorld, { channel, resource = 1 }: OwnChannel): HostSession | undefined {
  const { crypto, entropy, parts } = world
  const { keys, objects, definitions } = parts
  const mutual = channel !== 'personalization'
  const place = mutual ? keyPlaces.operating : keyPlaces.identity
  if (!keys.has(place)) return undefined
  const peer =
    channel === 'central'
      ? objects.read('public-key', publicKeyIds.central)
      : channel === 'supplier'
        ? definitions.supplierKey(resource)
        : undefined
  if (mutual && peer === undefined) return undefined
  const ephemeralScalar = privateScalar(crypto, entropy.bytes(48))
  const point = peer ?? crypto.ecPrivateKey(ephemeralScalar).publicPoint
  const { reply, next } = AwaitingReceipt.begin({
    crypto,
    variant: mutual ? 'a' : 'b',
    keyVersion: channel === 'supplier' ? resource : 1,
    keyId:
      channel === 'personalization'
        ? channelKeys.identity
        : channel === 'central'
          ? channelKeys.central
          : channelKeys.supplier,
    moduleKey: crypto.ecPublicKey(keys.point(place)),
    ephemeralScalar,
    ...(mutual ? { ownKey: { point, staticSecret: keys.agree(place, crypto.ecPublicKey(point)) } } : {}),
    binding: {
      hostId: hostIdOf(crypto, mutual ? point : crypto.ecPrivateKey(ephemeralScalar).publicPoint),
      identities: {
        sin: objects.read('product-data', productDataIds.issuer) ?? new Uint8Array(8),
        sdin: parts.serial() ?? new Uint8Array(8),
      },
    },
  })
  try {
    return next.step(world.exchange(reply)).next
  } finally {
    next.close()
  }
}
