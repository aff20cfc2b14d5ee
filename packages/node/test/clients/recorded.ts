import assert from 'node:assert/strict'
import { createECDH } from 'node:crypto'
import { command, parseResponse, type Response, serializeCommand } from '@sealwright/core/apdu'
import { concat, decodeHex, encodeHex, u16 } from '@sealwright/core/bytes'
import {
  AwaitingInitializeUpdateAnswer,
  parseInitializeUpdateAnswer,
  type Scp03Keys,
} from '@sealwright/core/channel/scp03'
import { HostSession, isSecurityLevel } from '@sealwright/core/channel/secure-messaging'
import type { AesKey, Crypto, Entropy, Transport } from '@sealwright/core/ports'
import { parseTlvs, type Tlv } from '@sealwright/core/tlv'

/** What a client sent, in the clear, and how it speaks: vectors/clients/*.json. */
export interface Recording {
  readonly source: string
  readonly client: string
  readonly dialect: Dialect
  /** ENC, MAC, DEK. */
  readonly keySets: Readonly<Record<string, readonly string[]>>
  /** Test keys with their certificates (DER), for SCP11. */
  readonly identities?: Readonly<Record<string, Identity>>
  readonly sessions: readonly Session[]
}

export interface Identity {
  readonly certificate: string
  readonly scalar?: string
  readonly point?: string
}

export interface Dialect {
  readonly initializeUpdateLe: boolean
  readonly authenticateLe: boolean
  /** `always`: 00 after every command; `as recorded`: where a step says so. */
  readonly le: 'always' | 'as recorded'
  /** AES key in PUT KEY: `bare` where its length is a multiple of the block, or always after one byte of length. */
  readonly keyBlock: 'bare' | 'with its length'
  /** The client checks that the answer of INITIALIZE UPDATE has just the length that i says, and the card challenge. */
  readonly exactInitializeUpdate?: boolean
}

export interface Session {
  readonly name: string
  /** AID, may be empty. */
  readonly select?: string
  /** Status word of SELECT, 9000 unless given. */
  readonly selectAnswer?: string
  /** In the clear, before the channel is opened. */
  readonly before?: readonly Step[]
  readonly scp03?: {
    readonly keys: string
    readonly keyVersion: string
    readonly level: string
    readonly s16?: boolean
  }
  /** SCP11a, after certificates have gone ahead. */
  readonly scp11?: {
    readonly keyVersion: string
    readonly keyId: string
    /** Second byte of tag 90. */
    readonly parameters: string
    readonly keyLength: 16 | 32
    /** Whose static keys meet: names of identities. */
    readonly module: string
    readonly host: string
  }
  readonly steps: readonly Step[]
}

export interface Step {
  /** CLA INS P1 P2, in the clear. */
  readonly send: string
  /**
   * Hex, spaces free. `[..]` is preceded by its length, `<key SET n>` is a key of a set, wrapped, with type and check value, `<wrapped NAME>` an
   * identity's private key with type, `<point NAME>` and `<certificate NAME>` what they say, `<first N NAME>` and `<after N NAME>` the parts
   * of a certificate, `<length>` the length of all that follows, as BER.
   */
  readonly data?: string
  readonly le?: boolean
  readonly answer: Answer
}

export interface Answer {
  /** 9000 unless given. */
  readonly sw?: string | readonly string[]
  readonly data?: string
  readonly starts?: string
  readonly holds?: readonly string[]
  readonly lacks?: readonly string[]
  /** GET STATUS in TLV form, read as strictly as clients do; these AIDs are there. */
  readonly registry?: readonly string[]
}

/** Speaks to a card as a client does, in everything that shows on the wire. */
export class RecordedClient {
  readonly #recording: Recording
  readonly #transport: Transport
  readonly #crypto: Crypto
  readonly #entropy: Entropy
  #session: HostSession | undefined

  constructor(recording: Recording, transport: Transport, world: { crypto: Crypto; entropy: Entropy }) {
    this.#recording = recording
    this.#transport = transport
    this.#crypto = world.crypto
    this.#entropy = world.entropy
  }

  async run({ select, selectAnswer = '9000', before = [], scp03, scp11, steps }: Session): Promise<void> {
    let aid: Uint8Array | undefined
    if (select !== undefined) aid = await this.#select(decodeHex(select), selectAnswer)
    await this.#steps(before)
    if (scp03 !== undefined) await this.#open(scp03, aid)
    if (scp11 !== undefined) await this.#agree(scp11)
    await this.#steps(steps)
  }

  async #steps(steps: readonly Step[]): Promise<void> {
    for (const { answer, ...step } of steps) {
      const expected = answer.data === undefined ? undefined : encodeHex(this.#bytes(answer.data))
      check(await this.#send({ ...step, answer }), answer, expected, `${step.send} ${step.data ?? ''}`)
    }
  }

  async #select(aid: Uint8Array, answer: string): Promise<Uint8Array> {
    const bytes = concat(Uint8Array.of(0x00, 0xa4, 0x04, 0x00, aid.length), aid, Uint8Array.of(0x00))
    const { data, sw } = await this.#transmit(aid.length > 0 ? bytes : bytes.subarray(0, 5))
    assert.equal(encodeHex(u16(sw)), answer)
    const fci = find(parseTlvs(data, 'FCI'), 0x6f)
    const name = find(parseTlvs(fci, 'FCI'), 0x84)
    assert.ok(name.length >= 5)
    return name.slice()
  }

  async #open(wanted: NonNullable<Session['scp03']>, aid: Uint8Array | undefined): Promise<void> {
    const { dialect } = this.#recording
    const level = Number.parseInt(wanted.level, 16)
    assert.ok(isSecurityLevel(level))
    const { reply, next } = AwaitingInitializeUpdateAnswer.begin({
      crypto: this.#crypto,
      keys: this.#keySet(wanted.keys),
      keyVersion: Number.parseInt(wanted.keyVersion, 16),
      level,
      hostChallenge: this.#entropy.bytes(wanted.s16 ? 16 : 8),
      ...(dialect.exactInitializeUpdate && aid !== undefined ? { aid } : {}),
    })
    const answer = await this.#transmit(serializeCommand(withLe(reply, dialect.initializeUpdateLe)))
    if (dialect.exactInitializeUpdate) {
      const { i } = parseInitializeUpdateAnswer(answer.data)
      const size = wanted.s16 ? 16 : 8
      assert.equal(answer.data.length, 13 + 2 * size + ((i & 0x10) !== 0 ? 3 : 0))
      assert.equal(i & 0x01, wanted.s16 ? 1 : 0)
    }
    const second = next.step(answer)
    const authenticate = serializeCommand(withLe(second.reply, dialect.authenticateLe))
    this.#session = second.next.step(await this.#transmit(authenticate)).next
  }

  /** MUTUAL AUTHENTICATE, made here and not by core, so that bits which core does not set can stand in it (Amendment F, 6.3, 7.5). */
  async #agree(wanted: NonNullable<Session['scp11']>): Promise<void> {
    const { keyVersion, keyId, parameters, keyLength } = wanted
    const ephemeral = createECDH('prime256v1')
    const own = createECDH('prime256v1')
    const ephemeralPoint = ephemeral.generateKeys()
    own.setPrivateKey(decodeHex(this.#identity(wanted.host).scalar!))
    const shared = Uint8Array.of(0x3c, 0x88, keyLength)
    const request = concat(
      ...[decodeHex('a60d900211'), decodeHex(parameters), decodeHex('95013c8001888101')],
      ...[Uint8Array.of(keyLength), decodeHex('5f4941'), ephemeralPoint],
    )
    const header = decodeHex(`8082${keyVersion}${keyId}`)
    const sent = concat(header, Uint8Array.of(request.length), request, Uint8Array.of(0))
    const { data, sw } = await this.#transmit(sent)
    assert.equal(encodeHex(u16(sw)), '9000')
    const answer = data.subarray(0, 3 + 65)
    const secrets = concat(
      ephemeral.computeSecret(answer.subarray(3)),
      own.computeSecret(decodeHex(this.#identity(wanted.module).point!)),
    )
    const count = (5 * keyLength) / 32
    const blocks = Array.from({ length: Math.ceil(count) }, (_, i) =>
      this.#crypto.sha256(secrets, Uint8Array.of(0, 0, 0, i + 1), shared),
    )
    const bytes = concat(...blocks)
    const key = (n: number): AesKey => this.#crypto.aes(bytes.slice(n * keyLength, (n + 1) * keyLength))
    const receipt = key(0).cmac(request, answer)
    assert.deepEqual(data.subarray(answer.length), concat(Uint8Array.of(0x86, 0x10), receipt))
    const keys = { enc: key(1), mac: key(2), rmac: key(3), dek: key(4) }
    this.#session = new HostSession({ keys, level: 0x33, chaining: receipt })
  }

  async #send({ send, data = '', le = true }: Step): Promise<Response> {
    const { dialect } = this.#recording
    const [cla, ins, p1, p2] = decodeHex(send)
    const clear = command({
      cla: cla!,
      ins: ins!,
      p1: p1!,
      p2: p2!,
      data: this.#bytes(data),
      ...(dialect.le === 'always' || le ? { le: 0x100 } : {}),
    })
    const sent = this.#session?.wrap(clear) ?? clear
    const response = await this.#segments(sent)
    return this.#session?.unwrap(response) ?? response
  }

  /** More than 255 bytes go out by b8 of P1; the MAC was made over the whole, with that bit clear. */
  async #segments(sent: ReturnType<typeof command>): Promise<Response> {
    let rest = sent.data
    while (rest.length > blockLimit) {
      const block = { ...sent, p1: sent.p1 | 0x80, data: rest.subarray(0, blockLimit) }
      const response = await this.#transmit(serializeCommand(block))
      assert.deepEqual(response, { data: new Uint8Array(0), sw: 0x9000 })
      rest = rest.subarray(blockLimit)
    }
    return this.#transmit(serializeCommand({ ...sent, data: rest }))
  }

  async #transmit(bytes: Uint8Array): Promise<Response> {
    let response = parseResponse(await this.#transport.transmit(bytes))
    const parts = [response.data]
    while (response.sw >>> 8 === 0x61) {
      response = parseResponse(
        await this.#transport.transmit(Uint8Array.of(0, 0xc0, 0, 0, response.sw & 0xff)),
      )
      parts.push(response.data)
    }
    return { data: concat(...parts), sw: response.sw }
  }

  #bytes(text: string): Uint8Array {
    const words = text.match(/\[[^\]]*\]|<[^>]*>|[0-9A-Fa-f]+/g) ?? []
    return words.reduceRight<Uint8Array>(
      (rest, word) => concat(word === '<length>' ? serializeLength(rest.length) : this.#word(word), rest),
      new Uint8Array(0),
    )
  }

  #word(word: string): Uint8Array {
    if (word.startsWith('[')) {
      const inner = this.#bytes(word.slice(1, -1))
      return concat(Uint8Array.of(inner.length), inner)
    }
    if (!word.startsWith('<')) return decodeHex(word)
    const [what, ...names] = word.slice(1, -1).split(' ')
    const identity = (): Identity => this.#identity(names.at(-1)!)
    switch (what) {
      case 'key':
        return this.#keyComponent(decodeHex(this.#recording.keySets[names[0]!]![Number(names[1])]!))
      case 'wrapped': {
        const wrapped = this.#wrap(decodeHex(identity().scalar!))
        return concat(Uint8Array.of(0xb1, wrapped.length), wrapped)
      }
      case 'point':
        return decodeHex(identity().point!)
      case 'certificate':
        return decodeHex(identity().certificate)
      case 'first':
        return decodeHex(identity().certificate).slice(0, Number(names[0]))
      case 'after':
        return decodeHex(identity().certificate).slice(Number(names[0]))
      default:
        throw new Error(`no word ${word}`)
    }
  }

  #identity(name: string): Identity {
    return this.#recording.identities![name]!
  }

  /** Under the session's DEK, padded with zeros to whole blocks. */
  #wrap(key: Uint8Array): Uint8Array {
    const dek: AesKey | undefined = this.#session?.dek
    assert.ok(dek !== undefined)
    const padded = new Uint8Array(Math.ceil(key.length / 16) * 16)
    padded.set(key)
    return dek.cbcEncrypt(new Uint8Array(16), padded)
  }

  /** Type, wrapped key, check value (GPC 2.3.1, 11.8). */
  #keyComponent(key: Uint8Array): Uint8Array {
    const wrapped = this.#wrap(key)
    const bare = this.#recording.dialect.keyBlock === 'bare' && key.length % 16 === 0
    const block = bare ? wrapped : concat(Uint8Array.of(key.length), wrapped)
    const kcv = this.#crypto.aes(key).encryptBlock(new Uint8Array(16).fill(0x01)).subarray(0, 3)
    return concat(Uint8Array.of(0x88, block.length), block, Uint8Array.of(0x03), kcv)
  }

  #keySet(name: string): Scp03Keys {
    const [enc, mac, dek] = this.#recording.keySets[name]!.map((hex) => this.#crypto.aes(decodeHex(hex)))
    return { enc: enc!, mac: mac!, dek: dek! }
  }
}

function check({ data, sw }: Response, answer: Answer, expected: string | undefined, what: string): void {
  const hex = encodeHex(data).toUpperCase()
  const words = typeof answer.sw === 'string' ? [answer.sw] : (answer.sw ?? ['9000'])
  assert.ok(words.includes(encodeHex(u16(sw)).toUpperCase()), `${what}: ${encodeHex(u16(sw))}`)
  if (expected !== undefined) assert.equal(hex, expected.toUpperCase(), what)
  if (answer.starts !== undefined) assert.ok(hex.startsWith(spaceless(answer.starts)), `${what}: ${hex}`)
  for (const part of answer.holds ?? []) assert.ok(hex.includes(spaceless(part)), `${what}: ${hex}`)
  for (const part of answer.lacks ?? []) assert.ok(!hex.includes(spaceless(part)), `${what}: ${hex}`)
  if (answer.registry === undefined) return
  const aids = parseTlvs(data, 'registry').map(registryEntry)
  for (const aid of answer.registry) assert.ok(aids.includes(aid), `${what}: ${aid} is not in ${hex}`)
}

/** AID of an entry. One that GlobalPlatformPro would stumble over fails. */
function registryEntry({ tag, value }: Tlv): string {
  assert.equal(tag, 0xe3)
  const fields = parseTlvs(value, 'registry entry')
  assert.equal(find(fields, 0x9f70).length, 1)
  for (const field of fields) {
    if (field.tag === 0xc5) assert.ok([1, 3].includes(field.value.length))
    if (field.tag === 0xcf) assert.equal(field.value.length, 1)
    if ([0x4f, 0xc4, 0x84, 0xcc].includes(field.tag))
      assert.ok(field.value.length >= 5 && field.value.length <= 16)
  }
  return encodeHex(find(fields, 0x4f)).toUpperCase()
}

function find(fields: readonly Tlv[], tag: number): Uint8Array {
  const found = fields.find((field) => field.tag === tag)
  assert.ok(found !== undefined, `no tag ${tag.toString(16)}`)
  return found.value
}

function withLe(sent: ReturnType<typeof command>, le: boolean): ReturnType<typeof command> {
  const { le: _, ...rest } = sent
  return le ? { ...rest, le: 0x100 } : rest
}

function spaceless(hex: string): string {
  return hex.replaceAll(' ', '').toUpperCase()
}

/** BER. */
function serializeLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  return length < 0x100 ? Uint8Array.of(0x81, length) : concat(Uint8Array.of(0x82), u16(length))
}

const blockLimit = 255
