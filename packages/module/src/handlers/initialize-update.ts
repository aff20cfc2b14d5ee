import { keyPlaces, keyVersions } from '@sealwright/core/catalog'
import { AwaitingExternalAuthenticate, scp03Parameter } from '@sealwright/core/channel/scp03'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { diversificationData, openDomainScp03 } from '../security-domain/index.ts'

/** INITIALIZE UPDATE (SCP03, 7.1.1): P1 names a key set of our own channels, with a random card challenge, or one of the security domain. */
export function initializeUpdate(parts: Parts, call: Call): Uint8Array {
  const { crypto, entropy, keys, channels } = parts
  channels.close()
  const own = Object.entries(keyVersions).find(([, version]) => version === call.p1)
  if (own === undefined) {
    if (parts.life.mode() !== 'user') throw new Refusal('reference-not-found')
    return openDomainScp03(parts, call)
  }
  const kind = own[0] as keyof typeof keyVersions
  const place = keyPlaces[kind]
  // Before FINISH there is the customization channel; afterwards this one.
  const early = kind === 'later-customization' && parts.life.mode() !== 'user'
  if (early || !keys.has(place)) throw new Refusal('reference-not-found')
  const step = AwaitingExternalAuthenticate.begin(call, {
    crypto,
    keys: { enc: keys.aes(place), mac: keys.aes(place + 1), dek: keys.ownAes(place + 2) },
    keyVersion: call.p1,
    diversificationData: diversificationData(parts),
    i: scp03Parameter.rMac | scp03Parameter.rEnc,
    cardChallenge: (length) => entropy.bytes(length),
    levels: [0x33],
  })
  if (step.refused !== undefined) throw new Refusal(step.refused)
  channels.await({ by: 'EXTERNAL AUTHENTICATE', step: step.next, purpose: { kind } })
  return step.reply
}
