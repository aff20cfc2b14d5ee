import { wipe } from '@sealwright/core/bytes'
import { channelKeys, keyPlaces, productDataIds, publicKeyIds } from '@sealwright/core/catalog'
import { parseIdentification } from '@sealwright/core/channel/general-authenticate'
import { agreeKeys, type Scp11Variant } from '@sealwright/core/channel/scp11'
import { privateScalar } from '@sealwright/core/crypto'
import { AuthError, DecodeError } from '@sealwright/core/errors'
import { parseTlvs, serializeTlv, serializeTlvs } from '@sealwright/core/tlv'
import type { ChannelPeer, ChannelPurpose } from '../channel/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { readChecked } from '../personalization/index.ts'
import { requireAwaiting, unitPeer } from './unit-peer.ts'

type Needs = Pick<
  Parts,
  'crypto' | 'entropy' | 'keys' | 'channels' | 'serial' | 'objects' | 'definitions' | 'life' | 'otp' | 'ram'
>

interface OwnKey {
  readonly purpose: ChannelPurpose
  readonly place: number
  /** The public key of the peer, 65 bytes; absent where the module alone proves itself. */
  readonly peer?: Uint8Array
  /** The request without what names the peer, and that. */
  readonly request?: Uint8Array
  readonly identification?: Uint8Array
}

/** Whether a key identifier is that of one of our own SCP11 channels; the others are the security domain's. */
export function isOwnKey(id: number): boolean {
  const { identity, central, supplier, unit } = channelKeys
  return id === identity || id === central || id === supplier || id === unit
}

/**
 * Sets up one of our own SCP11 channels, as P2 (key identifier, catalog/places.ts) says. The peer of the mutual form is, in operation, the
 * stored central system or the supplier whose key lies in DEF, never somebody with a certificate alone; in personalization a unit with one.
 */
export function openKeyAgreement(parts: Needs, call: Call, variant: Scp11Variant): Uint8Array {
  const { crypto, entropy, keys, channels, serial, objects } = parts
  channels.close()
  const own = variant === 'b' ? identityKey(call) : mutualKey(parts, call)
  if (own === undefined || !keys.has(own.place)) throw new Refusal('reference-not-found')
  const random = entropy.bytes(48)
  const ephemeralScalar = privateScalar(crypto, random)
  wipe(random)
  const request = own.request ?? call.data
  const step = agreeKeys(
    { ...call, data: request },
    {
      crypto,
      variant,
      staticKey: keys.pair(own.place),
      ephemeralScalar,
      own: true,
      ...(own.identification === undefined ? {} : { hostIdentity: own.identification }),
      identities: {
        sin: objects.read('product-data', productDataIds.issuer) ?? new Uint8Array(8),
        sdin: serial() ?? new Uint8Array(8),
      },
      ...(own.peer === undefined ? {} : { peerKey: crypto.ecPublicKey(own.peer) }),
    },
  )
  if (step.refused !== undefined) throw new Refusal(step.refused)
  channels.open({
    ...own.purpose,
    session: step.next,
    transcript: crypto.sha256(call.data, step.reply),
  })
  return step.reply
}

function identityKey({ p1, p2 }: Call): OwnKey | undefined {
  return p1 === 0x01 && p2 === channelKeys.identity
    ? { purpose: { kind: 'personalization', form: 'module-proof' }, place: keyPlaces.identity }
    : undefined
}

function mutualKey(parts: Needs, { p1, p2, data }: Call): OwnKey | undefined {
  const { definitions, life } = parts
  if (p2 === channelKeys.unit && p1 === 0x01) {
    requireAwaiting(parts)
    return unitKey(parts, data)
  }
  if (life.state() !== 'operating') throw new Refusal('conditions-not-satisfied')
  if (p2 === channelKeys.central && p1 === 0x01) {
    const peer = readChecked(parts, 'public-key', publicKeyIds.central)
    return peer && { purpose: { kind: 'central' }, place: keyPlaces.operating, peer }
  }
  if (p2 === channelKeys.supplier) {
    const peer = definitions.supplierKey(p1)
    return peer && { purpose: { kind: 'supplier', resource: p1 }, place: keyPlaces.operating, peer }
  }
  return undefined
}

/** A unit shows its certificates behind the request. Whatever they lack looks like a wrong proof. */
function unitKey(parts: Needs, data: Uint8Array): OwnKey {
  const [template, point, identification, ...more] = parseTlvs(data)
  if (identification === undefined || more.length > 0) throw new DecodeError('expected an identification')
  const encoded = serializeTlv(identification)
  let peer: ChannelPeer | undefined
  try {
    peer = unitPeer(parts, parseIdentification(encoded))
  } catch (error) {
    if (error instanceof DecodeError) throw new AuthError({ cause: error })
    throw error
  }
  if (peer === undefined) throw new AuthError()
  return {
    purpose: { kind: 'personalization', form: 'mutual', peer },
    place: keyPlaces.identity,
    peer: peer.point,
    request: serializeTlvs([template!, point!]),
    identification: encoded,
  }
}
