import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Command, command, parseCommand, serializeResponse } from '../../apdu/index.ts'
import { concat, decodeHex } from '../../bytes/index.ts'
import { portableCrypto as crypto } from '../../crypto/index.ts'
import { AuthError, DecodeError, RefusedError, UsageError } from '../../errors/index.ts'
import type { EcPrivateKey, Transport } from '../../ports/index.ts'
import type { ModuleSession, Reply } from '../secure-messaging/index.ts'
import {
  AwaitingReceipt,
  agreeKeys,
  hostIdOf,
  openScp11,
  parseKeyAgreementAnswer,
  parseKeyAgreementRequest,
  type Scp11HostOptions,
  type Scp11ModuleOptions,
  type Scp11Variant,
  serializeKeyAgreementAnswer,
  serializeKeyAgreementRequest,
  variantOf,
} from './index.ts'

const scalar = (fill: number) => new Uint8Array(32).fill(fill)
const moduleKey = crypto.ecPrivateKey(scalar(0x11))
const hostKey = crypto.ecPrivateKey(scalar(0x33))
const otherKey = crypto.ecPrivateKey(scalar(0x55))
const publicOf = (key: EcPrivateKey) => crypto.ecPublicKey(key.publicPoint)
const identities = { sin: decodeHex('0102030405060708'), sdin: decodeHex('1112131415161718') }
const sample = command({ cla: 0x80, ins: 0xe2, data: decodeHex('CAFE'), le: 256 })

function hostOptions(variant: Scp11Variant, more: Partial<Scp11HostOptions> = {}): Scp11HostOptions {
  const own = variant === 'b' ? {} : { ownKey: ownKeyOf(hostKey) }
  const ephemeralScalar = scalar(0x44)
  const point = variant === 'b' ? crypto.ecPrivateKey(ephemeralScalar).publicPoint : hostKey.publicPoint
  return {
    crypto,
    variant,
    keyVersion: 1,
    keyId: 0x41,
    moduleKey: publicOf(moduleKey),
    ephemeralScalar,
    binding: { hostId: hostIdOf(crypto, point), identities },
    ...own,
    ...more,
  }
}

function ownKeyOf(key: EcPrivateKey) {
  return { point: key.publicPoint, staticSecret: key.agree(publicOf(moduleKey)) }
}

function moduleOptions(variant: Scp11Variant, more: Partial<Scp11ModuleOptions> = {}): Scp11ModuleOptions {
  const peer = variant === 'b' ? {} : { peerKey: publicOf(hostKey) }
  const ephemeral = variant === 'c' ? {} : { ephemeralScalar: scalar(0x22) }
  return {
    crypto,
    variant,
    staticKey: moduleKey,
    identities,
    own: variant !== 'c',
    ...peer,
    ...ephemeral,
    ...more,
  }
}

function taken(sent: Command, options: Scp11ModuleOptions): Reply<ModuleSession> {
  const step = agreeKeys(sent, options)
  if (step.refused !== undefined) assert.fail(step.refused)
  return step
}

/** Both sides, up to their sessions. */
function agreed(
  variant: Scp11Variant,
  host: Partial<Scp11HostOptions> = {},
  module: Partial<Scp11ModuleOptions> = {},
) {
  const { reply, next } = AwaitingReceipt.begin(hostOptions(variant, host))
  const step = taken(reply, moduleOptions(variant, module))
  return { host: next.step({ data: step.reply, sw: 0x9000 }).next, module: step.next }
}

test('SCP11a, b and c with identities open a session of level 33 on both sides', () => {
  for (const variant of ['a', 'b', 'c'] as const) {
    const ids = variant === 'c' ? { cardGroup: decodeHex('C0FFEE') } : identities
    const binding = { hostId: decodeHex('AABB'), identities: ids }
    const { host, module } = agreed(variant, { binding }, { identities: ids, own: false })
    assert.equal(host.level, 0x33)
    assert.deepEqual(module.unwrap(host.wrap(sample)).command, sample)
    assert.deepEqual(host.unwrap(module.wrap({ data: decodeHex('01'), sw: 0x9000 })).data, decodeHex('01'))
    const key = new Uint8Array(16)
    assert.deepEqual(host.dek?.encryptBlock(key), module.dek?.encryptBlock(key))
  }
})

test('usage 34 gives level 11, S16 and 32-byte keys are parameters, and all that only outside our own sessions', () => {
  const { host, module } = agreed(
    'a',
    { usage: 0x34, keyLength: 32, macLength: 16 },
    { own: false, macLength: 16 },
  )
  assert.deepEqual([host.level, module.level], [0x11, 0x11])
  assert.equal(host.dek?.length, 32)
  assert.deepEqual(module.unwrap(host.wrap(sample)).command, sample)
  const plain = hostOptions('a')
  const { binding: _, ...unbound } = plain
  for (const options of [{ ...plain, usage: 0x34 as const }, { ...plain, keyLength: 32 as const }, unbound]) {
    const { reply } = AwaitingReceipt.begin({
      ...options,
      ownKey: ownKeyOf(hostKey),
      ephemeralScalar: scalar(0x44),
    })
    assert.equal(agreeKeys(reply, moduleOptions('a')).refused, 'wrong-data')
  }
})

test('over a transport: the session opens, a refusal keeps its status word', async () => {
  let session: ModuleSession | undefined
  const card: Transport = {
    async transmit(bytes) {
      const step = taken(parseCommand(bytes), moduleOptions('a'))
      session = step.next
      return serializeResponse({ data: step.reply, sw: 0x9000 })
    },
    async close() {},
  }
  const host = await openScp11(card, hostOptions('a'))
  assert.deepEqual(session?.unwrap(host.wrap(sample)).command, sample)
  const refusing: Transport = { transmit: async () => decodeHex('6A88'), close: async () => {} }
  await assert.rejects(openScp11(refusing, hostOptions('a')), (error) => {
    return error instanceof RefusedError && error.statusWord === 0x6a88
  })
})

test('every byte of the answer flipped, receipt and point alike, is refused by the host', () => {
  for (const variant of ['a', 'b', 'c'] as const) {
    const more =
      variant === 'c'
        ? { binding: { hostId: Uint8Array.of(1), identities: { cardGroup: Uint8Array.of(2) } } }
        : {}
    const ids = variant === 'c' ? { identities: { cardGroup: Uint8Array.of(2) } } : {}
    const { reply } = AwaitingReceipt.begin(hostOptions(variant, more))
    const answer = taken(reply, moduleOptions(variant, ids)).reply
    for (let at = 0; at < answer.length; at++) {
      // Within the point a step of 9 bytes is enough: each costs two key agreements.
      if (at > 4 && at < answer.length - 16 && at % 9 !== 0) continue
      const { next } = AwaitingReceipt.begin(hostOptions(variant, more))
      const attacked = answer.with(at, answer[at]! ^ 0x01)
      assert.throws(
        () => next.step({ data: attacked, sw: 0x9000 }),
        (error) => error instanceof AuthError || error instanceof DecodeError,
        `SCP11${variant}, byte ${at}`,
      )
      assert.throws(() => next.step({ data: answer, sw: 0x9000 }), UsageError)
    }
  }
})

test('a receipt without the tag, truncated or missing is refused by the host', () => {
  const { reply } = AwaitingReceipt.begin(hostOptions('b'))
  const answer = taken(reply, moduleOptions('b')).reply
  for (const data of [answer.subarray(0, -18), answer.subarray(0, -1), new Uint8Array(0)]) {
    const { next } = AwaitingReceipt.begin(hostOptions('b'))
    assert.throws(() => next.step({ data, sw: 0x9000 }), DecodeError)
  }
})

test("in our own sessions the HostID is that of the host's key, and no other", () => {
  for (const variant of ['a', 'b'] as const) {
    const foreign = { hostId: hostIdOf(crypto, otherKey.publicPoint), identities }
    const { reply } = AwaitingReceipt.begin(hostOptions(variant, { binding: foreign }))
    assert.equal(agreeKeys(reply, moduleOptions(variant)).refused, 'security-not-satisfied')
    assert.ok(taken(reply, moduleOptions(variant, { own: false })).next)
  }
})

test('a module that lacks the private key of its certificate has no valid receipt', () => {
  for (const variant of ['a', 'b'] as const) {
    const { reply, next } = AwaitingReceipt.begin(hostOptions(variant))
    const step = taken(reply, moduleOptions(variant, { staticKey: otherKey }))
    assert.throws(() => next.step({ data: step.reply, sw: 0x9000 }), AuthError)
  }
})

test('SCP11a: a host that lacks the stored key gets no session that works', () => {
  const { reply, next } = AwaitingReceipt.begin(hostOptions('a', { ownKey: ownKeyOf(otherKey) }))
  const step = taken(reply, moduleOptions('a'))
  assert.throws(() => next.step({ data: step.reply, sw: 0x9000 }), AuthError)
})

test('identities are bound: another HostID, SIN or SDIN on one side gives no session', () => {
  const cases: Partial<Scp11HostOptions>[] = [
    {
      binding: {
        hostId: decodeHex('AABB'),
        identities: { ...identities, sdin: decodeHex('1112131415161719') },
      },
    },
    {
      binding: {
        hostId: decodeHex('AABB'),
        identities: { ...identities, sin: decodeHex('0102030405060709') },
      },
    },
    { binding: { hostId: decodeHex('AABB'), identities: { sin: identities.sdin, sdin: identities.sin } } },
  ]
  for (const host of cases) assert.throws(() => agreed('a', host, { own: false }), AuthError)
  const { reply, next } = AwaitingReceipt.begin(hostOptions('a'))
  const request = parseKeyAgreementRequest(reply.data)
  const data = serializeKeyAgreementRequest({ ...request, hostId: decodeHex('AABB') })
  const step = taken({ ...reply, data }, moduleOptions('a', { own: false }))
  assert.throws(() => next.step({ data: step.reply, sw: 0x9000 }), AuthError)
})

test('a peer that presents the own key of the other side is refused on both sides', () => {
  const { reply } = AwaitingReceipt.begin(hostOptions('a'))
  const reflected = agreeKeys(reply, moduleOptions('a', { peerKey: publicOf(moduleKey) }))
  assert.equal(reflected.refused, 'security-not-satisfied')
  const request = parseKeyAgreementRequest(reply.data)
  const data = serializeKeyAgreementRequest({ ...request, ephemeralPoint: moduleKey.publicPoint })
  assert.equal(agreeKeys({ ...reply, data }, moduleOptions('a')).refused, 'security-not-satisfied')

  assert.throws(() => AwaitingReceipt.begin(hostOptions('a', { moduleKey: publicOf(hostKey) })), AuthError)
  const ownEphemeral = crypto.ecPrivateKey(scalar(0x44)).publicPoint
  for (const point of [ownEphemeral, hostKey.publicPoint]) {
    const { next } = AwaitingReceipt.begin(hostOptions('a'))
    const answer = serializeKeyAgreementAnswer({ point, receipt: new Uint8Array(16) })
    assert.throws(() => next.step({ data: answer, sw: 0x9000 }), AuthError)
  }
})

test('SCP11c: a module that answers with another static key than expected is refused', () => {
  const ids = { cardGroup: Uint8Array.of(2) }
  const { reply, next } = AwaitingReceipt.begin(
    hostOptions('c', { binding: { hostId: Uint8Array.of(1), identities: ids } }),
  )
  const step = taken(reply, moduleOptions('c', { staticKey: otherKey, identities: ids }))
  assert.throws(() => next.step({ data: step.reply, sw: 0x9000 }), AuthError)
})

test('a point that is not on the curve is refused by the module', () => {
  const { reply } = AwaitingReceipt.begin(hostOptions('b'))
  const request = parseKeyAgreementRequest(reply.data)
  const offCurve = request.ephemeralPoint.with(64, request.ephemeralPoint[64]! ^ 1)
  for (const ephemeralPoint of [offCurve, new Uint8Array(65), new Uint8Array(65).with(0, 4)]) {
    const data = serializeKeyAgreementRequest({ ...request, ephemeralPoint })
    assert.equal(agreeKeys({ ...reply, data }, moduleOptions('b')).refused, 'security-not-satisfied')
  }
})

test('another command, variant or key than the one named is refused', () => {
  const { reply } = AwaitingReceipt.begin(hostOptions('a'))
  assert.equal(agreeKeys({ ...reply, ins: 0x88 }, moduleOptions('a')).refused, 'conditions-not-satisfied')
  assert.equal(agreeKeys({ ...reply, data: new Uint8Array(3) }, moduleOptions('a')).refused, 'wrong-data')
  const ids = { cardGroup: Uint8Array.of(2) }
  assert.equal(agreeKeys(reply, moduleOptions('c', { identities: ids })).refused, 'wrong-data')
  const { identities: _, ...noIdentities } = moduleOptions('a', { own: false })
  assert.equal(agreeKeys(reply, noIdentities).refused, 'wrong-data')
})

test('commands of one session are refused in another with the same static keys', () => {
  const first = agreed('a')
  const second = agreed('a', {}, { ephemeralScalar: scalar(0x23) })
  assert.equal(second.module.unwrap(first.host.wrap(sample)).refused, 'security-not-satisfied')
})

test('one-time secrets are overwritten on both sides, also when the step is refused', () => {
  const ephemeralScalar = scalar(0x44)
  const ownKey = ownKeyOf(hostKey)
  const { reply, next } = AwaitingReceipt.begin(hostOptions('a', { ephemeralScalar, ownKey }))
  assert.deepEqual([ephemeralScalar, ownKey.staticSecret], [scalar(0), scalar(0)])
  next.close()
  assert.throws(() => next.step({ data: new Uint8Array(0), sw: 0x9000 }), UsageError)
  for (const sent of [reply, { ...reply, data: new Uint8Array(1) }]) {
    const module = scalar(0x22)
    agreeKeys(sent, moduleOptions('a', { ephemeralScalar: module }))
    assert.deepEqual(module, scalar(0))
  }
})

test('options that do not fit together are mistakes of the caller', () => {
  assert.throws(() => AwaitingReceipt.begin(hostOptions('b', { ownKey: ownKeyOf(hostKey) })), UsageError)
  const { ownKey: _, ...without } = hostOptions('a')
  assert.throws(() => AwaitingReceipt.begin(without), UsageError)
  const { reply } = AwaitingReceipt.begin(hostOptions('a'))
  const { peerKey: __, ...noPeer } = moduleOptions('a')
  assert.throws(() => agreeKeys(reply, noPeer), UsageError)
  const { ephemeralScalar: ___, ...noScalar } = moduleOptions('a')
  assert.throws(() => agreeKeys(reply, noScalar), UsageError)
  const request = parseKeyAgreementRequest(reply.data)
  assert.throws(() => serializeKeyAgreementRequest({ ...request, parameters: 0x01 }), UsageError)
})

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const anyRequest = fc
  .record({
    parameters: fc.nat(255).filter((value) => variantOf(value) !== undefined),
    usage: fc.constantFrom(0x3c as const, 0x34 as const),
    keyLength: fc.constantFrom(16 as const, 24 as const, 32 as const),
    hostId: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    ephemeralPoint: bytes(65),
  })
  .map(({ hostId, ...request }) => ((request.parameters & 4) !== 0 ? { ...request, hostId } : request))

test('key agreement and its answer: round trip, canonical, no prefix, no byte more', () => {
  fc.assert(
    fc.property(anyRequest, (request) => {
      checkLaws(request, parseKeyAgreementRequest, serializeKeyAgreementRequest)
    }),
    { numRuns: 40 },
  )
  fc.assert(
    fc.property(fc.record({ point: bytes(65), receipt: bytes(16) }, { noNullPrototype: true }), (answer) => {
      checkLaws(answer, parseKeyAgreementAnswer, serializeKeyAgreementAnswer)
    }),
    { numRuns: 10 },
  )
})

function checkLaws<T>(value: T, parse: (bytes: Uint8Array) => T, serialize: (value: T) => Uint8Array): void {
  const serialized = serialize(value)
  assert.deepEqual(parse(serialized), value)
  for (let length = 0; length < serialized.length; length++) {
    assert.throws(() => parse(serialized.subarray(0, length)), DecodeError)
  }
  assert.throws(() => parse(Uint8Array.of(...serialized, 0)), DecodeError)
}

test('a key agreement that is not as Amendment F says is refused', () => {
  const point = concat(decodeHex('5F4941'), new Uint8Array(65))
  const refused = [
    'A60D 90021201 95013C 800188 810110',
    'A60D 90021102 95013C 800188 810110',
    'A60D 90021101 95013D 800188 810110',
    'A60D 90021101 95013C 800180 810110',
    'A60D 90021101 95013C 800188 810111',
    'A60D 95013C 90021101 800188 810110',
    'A60D 90021105 95013C 800188 810110',
    'A610 90021101 95013C 800188 810110 8401AA',
    'A60F 90021105 95013C 800188 810110 8400',
    'A610 90021105 95013C 800188 810110 8501AA',
    'A70D 90021101 95013C 800188 810110',
  ]
  for (const hex of refused) {
    assert.throws(() => parseKeyAgreementRequest(concat(decodeHex(hex), point)), DecodeError, hex)
  }
  const good = decodeHex('A60D 90021109 95013C 800188 810110')
  assert.equal(parseKeyAgreementRequest(concat(good, point)).parameters, 0x09)
  assert.throws(() => parseKeyAgreementRequest(concat(good, point, decodeHex('8400'))), DecodeError)
  assert.throws(
    () => parseKeyAgreementRequest(concat(good, decodeHex('5F494004'), new Uint8Array(63))),
    DecodeError,
  )
})
