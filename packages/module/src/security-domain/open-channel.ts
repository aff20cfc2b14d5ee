import { wipe } from '@sealwright/core/bytes'
import {
  AwaitingExternalAuthenticate,
  pseudoRandomChallenge,
  scp03Parameter,
} from '@sealwright/core/channel/scp03'
import { agreeKeys, parseKeyAgreementRequest, type Scp11Variant } from '@sealwright/core/channel/scp11'
import { privateScalar } from '@sealwright/core/crypto'
import { keyIdentifiers, lockedBit } from '@sealwright/core/globalplatform'
import type { ChannelPurpose } from '../channel/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { issuerDomain, lastSequenceCounter } from '../registry/index.ts'
import { countDomainTry, firstSet, forgiveDomainTries, requireUnblocked } from './domain-tries.ts'
import { diversificationData, identificationOf } from './identification.ts'

type Needs = Pick<
  Parts,
  | 'crypto'
  | 'entropy'
  | 'nvm'
  | 'objects'
  | 'otp'
  | 'keys'
  | 'channels'
  | 'serial'
  | 'registry'
  | 'domainKeys'
  | 'domainData'
  | 'offCard'
  | 'events'
>

/** `i` of the security domains: pseudo-random challenge, R-MAC, R-ENC (Amendment D, 5.1); S16 where the host asks for it. */
export const domainParameter = scp03Parameter.pseudoRandom | scp03Parameter.rMac | scp03Parameter.rEnc

/**
 * INITIALIZE UPDATE of the selected security domain (Amendment D, 7.1.1): P1 = key version, 0 the first. The sequence counter moves, and a
 * test module counts the try, before the answer leaves.
 */
export function openDomainScp03(parts: Needs, call: Call): Uint8Array {
  const { crypto, nvm, keys, channels, registry, domainKeys } = parts
  if (call.p2 !== 0) throw new Refusal('wrong-parameters')
  if (call.data.length !== 8 && call.data.length !== 16) throw new Refusal('wrong-length')
  requireUnlocked(parts, registry.selected)
  const domain = domainKeys.holder(registry, registry.selected)
  requireUnlocked(parts, domain)
  const version = call.p1 === 0 ? firstSet(parts, domain) : call.p1
  if (version === undefined || !domainKeys.sets(domain).includes(version)) {
    throw new Refusal('reference-not-found')
  }
  const place = (id: keyof typeof keyIdentifiers) => domainKeys.place(domain, version, keyIdentifiers[id])
  const enc = place('scp03-enc')
  requireUnblocked(parts, enc)
  const counter = domainKeys.sequenceCounter(domain, version) + 1
  if (counter > lastSequenceCounter) throw new Refusal('conditions-not-satisfied')
  nvm.transaction((tx) => {
    domainKeys.putSequenceCounter(tx, domain, version, counter)
    countDomainTry(parts, tx, enc)
  })
  const step = AwaitingExternalAuthenticate.begin(call, {
    crypto,
    keys: { enc: keys.aes(enc), mac: keys.aes(place('scp03-mac')), dek: keys.ownAes(place('scp03-dek')) },
    keyVersion: version,
    diversificationData: diversificationData(parts),
    i: domainParameter,
    cardChallenge: (length) => pseudoRandomChallenge(keys.aes(enc), counter, registry.selectedAid(), length),
    sequenceCounter: counter,
    s16: true,
    // Level 00 would leave every command after it to whoever stands between.
    levels: [0x01, 0x03, 0x11, 0x13, 0x33],
  })
  if (step.refused !== undefined) throw new Refusal(step.refused)
  const purpose = { kind: 'security-domain', securityDomain: { protocol: 'scp03', place: enc } } as const
  channels.await({ by: 'EXTERNAL AUTHENTICATE', step: step.next, purpose })
  return step.reply
}

/** EXTERNAL AUTHENTICATE has proven the host. */
export function domainScp03Opened(parts: Needs, purpose: ChannelPurpose): void {
  if (purpose.securityDomain !== undefined) forgiveDomainTries(parts, purpose.securityDomain.place)
}

/**
 * MUTUAL AUTHENTICATE (SCP11a, c) or INTERNAL AUTHENTICATE (b) of the selected security domain: P1 = key version, P2 = key identifier. The
 * key of the off-card entity in a and c is that of the certificates checked just before.
 */
export function openDomainKeyAgreement(parts: Needs, call: Call): Uint8Array {
  const { crypto, entropy, nvm, keys, channels, registry, domainKeys, offCard } = parts
  const variant = variantOf(call)
  const domain = registry.selected
  requireUnlocked(parts, domain)
  const place = domainKeys.place(domain, call.p1, call.p2)
  if (variant === undefined || !keys.has(place)) throw new Refusal('reference-not-found')
  requireUnblocked(parts, place)
  nvm.transaction((tx) => countDomainTry(parts, tx, place))
  // A request that is none is told apart from one that comes without a certificate.
  parseKeyAgreementRequest(call.data)
  const peer = variant === 'b' ? undefined : offCard.take()
  if (peer === undefined && variant !== 'b') throw new Refusal('conditions-not-satisfied')
  const peerKey = peer && crypto.ecPublicKey(peer.point)
  const random = entropy.bytes(48)
  const agreed = agreeKeys(call, {
    crypto,
    variant,
    staticKey: keys.pair(place),
    ephemeralScalar: privateScalar(crypto, random),
    ...(variant === 'c'
      ? {}
      : {
          identities: {
            sin: identificationOf(parts, domain, 0x42),
            sdin: identificationOf(parts, domain, 0x45),
          },
        }),
    ...(peerKey === undefined ? {} : { peerKey }),
  })
  wipe(random)
  peerKey?.[Symbol.dispose]()
  if (agreed.refused !== undefined) throw new Refusal(agreed.refused)
  forgiveDomainTries(parts, place)
  if (peer !== undefined) forgiveDomainTries(parts, peer.authority)
  channels.open({
    kind: variant === 'b' ? 'module-proof' : 'security-domain',
    session: agreed.next,
    securityDomain: { protocol: `scp11${variant}`, place },
  })
  return agreed.reply
}

/** A locked security domain serves nobody, what belongs to it neither. The issuer's state is the card's, which has its own rules. */
function requireUnlocked({ registry }: Needs, domain: number): void {
  const locked = domain !== issuerDomain && ((registry.find(domain)?.state ?? 0) & lockedBit) !== 0
  if (locked) throw new Refusal('conditions-not-satisfied')
}

function variantOf({ ins, p2 }: Call): Scp11Variant | undefined {
  const variants = {
    [keyIdentifiers.scp11a]: 'a',
    [keyIdentifiers.scp11b]: 'b',
    [keyIdentifiers.scp11c]: 'c',
  } as const
  const variant = variants[p2 as keyof typeof variants]
  return variant !== undefined && (variant === 'b') === (ins === 0x88) ? variant : undefined
}
