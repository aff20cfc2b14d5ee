import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type Command,
  CommandChain,
  command,
  exchange,
  parseCommand,
  ResponseQueue,
  serializeCommand,
  serializeResponse,
} from '../../apdu/index.ts'
import { concat, decodeHex, u16 } from '../../bytes/index.ts'
import { pad80, portableCrypto } from '../../crypto/index.ts'
import { AuthError, UsageError } from '../../errors/index.ts'
import type { Transport } from '../../ports/index.ts'
import {
  exchangeProtected,
  HostSession,
  isProtected,
  isSecurityLevel,
  ModuleSession,
  protectedTransport,
  type SecurityLevel,
  type SessionKeys,
  type SessionStart,
  securityLevels,
  withoutProtection,
  withProtection,
} from './index.ts'

const keyBytes = (fill: number) => new Uint8Array(16).fill(fill)

function keys(): SessionKeys {
  const { aes } = portableCrypto
  return { enc: aes(keyBytes(1)), mac: aes(keyBytes(2)), rmac: aes(keyBytes(3)), dek: aes(keyBytes(4)) }
}

function pair(level: SecurityLevel = 0x33, macLength: 8 | 16 = 8) {
  const start = (): SessionStart => ({ keys: keys(), level, chaining: keyBytes(9), macLength })
  return { host: new HostSession(start()), module: new ModuleSession(start()) }
}

const sample = command({ cla: 0x80, ins: 0xe2, p1: 1, p2: 2, data: decodeHex('00112233'), le: 256 })
const ok = { data: decodeHex('AABBCC'), sw: 0x9000 }

function plain(module: ModuleSession, received: Command): Command {
  const step = module.unwrap(received)
  return step.command ?? assert.fail(`refused: ${step.refused}`)
}

function flips(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (value, at) => bytes.with(at, value ^ 0x01))
}

test('every level, both MAC lengths: commands and answers of many lengths come through in order', () => {
  const lengths = [0, 1, 15, 16, 17, 200, 255, 256, 700]
  for (const level of securityLevels) {
    for (const macLength of [8, 16] as const) {
      const { host, module } = pair(level, macLength)
      for (const length of lengths) {
        const data = new Uint8Array(length).fill(length)
        const extended = length > 255
        const sent = command({ cla: 0x80, ins: 0xe2, data, le: extended ? 0x1_0000 : 256, extended })
        assert.deepEqual(plain(module, host.wrap(sent)), sent)
        assert.deepEqual(host.unwrap(module.wrap({ data, sw: 0x9000 })), { data, sw: 0x9000 })
      }
    }
  }
})

test('an error goes out bare, without data, and the session lives on', () => {
  const { host, module } = pair()
  for (const sw of [0x6a88, 0x9000, 0x6982, 0x6310]) {
    assert.deepEqual(plain(module, host.wrap(sample)), sample)
    const answer = module.wrap({ data: ok.data, sw })
    const success = sw === 0x9000 || sw === 0x6310
    assert.equal(answer.data.length, success ? 24 : 0)
    assert.deepEqual(host.unwrap(answer), success ? { data: ok.data, sw } : { data: new Uint8Array(0), sw })
  }
})

test('every byte of a protected command flipped is refused and closes the session', () => {
  for (const level of [0x01, 0x03, 0x11, 0x13, 0x33] as const) {
    for (const macLength of [8, 16] as const) {
      const bytes = serializeCommand(pair(level, macLength).host.wrap({ ...sample, extended: false }))
      // Lc is the transport's: a flipped one does not parse. Le is not covered by the MAC.
      const flipped = flips(bytes).filter((_, at) => at !== 4 && at !== bytes.length - 1)
      for (const attacked of flipped) {
        const { module } = pair(level, macLength)
        assert.deepEqual(module.unwrap(parseCommand(attacked)), { refused: 'security-not-satisfied' })
        assert.equal(module.closed, true)
        assert.throws(() => module.unwrap(parseCommand(bytes)), UsageError)
      }
    }
  }
})

test('replayed, reordered and dropped commands are refused and close the session', () => {
  const refused = { refused: 'security-not-satisfied' }
  for (const level of [0x01, 0x33] as const) {
    const { host } = pair(level)
    const [first, second, third] = [host.wrap(sample), host.wrap(sample), host.wrap(sample)]
    const receive = (...commands: readonly Command[]) => {
      const { module } = pair(level)
      const steps = commands.map((each) => module.unwrap(each))
      assert.equal(module.closed, true)
      return steps.at(-1)
    }
    assert.deepEqual(receive(first, first), refused)
    assert.deepEqual(receive(second), refused)
    assert.deepEqual(receive(first, third), refused)
    assert.deepEqual(receive(first, second, first), refused)
  }
})

test('a command of another session is refused', () => {
  const { host } = pair()
  const module = new ModuleSession({ keys: keys(), level: 0x33, chaining: keyBytes(8) })
  assert.equal(module.unwrap(host.wrap(sample)).refused, 'security-not-satisfied')
})

test('a truncated MAC, no MAC at all, and an unprotected command are refused and close the session', () => {
  const wrapped = pair().host.wrap(sample)
  const attacks: Command[] = [
    sample,
    { ...sample, cla: 0x84 },
    command({ cla: 0x84, ins: 0xca }),
    { ...wrapped, cla: 0x80 },
    { ...wrapped, cla: 0x8c },
    ...Array.from({ length: wrapped.data.length }, (_, n) => ({
      ...wrapped,
      data: wrapped.data.subarray(0, n),
    })),
    { ...wrapped, data: concat(wrapped.data, Uint8Array.of(0)) },
  ]
  for (const attack of attacks) {
    const { module } = pair()
    assert.deepEqual(module.unwrap(attack), { refused: 'security-not-satisfied' })
    assert.equal(module.closed, true)
  }
  const { module } = pair()
  assert.deepEqual(plain(module, wrapped), sample)
})

test('a session without MAC does not take a protected command', () => {
  const { module } = pair(0x00)
  assert.deepEqual(plain(module, sample), sample)
  assert.equal(module.unwrap({ ...sample, cla: 0x84 }).refused, 'security-not-satisfied')
})

test('every byte of a protected answer flipped is refused by the host and closes its session', () => {
  for (const level of [0x11, 0x13, 0x33] as const) {
    for (const macLength of [8, 16] as const) {
      for (const answer of [ok, { data: new Uint8Array(0), sw: 0x9000 }, { data: ok.data, sw: 0x6310 }]) {
        const { host, module } = pair(level, macLength)
        plain(module, host.wrap(sample))
        const { data, sw } = module.wrap(answer)
        const attacks = [
          ...flips(data).map((flipped) => ({ data: flipped, sw })),
          { data, sw: sw === 0x9000 ? 0x6200 : 0x9000 },
          { data, sw: 0x6a80 },
          { data: data.subarray(1), sw },
          { data: data.subarray(0, -1), sw },
          { data: new Uint8Array(0), sw },
          { data: concat(data, Uint8Array.of(0)), sw },
        ]
        for (const attack of attacks) {
          const victim = pair(level, macLength).host
          victim.wrap(sample)
          assert.throws(() => victim.unwrap(attack), AuthError)
          assert.equal(victim.closed, true)
          assert.throws(() => victim.wrap(sample), UsageError)
        }
        assert.deepEqual(host.unwrap({ data, sw }), answer)
      }
    }
  }
})

test('an answer to an earlier command is refused by the host', () => {
  const { host, module } = pair()
  plain(module, host.wrap(sample))
  const early = module.wrap(ok)
  host.unwrap(early)
  host.wrap(sample)
  assert.throws(() => host.unwrap(early), AuthError)
})

test('equal commands and answers never look equal on the wire', () => {
  const { host, module } = pair()
  const seen = new Set<string>()
  for (let i = 0; i < 10; i++) {
    const sent = host.wrap(sample)
    plain(module, sent)
    seen.add(sent.data.subarray(0, 16).toString())
    seen.add(module.wrap(ok).data.subarray(0, 16).toString())
    host.unwrap({ data: new Uint8Array(0), sw: 0x6a80 })
  }
  assert.equal(seen.size, 20)
})

test('commands without data and refused commands count', () => {
  const { host, module } = pair()
  for (let i = 0; i < 300; i++) {
    plain(module, host.wrap(command({ cla: 0x80, ins: 0xca, le: 256 })))
    host.unwrap(module.wrap({ data: new Uint8Array(0), sw: i % 2 === 0 ? 0x9000 : 0x6a88 }))
  }
  assert.deepEqual(plain(module, host.wrap(sample)), sample)
  assert.deepEqual(host.unwrap(module.wrap(ok)), ok)
})

/** Protects as other hosts do: chosen form of Lc in the MAC, chosen body. */
function foreignWrap(plainCommand: Command, body: Uint8Array, longLc: boolean): Command {
  const { cla, ins, p1, p2 } = plainCommand
  const length = body.length + 8
  const lc = longLc ? concat(Uint8Array.of(0), u16(length)) : Uint8Array.of(length)
  const mac = keys().mac.cmac(keyBytes(9), Uint8Array.of((cla & 0x80) | 0x04, ins, p1, p2), lc, body)
  return { ...plainCommand, cla: cla | 0x04, data: concat(body, mac.subarray(0, 8)) }
}

test('the module takes both forms of Lc in the MAC, however the command arrived', () => {
  for (const extended of [false, true]) {
    for (const longLc of [false, true]) {
      const sent = { ...sample, extended }
      const { module } = pair(0x01)
      assert.deepEqual(plain(module, foreignWrap(sent, sample.data, longLc)), sent)
    }
  }
})

test('the module takes empty data as no ciphertext and as one block of padding', () => {
  const counter = new Uint8Array(16).with(15, 1)
  const { enc } = keys()
  const padding = enc.cbcEncrypt(enc.encryptBlock(counter), pad80(new Uint8Array(0)))
  const empty = command({ cla: 0x00, ins: 0xca, le: 256 })
  for (const body of [new Uint8Array(0), padding]) {
    const { module } = pair(0x33)
    assert.deepEqual(plain(module, foreignWrap(empty, body, false)), empty)
  }
})

test('a body that is no ciphertext, or has no padding, is refused although its MAC is right', () => {
  const { enc } = keys()
  const icv = enc.encryptBlock(new Uint8Array(16).with(15, 1))
  for (const body of [new Uint8Array(5), enc.cbcEncrypt(icv, new Uint8Array(16))]) {
    const { module } = pair(0x33)
    assert.equal(module.unwrap(foreignWrap(sample, body, false)).refused, 'security-not-satisfied')
    assert.equal(module.closed, true)
  }
})

test('an encrypted answer without padding is refused by the host although its MAC is right', () => {
  const { enc, rmac } = keys()
  const icv = enc.encryptBlock(new Uint8Array(16).with(15, 1).with(0, 0x80))
  for (const body of [new Uint8Array(7), enc.cbcEncrypt(icv, new Uint8Array(16))]) {
    const { host } = pair()
    const { data } = host.wrap(command({ cla: 0x80, ins: 0xca }))
    const chaining = keys().mac.cmac(keyBytes(9), decodeHex('84CA0000 08'))
    assert.deepEqual(data, chaining.subarray(0, 8))
    const answer = { data: concat(body, rmac.cmac(chaining, body, u16(0x9000)).subarray(0, 8)), sw: 0x9000 }
    assert.throws(() => host.unwrap(answer), AuthError)
  }
})

test('class bits of protection come and go for all logical channels', () => {
  assert.deepEqual([0x80, 0x00, 0x83, 0xc1].map(withProtection), [0x84, 0x04, 0x87, 0xe1])
  assert.deepEqual([0x84, 0x04, 0x87, 0xe1].map(withoutProtection), [0x80, 0x00, 0x83, 0xc1])
  assert.deepEqual([0x80, 0x84, 0x88, 0x8c, 0xc1, 0xe1].map(isProtected), [
    false,
    true,
    false,
    false,
    false,
    true,
  ])
})

test('the MAC covers what the session serves: classes 04 and 84 on the basic logical channel', () => {
  for (const cla of [0x00, 0x80]) {
    const { host, module } = pair()
    const sent = { ...sample, cla }
    assert.deepEqual(plain(module, host.wrap(sent)), sent)
  }
  const wrapped = pair().host.wrap(sample)
  for (let cla = 0; cla <= 0xff; cla++) {
    if (cla === 0x84) continue
    const { module } = pair()
    assert.equal(module.unwrap({ ...wrapped, cla }).refused, 'security-not-satisfied')
    assert.equal(module.closed, true)
  }
})

test('through chaining and GET RESPONSE a session carries data and answers of any length', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 1200 }), fc.integer({ min: 0, max: 1200 })), {
        maxLength: 4,
      }),
      async (lengths) => {
        const { host, module } = pair()
        let answer = new Uint8Array(0)
        const card = cardWith(module, () => answer)
        for (const [up, down] of lengths) {
          answer = Uint8Array.from({ length: down }, (_, i) => i % 251)
          const data = Uint8Array.from({ length: up }, (_, i) => i % 253)
          const response = await exchangeProtected(
            card,
            host,
            command({ cla: 0x80, ins: 0xe2, data, le: 256 }),
          )
          assert.deepEqual(card.seen.at(-1), data)
          assert.deepEqual(response, { data: answer, sw: 0x9000 })
        }
      },
    ),
    { numRuns: 25 },
  )
})

test('a protected transport looks like a plain one', async () => {
  const { host, module } = pair()
  const card = cardWith(module, () => decodeHex('CAFE'))
  const transport = protectedTransport(card, host)
  assert.deepEqual(await transport.transmit(serializeCommand(sample)), decodeHex('CAFE9000'))
  assert.deepEqual(card.seen, [sample.data])
  assert.equal((await exchange(transport, sample)).sw, 0x9000)
  await transport.close()
  assert.equal(host.closed, true)
  await assert.rejects(transport.transmit(serializeCommand(sample)), UsageError)
})

test('closing disposes of the keys; a closed session and an answer nobody waits for are mistakes of the caller', () => {
  const start: SessionStart = { keys: keys(), level: 0x33, chaining: keyBytes(9) }
  const module = new ModuleSession(start)
  assert.ok(module.dek)
  assert.throws(() => module.wrap(ok), UsageError)
  module.close()
  module.close()
  for (const key of [start.keys.enc, start.keys.mac, start.keys.rmac, start.keys.dek]) {
    assert.throws(() => key?.encryptBlock(keyBytes(0)), UsageError)
  }
  assert.throws(() => module.dek, UsageError)
  const { host } = pair()
  assert.throws(() => host.unwrap(ok), UsageError)
  host.wrap(sample)
  host.close()
  assert.throws(() => host.unwrap(ok), UsageError)
  assert.throws(() => new HostSession({ ...start, chaining: keyBytes(1).subarray(1) }), UsageError)
})

test('a command too long to be protected is a mistake of the caller, and the session lives on', () => {
  const { host, module } = pair()
  const data = new Uint8Array(0xfff8)
  assert.throws(() => host.wrap(command({ cla: 0x80, ins: 0xe2, data, extended: true })), UsageError)
  const longest = command({ cla: 0x80, ins: 0xe2, data: data.subarray(0, 0xffdf), extended: true })
  assert.deepEqual(plain(module, parseCommand(serializeCommand(host.wrap(longest)))), longest)
})

test('there are six security levels', () => {
  assert.deepEqual(
    Array.from({ length: 256 }, (_, byte) => byte).filter(isSecurityLevel),
    [0x00, 0x01, 0x03, 0x11, 0x13, 0x33],
  )
})

/** A card of one session that answers every command with the same data. */
function cardWith(
  module: ModuleSession,
  answer: () => Uint8Array,
): Transport & { readonly seen: Uint8Array[] } {
  const chain = new CommandChain()
  const queue = new ResponseQueue()
  const seen: Uint8Array[] = []
  return {
    seen,
    async transmit(bytes) {
      const received = parseCommand(bytes)
      if (ResponseQueue.isGetResponse(received)) return serializeResponse(queue.next(received))
      const step = chain.accept(received)
      if (step.kind !== 'complete') return decodeHex(step.kind === 'more' ? '9000' : '6985')
      seen.push(plain(module, step.command).data)
      return serializeResponse(queue.begin(received, module.wrap({ data: answer(), sw: 0x9000 })))
    },
    async close() {},
  }
}
