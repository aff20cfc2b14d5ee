import assert from 'node:assert/strict'
import type { Command, CommandFields, Response } from '@sealwright/core/apdu'
import { command, parseCommand } from '@sealwright/core/apdu'
import { concat, decodeHex, equal, u16 } from '@sealwright/core/bytes'
import type { AesKey } from '@sealwright/core/ports'
import { type Card, type Chaining, crypto, factoryKey } from './card.ts'

/** Security levels that a card may open, and the parts of each. */
export const levels = [0x01, 0x03, 0x11, 0x13, 0x33] as const
const [cEnc, rMac, rEnc] = [0x02, 0x10, 0x20] as const

/** How hosts differ on the wire (reference of clients): empty data, form of Lc in the MAC, class, chaining. */
export interface Dialect {
  /** Under C-ENC: nothing (the specification), or one block of padding (yubikit). */
  readonly empty: 'none' | 'block'
  /** Length field in the MAC: as the length needs it, or three bytes always. */
  readonly lc: 'short' | 'long'
  readonly chaining: Chaining
}

export const plainDialect: Dialect = { empty: 'none', lc: 'short', chaining: 'class' }

/**
 * The host's end of SCP03's secure messaging (Amendment D, 6.2), written for these tests from the text alone, so that it is another
 * program than the one under test.
 */
export class Session {
  readonly #card: Card
  readonly #keys: { readonly enc: AesKey; readonly mac: AesKey; readonly rmac: AesKey }
  readonly #level: number
  readonly #macLength: number
  readonly dek: AesKey
  readonly #dialect: Dialect
  #chaining: Uint8Array
  #counter = 0

  constructor(options: {
    readonly card: Card
    readonly keys: { readonly enc: AesKey; readonly mac: AesKey; readonly rmac: AesKey; readonly dek: AesKey }
    readonly level: number
    readonly chaining: Uint8Array
    readonly macLength?: number
    readonly dialect?: Dialect
  }) {
    this.#card = options.card
    this.#keys = options.keys
    this.dek = options.keys.dek
    this.#level = options.level
    this.#chaining = options.chaining
    this.#macLength = options.macLength ?? 8
    this.#dialect = options.dialect ?? plainDialect
  }

  /** The protected command, whole. */
  wrap(sent: Command | CommandFields | string): Command {
    const plain = typeof sent === 'string' ? parseCommand(decodeHex(sent)) : command(sent)
    this.#counter++
    const body = this.#encrypted(plain.data)
    const length = body.length + this.#macLength
    const long = this.#dialect.lc === 'long' || this.#dialect.chaining === 'extended' || length > 255
    const lc = long ? concat(Uint8Array.of(0), u16(length)) : Uint8Array.of(length)
    const cla = plain.cla | 0x04
    const header = Uint8Array.of(cla, plain.ins, plain.p1, plain.p2)
    this.#chaining = this.#keys.mac.cmac(this.#chaining, header, lc, body)
    const data = concat(body, this.#chaining.subarray(0, this.#macLength))
    return { ...plain, cla, data, ...(plain.le === undefined ? {} : { le: 0x100 }) }
  }

  /** Checks and decrypts an answer; a wrong one fails the test. */
  unwrap({ data, sw }: Response): Response {
    const success = sw === 0x9000 || sw >>> 8 === 0x62 || sw >>> 8 === 0x63
    if (!success) assert.equal(data.length, 0, 'an error has no data')
    if (!success || (this.#level & rMac) === 0) return { data, sw }
    const end = data.length - this.#macLength
    assert.ok(end >= 0, 'a protected answer has a MAC')
    const body = data.subarray(0, end)
    const mac = this.#keys.rmac.cmac(this.#chaining, body, u16(sw)).subarray(0, this.#macLength)
    assert.ok(equal(mac, data.subarray(end)), 'R-MAC')
    if ((this.#level & rEnc) === 0 || body.length === 0) return { data: body, sw }
    const padded = this.#keys.enc.cbcDecrypt(this.#icv(0x80), body)
    const at = padded.lastIndexOf(0x80)
    assert.ok(at >= 0 && padded.subarray(at + 1).every((byte) => byte === 0), 'padding')
    return { data: padded.slice(0, at), sw }
  }

  send(sent: Command | CommandFields | string, chaining = this.#dialect.chaining): Response {
    return this.unwrap(this.#card.send(this.wrap(sent), chaining))
  }

  #encrypted(data: Uint8Array): Uint8Array {
    if ((this.#level & cEnc) === 0 || (data.length === 0 && this.#dialect.empty === 'none')) return data
    const padded = new Uint8Array((Math.floor(data.length / 16) + 1) * 16)
    padded.set(data)
    padded[data.length] = 0x80
    return this.#keys.enc.cbcEncrypt(this.#icv(0), padded)
  }

  #icv(first: number): Uint8Array {
    const block = new Uint8Array(16)
    new DataView(block.buffer).setUint32(12, this.#counter)
    block[0] = first
    return this.#keys.enc.encryptBlock(block)
  }
}

/** SP 800-108 in counter mode with CMAC, as SCP03 uses it (Amendment D, 4.1.5). */
export function derive(key: AesKey, constant: number, context: Uint8Array, bytes: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(bytes / 16) }, (_, i) =>
    key.cmac(new Uint8Array(11), Uint8Array.of(constant, 0), u16(8 * bytes), Uint8Array.of(i + 1), context),
  )
  return concat(...blocks).slice(0, bytes)
}

export type KeySet = readonly [enc: Uint8Array, mac: Uint8Array, dek: Uint8Array]
export const factorySet: KeySet = [factoryKey, factoryKey, factoryKey]

export interface Scp03Options {
  readonly keys?: KeySet
  /** 0 the card's first. */
  readonly version?: number
  readonly level?: number
  /** 8, or 16 for S16. */
  readonly challenge?: Uint8Array
  readonly dialect?: Dialect
  /** Whether the answer has a sequence counter; false in our own channels. */
  readonly counted?: boolean
}

export interface Begun {
  readonly answer: Response
  readonly context: Uint8Array
  readonly sessionKeys: { enc: AesKey; mac: AesKey; rmac: AesKey; dek: AesKey }
  readonly cardCryptogram: Uint8Array
  readonly cardChallenge: Uint8Array
  readonly counter: number
  readonly version: number
  readonly macLength: number
  /** EXTERNAL AUTHENTICATE that fits, and what the MAC chaining goes on with. */
  authenticate(level: number): { apdu: Command; mac: Uint8Array }
}

const hostChallenge = decodeHex('0102030405060708')

/** INITIALIZE UPDATE, and what a host makes of its answer. */
export function initializeUpdate(card: Card, options: Scp03Options = {}): Begun {
  const { keys = factorySet, version = 0, challenge = hostChallenge, counted = true } = options
  const answer = card.send({ cla: 0x80, ins: 0x50, p1: version, data: challenge, le: 0x100 })
  assert.equal(answer.sw.toString(16), '9000', 'INITIALIZE UPDATE')
  const size = challenge.length
  const { data } = answer
  assert.equal(data.length, 13 + 2 * size + (counted ? 3 : 0))
  const cardChallenge = data.slice(13, 13 + size)
  const context = concat(challenge, cardChallenge)
  const [enc, mac, dek] = keys.map((key) => crypto.aes(key)) as [AesKey, AesKey, AesKey]
  const { length } = keys[0]
  const sessionKeys = {
    enc: crypto.aes(derive(enc, 0x04, context, length)),
    mac: crypto.aes(derive(mac, 0x06, context, length)),
    rmac: crypto.aes(derive(mac, 0x07, context, length)),
    dek,
  }
  return {
    ...{ answer, context, sessionKeys, cardChallenge, macLength: size, version: data[10]! },
    cardCryptogram: data.slice(13 + size, 13 + 2 * size),
    counter: counted ? (data.at(-3)! << 16) | (data.at(-2)! << 8) | data.at(-1)! : 0,
    authenticate(level) {
      const cryptogram = derive(sessionKeys.mac, 0x01, context, size)
      const head = Uint8Array.of(0x84, 0x82, level, 0x00, 2 * size)
      const full = sessionKeys.mac.cmac(new Uint8Array(16), head, cryptogram)
      const data = concat(cryptogram, full.subarray(0, size))
      return { apdu: command({ cla: 0x84, ins: 0x82, p1: level, data }), mac: full }
    },
  }
}

/** Opens SCP03, checking the card's cryptogram and challenge as a host can. */
export function openScp03(card: Card, options: Scp03Options = {}): Session {
  const { keys = factorySet, level = 0x33, dialect } = options
  const begun = initializeUpdate(card, options)
  const { sessionKeys, context, cardCryptogram, macLength } = begun
  assert.deepEqual(derive(sessionKeys.mac, 0x00, context, macLength), cardCryptogram, 'card cryptogram')
  assert.equal(keys[0].length, sessionKeys.enc.length)
  const { apdu, mac } = begun.authenticate(level)
  const answer = card.send(apdu)
  assert.equal(answer.sw.toString(16), '9000', 'EXTERNAL AUTHENTICATE')
  assert.equal(answer.data.length, 0)
  return new Session({
    ...{ card, keys: sessionKeys, level, chaining: mac, macLength },
    ...(dialect === undefined ? {} : { dialect }),
  })
}
