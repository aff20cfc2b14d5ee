import { type CommandFields, command, exchange, type Response } from '@sealwright/core/apdu'
import { wipe } from '@sealwright/core/bytes'
import {
  AwaitingInitializeUpdateAnswer,
  type CardIdentification,
  parseInitializeUpdateAnswer,
  scp03Parameter,
} from '@sealwright/core/channel/scp03'
import {
  exchangeProtected,
  type HostSession,
  level as levelFlag,
  type SecurityLevel,
} from '@sealwright/core/channel/secure-messaging'
import { AuthError, RefusedError, StateError, UsageError } from '@sealwright/core/errors'
import { type Scp03KeyBytes, scp03KeyHandles, wipeScp03Keys } from '@sealwright/core/globalplatform'
import type { Transport } from '@sealwright/core/ports'
import { type CardLine, type CardPorts, isProcessed } from './card.ts'
import { refusedByCard, refusedInSession } from './status-words.ts'

/** A session with a security domain. */
export interface DomainSession extends CardLine {
  readonly kind: 'scp03' | 'scp11a' | 'scp11b' | 'scp11c'
  readonly level: SecurityLevel
  /** Version of the keys that it was opened with. */
  readonly keyVersion: number
  /** SCP03: what the card said at the start, 10 bytes. It has no MAC. */
  readonly diversificationData?: Uint8Array
  /** Whether answers carry a MAC: without one, somebody in between may write them. */
  readonly answersProtected: boolean
  /** The answer's data; warnings are done, all else is a RefusedError. @param name the command's, for the error */
  send(name: string, fields: CommandFields): Promise<Uint8Array>
  /** A key under the data encryption key: CBC, zero IV, padded with chance to whole blocks. */
  wrapKey(key: Uint8Array): Uint8Array
  /** Forgets the session's keys. The card forgets its end with the next SELECT or reset. */
  close(): void
}

/** Where the static keys of a card come from, once it has said who it is. The session wipes what it is given. */
export type KeySource = (card: Pick<CardIdentification, 'diversificationData'>) => Scp03KeyBytes

export interface Scp03SessionInput {
  readonly keys: KeySource
  /** 0: the card's first key set. */
  readonly keyVersion: number
  /** `best`: the highest that the card offers, C-MAC and C-ENC in any case. */
  readonly level: SecurityLevel | 'best'
  /** Challenges, cryptograms and MACs of 16 bytes. */
  readonly s16?: boolean
}

/**
 * Opens SCP03 with the security domain that is selected. Keys that are not the card's are a StateError `card-keys-differ`, before the host
 * has proven anything; SCP01 and SCP02 are a StateError `card-unsupported`.
 */
export async function openScp03Session(
  transport: Transport,
  ports: CardPorts,
  input: Scp03SessionInput,
): Promise<DomainSession> {
  const { crypto, entropy } = ports
  const { keyVersion, s16 = false } = input
  const hostChallenge = entropy.bytes(s16 ? 16 : 8)
  const begin = (level: SecurityLevel, keys: KeySource) => {
    const handles: Disposable[] = []
    const started = AwaitingInitializeUpdateAnswer.begin({
      crypto,
      keyVersion,
      level,
      hostChallenge,
      keys(card) {
        const bytes = keys(card)
        const { enc, mac, dek } = scp03KeyHandles(bytes, crypto)
        wipeScp03Keys(bytes)
        handles.push(enc, mac)
        return { enc, mac, dek }
      },
    })
    return {
      ...started,
      dispose: () => {
        for (const handle of handles) handle[Symbol.dispose]()
      },
    }
  }
  const { reply } = begin(0x33, input.keys)
  const response = await exchange(transport, reply)
  if (response.sw !== 0x9000) throw initializeRefused(response.sw, keyVersion, s16)
  requireScp03(response.data)
  const card = parseInitializeUpdateAnswer(response.data)
  const level = levelFor(input.level, card.i, ports)

  const { next, dispose } = begin(level, input.keys)
  let session: HostSession
  try {
    const second = next.step(response)
    const answer = await exchange(transport, second.reply)
    session = second.next.step(answer).next
  } catch (error) {
    if (error instanceof AuthError) throw keysDiffer(card)
    if (error instanceof RefusedError) throw refusedByCard('EXTERNAL AUTHENTICATE', error.statusWord)
    throw error
  } finally {
    dispose()
  }
  const { keyVersion: used, diversificationData } = card
  return { ...domainSession('scp03', transport, ports, session, used), diversificationData }
}

/** Wraps an open session; it owns the keys. */
export function domainSession(
  kind: DomainSession['kind'],
  transport: Transport,
  { entropy }: CardPorts,
  session: HostSession,
  keyVersion: number,
): DomainSession {
  const { level } = session
  const exchangeOne = (fields: CommandFields): Promise<Response> =>
    exchangeProtected(transport, session, command({ le: 0x100, ...fields }))
  return {
    kind,
    level,
    keyVersion,
    answersProtected: (level & levelFlag.rMac) !== 0,
    exchange: exchangeOne,
    async send(name, fields) {
      const { data, sw } = await exchangeOne(fields)
      if (!isProcessed(sw)) throw refusedInSession(kind, name, sw)
      return data
    },
    wrapKey(key) {
      const { dek } = session
      if (dek === undefined) throw new UsageError('the session has no key that keys are wrapped with')
      const padded = entropy.bytes(Math.ceil(key.length / 16) * 16)
      padded.set(key)
      const wrapped = dek.cbcEncrypt(new Uint8Array(16), padded)
      wipe(padded)
      return wrapped
    },
    close: () => session.close(),
  }
}

/**
 * The level to ask for. `i` travels without a MAC: whoever stands in between can take the protection of answers away by changing it, so that
 * a host which needs it names the level. What the host sends is encrypted in any case.
 */
function levelFor(wanted: Scp03SessionInput['level'], i: number, ports: CardPorts): SecurityLevel {
  const rMac = (i & scp03Parameter.rMac) !== 0
  const rEnc = rMac && (i & scp03Parameter.rEnc) !== 0
  const best = rEnc ? 0x33 : rMac ? 0x13 : 0x03
  if (wanted === 'best') {
    if (!rMac)
      ports.progress(
        `the card says that it does not protect its answers (i = ${byte(i)}): they prove nothing`,
      )
    return best
  }
  const offered = (wanted & levelFlag.rEnc) !== 0 ? rEnc : (wanted & levelFlag.rMac) === 0 || rMac
  if (!offered || (wanted & levelFlag.cMac) === 0) {
    throw new UsageError(
      `the card does not offer level ${byte(wanted)}: its i is ${byte(i)}, the best is ${byte(best)}`,
      { code: offered ? 'usage' : 'card-exposed' },
    )
  }
  return wanted
}

/** Byte 11 of the answer is the protocol; SCP01 and SCP02 answer 28 bytes. */
function requireScp03(answer: Uint8Array): void {
  const protocol = answer[11]
  if (protocol !== 0x01 && protocol !== 0x02) return
  throw new StateError(
    `the card speaks SCP${byte(protocol)} with this key set: old, with triple DES, and not supported here`,
    { code: 'card-unsupported' },
  )
}

function initializeRefused(sw: number, keyVersion: number, s16: boolean): RefusedError {
  const name = 'INITIALIZE UPDATE'
  if (sw === 0x6a88) {
    return refusedByCard(
      name,
      sw,
      keyVersion === 0 ? 'it has no keys' : `it has no key set of version ${byte(keyVersion)}`,
    )
  }
  if (sw === 0x6700) {
    return refusedByCard(
      name,
      sw,
      `it takes no challenge of ${s16 ? '16 bytes: leave --s16 out' : '8 bytes: try --s16'}`,
    )
  }
  return refusedByCard(name, sw)
}

function keysDiffer({ keyVersion, diversificationData }: CardIdentification): StateError {
  return new StateError(
    `the card has other keys of version ${byte(keyVersion)} than the given ones. It could not show that it has these, so the host has shown nothing either: EXTERNAL AUTHENTICATE was not sent. Most cards count no try for this; a YubiKey counts one`,
    {
      code: 'card-keys-differ',
      details: { keyVersion: byte(keyVersion), diversificationData: hex(diversificationData) },
    },
  )
}

function byte(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0')
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte).join('')
}
