import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Command, command, parseCommand, type Response, serializeResponse } from '../../apdu/index.ts'
import { decodeHex } from '../../bytes/index.ts'
import { portableCrypto as crypto } from '../../crypto/index.ts'
import { AuthError, DecodeError, PeerError, RefusedError, UsageError } from '../../errors/index.ts'
import type { Transport } from '../../ports/index.ts'
import type { ModuleSession, SecurityLevel } from '../secure-messaging/index.ts'
import {
  AwaitingExternalAuthenticate,
  AwaitingInitializeUpdateAnswer,
  openScp03,
  parseInitializeUpdateAnswer,
  pseudoRandomChallenge,
  type Scp03HostOptions,
  type Scp03Keys,
  type Scp03ModuleOptions,
  serializeInitializeUpdateAnswer,
} from './index.ts'

const issuerDomain = decodeHex('A000000151000000')
const nothing = new Uint8Array(0)
const keys = (fill = 1): Scp03Keys => ({
  enc: crypto.aes(new Uint8Array(16).fill(fill)),
  mac: crypto.aes(new Uint8Array(16).fill(fill + 1)),
})
const hostOptions: Scp03HostOptions = {
  crypto,
  keys: keys(),
  keyVersion: 0x30,
  level: 0x33,
  hostChallenge: decodeHex('0102030405060708'),
}
/** As our own channels have it: random challenge, no counter. */
const moduleOptions: Scp03ModuleOptions = {
  crypto,
  keys: keys(),
  keyVersion: 0x30,
  diversificationData: decodeHex('00010203040506070809'),
  i: 0x60,
  cardChallenge: (length) => new Uint8Array(length).fill(0x5a),
}

function begin(options: Partial<Scp03HostOptions> = {}, module: Partial<Scp03ModuleOptions> = {}) {
  const host = AwaitingInitializeUpdateAnswer.begin({ ...hostOptions, ...options })
  const card = AwaitingExternalAuthenticate.begin(host.reply, { ...moduleOptions, ...module })
  return { host, card }
}

function begun(options: Partial<Scp03HostOptions> = {}, module: Partial<Scp03ModuleOptions> = {}) {
  const { host, card } = begin(options, module)
  if (card.refused !== undefined) assert.fail(card.refused)
  const second = host.next.step({ data: card.reply, sw: 0x9000 })
  return { authenticate: second.reply, host: second.next, card: card.next }
}

/** A module that does nothing but SCP03. */
function cardOn(options: Scp03ModuleOptions): Transport & { session: ModuleSession | undefined } {
  let pending: AwaitingExternalAuthenticate | undefined
  const answer = (response: Response) => serializeResponse(response)
  return {
    session: undefined,
    async transmit(bytes) {
      const received = parseCommand(bytes)
      if (received.ins === 0x50) {
        const step = AwaitingExternalAuthenticate.begin(received, options)
        pending = step.next
        return answer(
          step.refused === undefined ? { data: step.reply, sw: 0x9000 } : { data: nothing, sw: 0x6a88 },
        )
      }
      const step = pending?.step(received)
      this.session = step?.next
      return answer({ data: nothing, sw: step?.next === undefined ? 0x6300 : 0x9000 })
    },
    async close() {},
  }
}

test('own channels: a random challenge without counter opens a session, S8 and S16', async () => {
  for (const length of [8, 16]) {
    const card = cardOn({ ...moduleOptions, s16: true })
    const host = await openScp03(card, { ...hostOptions, hostChallenge: new Uint8Array(length).fill(7) })
    const { session } = card
    assert.ok(session)
    const sent = command({ cla: 0x80, ins: 0xe2, data: decodeHex('CAFE'), le: 256 })
    assert.deepEqual(session.unwrap(host.wrap(sent)).command, sent)
    assert.deepEqual(
      host.unwrap(session.wrap({ data: decodeHex('BEEF'), sw: 0x9000 })).data,
      decodeHex('BEEF'),
    )
  }
})

test('the host picks keys by what the module says of itself', async () => {
  const seen: unknown[] = []
  const host = await openScp03(cardOn(moduleOptions), {
    ...hostOptions,
    keyVersion: 0,
    keys: ({ diversificationData, keyVersion, i }) => {
      seen.push({ diversificationData, keyVersion, i })
      return keys()
    },
  })
  assert.equal(host.level, 0x33)
  assert.deepEqual(seen, [
    { diversificationData: moduleOptions.diversificationData, keyVersion: 0x30, i: 0x60 },
  ])
})

test('the session owns the key-encryption key and disposes of it; static keys stay with the caller', () => {
  const dek = crypto.aes(new Uint8Array(16))
  const own = keys()
  const { authenticate, card } = begun({}, { keys: { ...own, dek } })
  const session = card.step(authenticate).next
  assert.equal(session?.dek, dek)
  session?.close()
  assert.throws(() => dek.encryptBlock(new Uint8Array(16)), UsageError)
  assert.equal(own.enc.encryptBlock(new Uint8Array(16)).length, 16)
})

test('wrong static keys: the host sees it first, and a host that goes on is refused', async () => {
  await assert.rejects(openScp03(cardOn({ ...moduleOptions, keys: keys(9) }), hostOptions), AuthError)
  const wrongEnc = { ...moduleOptions, keys: { ...keys(), enc: keys(9).enc } }
  const card = cardOn(wrongEnc)
  const host = await openScp03(card, hostOptions)
  // The MAC key alone authenticates; another encryption key shows at the first command with data.
  const sent = host.wrap(command({ cla: 0x80, ins: 0xe2, data: decodeHex('CAFE') }))
  assert.equal(card.session?.unwrap(sent).refused, 'security-not-satisfied')
})

test('every byte of the answer to INITIALIZE UPDATE flipped is refused by the host', () => {
  const { card } = begin({}, { i: 0x70, sequenceCounter: 5, cardChallenge: pseudoRandom(5) })
  const reply = card.reply ?? nothing
  const diversification = 10
  for (let at = diversification; at < reply.length; at++) {
    const host = AwaitingInitializeUpdateAnswer.begin({ ...hostOptions, aid: issuerDomain })
    assert.throws(
      () => host.next.step({ data: reply.with(at, reply[at]! ^ 0x01), sw: 0x9000 }),
      (error) => error instanceof AuthError || error instanceof PeerError || error instanceof DecodeError,
      `byte ${at}`,
    )
  }
})

test('every byte of EXTERNAL AUTHENTICATE flipped is refused and leaves no session', () => {
  const { authenticate } = begun()
  const bytes = [0x84, 0x82, 0x33, 0x00]
  const attacks: Command[] = [
    ...bytes.map((value, at) => {
      const [cla, ins, p1, p2] = bytes.with(at, value ^ 0x01) as [number, number, number, number]
      return { ...authenticate, cla, ins, p1, p2 }
    }),
    ...Array.from(authenticate.data, (value, at) => ({
      ...authenticate,
      data: authenticate.data.with(at, value ^ 0x80),
    })),
    { ...authenticate, p1: 0x03 },
    { ...authenticate, cla: 0x80 },
    { ...authenticate, data: authenticate.data.subarray(0, 8) },
  ]
  for (const attack of attacks) {
    const { card } = begun()
    assert.ok(card.step(attack).refused)
    assert.throws(() => card.step(authenticate), UsageError)
  }
})

test('refusals carry the status words of SCP03', () => {
  const refusal = (attack: (authenticate: Command) => Command, module: Partial<Scp03ModuleOptions> = {}) => {
    const { authenticate, card } = begun({}, module)
    return card.step(attack(authenticate)).refused
  }
  assert.equal(
    refusal(() => command({ cla: 0x80, ins: 0xca })),
    'conditions-not-satisfied',
  )
  assert.equal(
    refusal((sent) => ({ ...sent, data: sent.data.subarray(1) })),
    'wrong-length',
  )
  assert.equal(
    refusal((sent) => ({ ...sent, p1: 0x30 })),
    'wrong-parameters',
  )
  assert.equal(
    refusal((sent) => ({ ...sent, p2: 1 })),
    'wrong-parameters',
  )
  assert.equal(
    refusal((sent) => sent, { levels: [0x13] }),
    'wrong-parameters',
  )
  assert.equal(
    refusal((sent) => ({ ...sent, p1: 0x13 })),
    'security-not-satisfied',
  )
  assert.equal(
    refusal((sent) => sent),
    undefined,
  )
})

test('a wrong host cryptogram under a right MAC is 6300', () => {
  // A host cryptogram flipped and MACed again: only one who holds S-MAC can do that.
  const { card, authenticate } = begun()
  const cryptogram = authenticate.data.slice(0, 8).map((byte) => byte ^ 1)
  const macKey = sessionMacKey()
  const mac = macKey.cmac(new Uint8Array(16), decodeHex('8482330010'), cryptogram).subarray(0, 8)
  const step = card.step({ ...authenticate, data: Uint8Array.of(...cryptogram, ...mac) })
  assert.equal(step.refused, 'authentication-refused')
})

test('EXTERNAL AUTHENTICATE of an earlier run is refused', () => {
  const earlier = begun().authenticate
  const { card } = begun({}, { cardChallenge: (length) => new Uint8Array(length).fill(0xa5) })
  assert.equal(card.step(earlier).refused, 'security-not-satisfied')
})

test('EXTERNAL AUTHENTICATE may be extended: its MAC then has the long Lc, or the short one', () => {
  const { authenticate, card } = begun()
  assert.ok(card.step({ ...authenticate, le: 0x1_0000, extended: true }).next)
  const long = begun()
  const cryptogram = long.authenticate.data.slice(0, 8)
  const mac = sessionMacKey().cmac(new Uint8Array(16), decodeHex('84823300 000010'), cryptogram)
  const data = Uint8Array.of(...cryptogram, ...mac.subarray(0, 8))
  assert.ok(long.card.step({ ...long.authenticate, data, extended: true }).next)
})

test('INITIALIZE UPDATE of a wrong length or P2 is refused, S16 where it is not served too', () => {
  const ask = (data: Uint8Array, p2 = 0) =>
    AwaitingExternalAuthenticate.begin(command({ cla: 0x80, ins: 0x50, p2, data }), moduleOptions).refused
  assert.equal(ask(new Uint8Array(7)), 'wrong-length')
  assert.equal(ask(new Uint8Array(9)), 'wrong-length')
  assert.equal(ask(new Uint8Array(16)), 'wrong-length')
  assert.equal(ask(new Uint8Array(8), 1), 'wrong-parameters')
  assert.equal(ask(new Uint8Array(8)), undefined)
})

test('the host refuses a module of another key version, length or parameter than it asked for', () => {
  const step = (options: Partial<Scp03HostOptions>, module: Partial<Scp03ModuleOptions>) => {
    const { host, card } = begin({}, module)
    const asked = AwaitingInitializeUpdateAnswer.begin({ ...hostOptions, ...options })
    assert.ok(host.next)
    return () => asked.next.step({ data: card.reply ?? nothing, sw: 0x9000 })
  }
  assert.throws(step({ keyVersion: 0x31 }, {}), PeerError)
  assert.throws(step({ hostChallenge: new Uint8Array(16) }, {}), PeerError)
  assert.throws(step({}, { i: 0x00 }), PeerError)
  assert.throws(step({}, { i: 0x20 }), PeerError)
  assert.doesNotThrow(step({ level: 0x03 }, { i: 0x00 }))
})

test('a level that the parameter of the module does not allow is refused by the module', () => {
  const possible = (i: number) =>
    ([0x00, 0x01, 0x03, 0x11, 0x13, 0x33] as const).filter((level: SecurityLevel) => {
      const { authenticate, card } = begun({ level: 0x03 }, { i })
      return card.step({ ...authenticate, p1: level }).refused !== 'wrong-parameters'
    })
  assert.deepEqual(possible(0x00), [0x00, 0x01, 0x03])
  assert.deepEqual(possible(0x20), [0x00, 0x01, 0x03, 0x11, 0x13])
  assert.deepEqual(possible(0x60), [0x00, 0x01, 0x03, 0x11, 0x13, 0x33])
})

test('a pseudo-random challenge that does not follow from AID and counter is refused when the host looks', () => {
  const module = { i: 0x70, sequenceCounter: 6, cardChallenge: pseudoRandom(5) }
  const { host, card } = begin({ aid: issuerDomain }, module)
  assert.throws(() => host.next.step({ data: card.reply ?? nothing, sw: 0x9000 }), AuthError)
  const honest = begun({ aid: issuerDomain }, { ...module, cardChallenge: pseudoRandom(6) })
  assert.ok(honest.card.step(honest.authenticate).next)
})

test('refusals of the module reach the host with their status word', async () => {
  const refusing = (sw: string): Transport => ({ transmit: async () => decodeHex(sw), close: async () => {} })
  await assert.rejects(openScp03(refusing('6A88'), hostOptions), (error) => {
    return error instanceof RefusedError && error.statusWord === 0x6a88
  })
  const { host } = begun()
  assert.throws(() => host.step({ data: nothing, sw: 0x6300 }), RefusedError)
  assert.throws(() => host.step({ data: nothing, sw: 0x9000 }), UsageError)
  assert.throws(() => begun().host.step({ data: decodeHex('00'), sw: 0x9000 }), PeerError)
})

test('a step is taken once', () => {
  const { host, card } = begin()
  const answer = { data: card.reply ?? nothing, sw: 0x9000 }
  host.next.step(answer)
  assert.throws(() => host.next.step(answer), UsageError)
  const { authenticate, card: pending } = begun()
  pending.close()
  assert.throws(() => pending.step(authenticate), UsageError)
})

test('options that do not fit together are mistakes of the caller', () => {
  assert.throws(() => begin({ hostChallenge: new Uint8Array(9) }), UsageError)
  assert.throws(() => begin({}, { i: 0x70 }), UsageError)
  assert.throws(() => begin({}, { sequenceCounter: 1 }), UsageError)
  assert.throws(() => begin({}, { diversificationData: new Uint8Array(9) }), UsageError)
  assert.throws(() => begin({}, { cardChallenge: () => new Uint8Array(9) }), UsageError)
  assert.throws(() => pseudoRandomChallenge(keys().enc, 0x100_0000, issuerDomain, 8), UsageError)
})

test('the answer to INITIALIZE UPDATE: round trip, canonical, no prefix, no byte more', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const anyAnswer = fc
    .tuple(bytes(10), fc.nat(255), fc.nat(255), bytes(32), fc.nat(0xff_ffff))
    .map(([diversificationData, keyVersion, i, random, sequenceCounter]) => {
      const length = (i & 0x01) !== 0 ? 16 : 8
      return {
        diversificationData,
        keyVersion,
        i,
        cardChallenge: random.slice(0, length),
        cardCryptogram: random.slice(16, 16 + length),
        ...((i & 0x10) !== 0 ? { sequenceCounter } : {}),
      }
    })
  fc.assert(
    fc.property(anyAnswer, (answer) => {
      const serialized = serializeInitializeUpdateAnswer(answer)
      assert.deepEqual(parseInitializeUpdateAnswer(serialized), answer)
      assert.deepEqual(serializeInitializeUpdateAnswer(parseInitializeUpdateAnswer(serialized)), serialized)
      for (let length = 0; length < serialized.length; length++) {
        assert.throws(() => parseInitializeUpdateAnswer(serialized.subarray(0, length)), DecodeError)
      }
      assert.throws(() => parseInitializeUpdateAnswer(Uint8Array.of(...serialized, 0)), DecodeError)
    }),
    { numRuns: 50 },
  )
  const scp02 = decodeHex('00000000000000000000 30 02 1122334455667788 1122334455667788')
  assert.throws(() => parseInitializeUpdateAnswer(scp02), DecodeError)
})

function pseudoRandom(counter: number) {
  return (length: 8 | 16) => pseudoRandomChallenge(keys().enc, counter, issuerDomain, length)
}

/** S-MAC of `begun()`, as SP 800-108 gives it. */
function sessionMacKey() {
  const context = Uint8Array.of(...hostOptions.hostChallenge, ...new Uint8Array(8).fill(0x5a))
  const derivation = Uint8Array.of(...new Uint8Array(11), 0x06, 0x00, 0x00, 0x80, 0x01, ...context)
  return crypto.aes(keys().mac.cmac(derivation))
}
