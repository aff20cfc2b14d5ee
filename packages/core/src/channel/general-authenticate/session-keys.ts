import { ascii, concat, wipe } from '../../bytes/index.ts'
import { labels } from '../../catalog/index.ts'
import { deriveKey, withHandle, x963Kdf } from '../../crypto/index.ts'
import type { AesKey, Crypto } from '../../ports/index.ts'
import type { SessionKeys, SessionStart } from '../secure-messaging/index.ts'

/** What both ends know before the first message, and bind all keys to. */
export interface ExchangeContext {
  /** P1 and P2 of GENERAL AUTHENTICATE: the resource or 01, and the key identifier (catalog, channelKeys). */
  readonly p1: number
  readonly p2: number
  readonly suite: number
  /** Issuer identification (tag 42) and serial number (tag 45) of the module, 8 bytes each. */
  readonly sin: Uint8Array
  readonly serial: Uint8Array
}

/** Everything that was exchanged, in order, behind P1 and P2. */
export class Transcript {
  readonly #crypto: Crypto
  readonly #messages: Uint8Array[]

  constructor(crypto: Crypto, { p1, p2 }: Pick<ExchangeContext, 'p1' | 'p2'>) {
    this.#crypto = crypto
    this.#messages = [Uint8Array.of(p1, p2)]
  }

  add(...messages: readonly Uint8Array[]): void {
    this.#messages.push(...messages.map((message) => message.slice()))
  }

  /** SHA-256 over all messages so far, and `more`. */
  digest(...more: readonly Uint8Array[]): Uint8Array {
    return this.#crypto.sha256(...this.#messages, ...more)
  }
}

/** The exchange key: X9.63 over the shared secret z, which is wiped. 32 bytes, as a handle that the taker disposes of. */
export function exchangeKey(
  crypto: Crypto,
  z: Uint8Array,
  { suite, p1, p2, sin, serial }: ExchangeContext,
): AesKey {
  const info = concat(ascii(labels.channelExchange.text), Uint8Array.of(suite, p1, p2), sin, serial)
  const bytes = x963Kdf(crypto, z, info, 32)
  try {
    return crypto.aes(bytes)
  } finally {
    wipe(z, bytes)
  }
}

/** Of what the keys are: the handshake of `dh-signed`, or the session itself. */
export type KeyStage = 'handshake' | 'session'

export interface StageKeys {
  /** CMAC over the transcript: shows that the keys are the same. 16 bytes, and the session's first chaining value. */
  readonly code: Uint8Array
  readonly start: SessionStart
}

/** Code key, S-ENC, S-MAC, S-RMAC, S-DEK, 16 bytes each, from the exchange key and the transcript's digest; level 33, S8. */
export function stageKeys(
  crypto: Crypto,
  exchange: AesKey,
  stage: KeyStage,
  transcript: Uint8Array,
): StageKeys {
  const { text } = stage === 'handshake' ? labels.channelHandshakeKeys : labels.channelSessionKeys
  const bytes = deriveKey(exchange, text, transcript, 5 * keyLength)
  const key = (n: number) => crypto.aes(bytes.subarray(n * keyLength, (n + 1) * keyLength))
  try {
    const code = withHandle(key(0), (codeKey) => codeKey.cmac(transcript))
    const keys: SessionKeys = { enc: key(1), mac: key(2), rmac: key(3), dek: key(4) }
    return { code, start: { keys, level: 0x33, chaining: code } }
  } finally {
    wipe(bytes)
  }
}

const keyLength = 16
