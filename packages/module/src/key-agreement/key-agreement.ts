import { wipe } from '@sealwright/core/bytes'
import { channelKeys, keyPlaces, productDataIds, publicKeyIds } from '@sealwright/core/catalog'
import { agreeKeys, type Scp11Variant } from '@sealwright/core/channel/scp11'
import { privateScalar } from '@sealwright/core/crypto'
import type { OpenChannel } from '../channel/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { readChecked } from '../personalization/index.ts'

type Needs = Pick<
  Parts,
  'crypto' | 'entropy' | 'keys' | 'channels' | 'serial' | 'objects' | 'definitions' | 'life'
>

interface OwnKey {
  readonly kind: OpenChannel['kind']
  readonly place: number
  /** The stored public key of the peer, 65 bytes; absent where the module alone proves itself. */
  readonly peer?: Uint8Array
  readonly resource?: number
}

/** Whether a key identifier is that of one of our own channels; the others are the security domain's. */
export function isOwnKey(id: number): boolean {
  return Object.values<number>(channelKeys).includes(id)
}

/**
 * Sets up one of our own SCP11 channels, as P2 (key identifier, catalog/places.ts) says. The peer of the mutual form is the stored
 * central system, or the supplier whose key lies in DEF: never somebody with a certificate alone.
 */
export function openKeyAgreement(parts: Needs, call: Call, variant: Scp11Variant): Uint8Array {
  const { crypto, entropy, keys, channels, serial, objects } = parts
  channels.close()
  const own = variant === 'b' ? identityKey(call) : mutualKey(parts, call)
  if (own === undefined || !keys.has(own.place)) throw new Refusal('reference-not-found')
  const random = entropy.bytes(48)
  const ephemeralScalar = privateScalar(crypto, random)
  wipe(random)
  const step = agreeKeys(call, {
    crypto,
    variant,
    staticKey: keys.pair(own.place),
    ephemeralScalar,
    own: true,
    identities: {
      sin: objects.read('product-data', productDataIds.issuer) ?? new Uint8Array(8),
      sdin: serial() ?? new Uint8Array(8),
    },
    ...(own.peer === undefined ? {} : { peerKey: crypto.ecPublicKey(own.peer) }),
  })
  if (step.refused !== undefined) throw new Refusal(step.refused)
  channels.open({
    kind: own.kind,
    session: step.next,
    ...(own.resource === undefined ? {} : { resource: own.resource }),
    transcript: crypto.sha256(call.data, step.reply),
  })
  return step.reply
}

function identityKey({ p1, p2 }: Call): OwnKey | undefined {
  return p1 === 0x01 && p2 === channelKeys.identity
    ? { kind: 'personalization', place: keyPlaces.identity }
    : undefined
}

function mutualKey({ crypto, objects, definitions, life }: Needs, { p1, p2 }: Call): OwnKey | undefined {
  if (life.state() !== 'operating') throw new Refusal('conditions-not-satisfied')
  if (p2 === channelKeys.central && p1 === 0x01) {
    const peer = readChecked({ objects, crypto }, 'public-key', publicKeyIds.central)
    return peer && { kind: 'central', place: keyPlaces.operating, peer }
  }
  if (p2 === channelKeys.supplier) {
    const peer = definitions.supplierKey(p1)
    return peer && { kind: 'supplier', place: keyPlaces.operating, peer, resource: p1 }
  }
  return undefined
}
