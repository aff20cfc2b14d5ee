import { concat } from '@sealwright/core/bytes'
import { keyPlaces, keyVersions } from '@sealwright/core/catalog'
import { AwaitingExternalAuthenticate, scp03Parameter } from '@sealwright/core/channel/scp03'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'

/** INITIALIZE UPDATE (SCP03, 7.1.1) of our own channels: P1 names the key set, the card challenge is random. */
export function initializeUpdate(
  {
    crypto,
    entropy,
    keys,
    channels,
    serial,
  }: Pick<Parts, 'crypto' | 'entropy' | 'keys' | 'channels' | 'serial'>,
  call: Call,
): Uint8Array {
  channels.close()
  const kind =
    call.p1 === keyVersions.customization
      ? 'customization'
      : call.p1 === keyVersions.document
        ? 'document'
        : undefined
  const place = kind === undefined ? undefined : keyPlaces[kind]
  if (kind === undefined || place === undefined || !keys.has(place)) throw new Refusal('reference-not-found')
  const step = AwaitingExternalAuthenticate.begin(call, {
    crypto,
    keys: { enc: keys.aes(place), mac: keys.aes(place + 1), dek: keys.ownAes(place + 2) },
    keyVersion: call.p1,
    diversificationData: concat(serial() ?? new Uint8Array(8), new Uint8Array(2)),
    i: scp03Parameter.rMac | scp03Parameter.rEnc,
    cardChallenge: (length) => entropy.bytes(length),
    levels: [0x33],
  })
  if (step.refused !== undefined) throw new Refusal(step.refused)
  channels.await(kind, step.next)
  return step.reply
}
