import { concat, equal, wipe } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import {
  deriveSessionKeyBytes,
  type SessionKeyBytes,
  scp03Cryptogram,
  wipeSessionKeyBytes,
} from '@sealwright/core/channel/scp03'
import { withHandle } from '@sealwright/core/crypto'
import {
  laterChannelKeys,
  openSealedCustomizationKey,
  parseSessionRequest,
  wipeChannelKeys,
} from '@sealwright/core/customization'
import { AuthError, InternalError } from '@sealwright/core/errors'
import type { Crypto } from '@sealwright/core/ports'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { countSession, samState, takeSessionChallenge } from '../sam/index.ts'

/**
 * SESSION KEYS: recovers a chip's customization key inside the SAM and gives the keys of one session, under this channel's DEK. The card
 * cryptogram must answer the challenge that BEGIN SESSION gave: so there is a chip with that key, now. The session is counted before the answer
 * leaves. A sealed form of another SAM or chip, a changed one and a wrong cryptogram are refused alike.
 */
export function sessionKeys(
  parts: Pick<Parts, 'crypto' | 'events' | 'keys' | 'nvm' | 'objects' | 'ram' | 'serial'>,
  { p1, p2, data, channel }: Pick<Call, 'p1' | 'p2' | 'data' | 'channel'>,
): Uint8Array {
  const { crypto, events, keys, nvm, ram } = parts
  const hostChallenge = takeSessionChallenge(ram)
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const { serial, sealed, cardChallenge, cardCryptogram } = parseSessionRequest(data)
  const sam = parts.serial()
  const dek = channel?.session.dek
  if (sam === undefined || dek === undefined) throw new InternalError('a SAM without serial number or DEK')
  if (hostChallenge === undefined || samState(parts).sessionsLeft === 0) {
    throw new Refusal('conditions-not-satisfied')
  }
  if (!equal(sealed.sam, sam)) throw new AuthError()
  const context = concat(hostChallenge, cardChallenge)
  const master = keys.aes(keyPlaces.samMaster)
  const key = openSealedCustomizationKey({ crypto, master, sam, serial }, sealed)
  const session = sessionOf(crypto, key, serial, context)
  try {
    const expected = withHandle(crypto.aes(session.mac), (mac) => scp03Cryptogram(mac, 'card', context))
    if (!equal(expected, cardCryptogram)) throw new AuthError()
    nvm.transaction((tx) => {
      countSession(parts, tx)
      events.record(tx, 'session-keys-given', sam, crypto.sha256(serial, context))
    })
    const all = concat(session.enc, session.mac, session.rmac)
    try {
      return dek.cbcEncrypt(new Uint8Array(16), all)
    } finally {
      wipe(all)
    }
  } finally {
    wipe(key)
    wipeSessionKeyBytes(session)
  }
}

function sessionOf(
  crypto: Crypto,
  key: Uint8Array,
  serial: Uint8Array,
  context: Uint8Array,
): SessionKeyBytes {
  const set = laterChannelKeys(crypto, key, serial)
  try {
    return withHandle(crypto.aes(set.enc), (enc) =>
      withHandle(crypto.aes(set.mac), (mac) => deriveSessionKeyBytes({ enc, mac }, context)),
    )
  } finally {
    wipeChannelKeys(set)
  }
}
