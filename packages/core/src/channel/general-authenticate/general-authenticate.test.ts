import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { bytes, laws, shaped } from '../../../test/codec-laws.ts'
import { type Command, command, parseCommand, serializeCommand, serializeResponse } from '../../apdu/index.ts'
import { concat, decodeHex } from '../../bytes/index.ts'
import { statusWords } from '../../catalog/index.ts'
import { portableCrypto as crypto } from '../../crypto/index.ts'
import { AuthError, DecodeError, RefusedError, UsageError } from '../../errors/index.ts'
import type { Transport } from '../../ports/index.ts'
import {
  agreeEphemeral,
  beginDhSigned,
  beginSignedKey,
  exchangeKey,
  type Identification,
  isOpening,
  type OpenedExchange,
  type Opening,
  openDhSigned,
  openEphemeral,
  openSignedKey,
  type Peer,
  type PendingExchange,
  type ProvingHostOptions,
  type ProvingModuleOptions,
  parseCommitment,
  parseExponential,
  parseIdentification,
  parseKeyAnswer,
  parseOpening,
  parseProof,
  proofInput,
  serializeCommitment,
  serializeExponential,
  serializeIdentification,
  serializeKeyAnswer,
  serializeOpening,
  serializeProof,
  stageKeys,
  Transcript,
} from './index.ts'

const certificate = fc.uint8Array({ minLength: 1, maxLength: 300 })
const identification = shaped<Identification>({
  time: fc.nat(0xffff_ffff),
  certificates: fc.array(certificate, { minLength: 1, maxLength: 4 }),
})

laws(
  'first message',
  fc.record<Opening>(
    {
      suite: fc.nat(255),
      key: fc.oneof(
        shaped<Extract<Opening['key'], { kind: 'exponential' }>>({
          kind: fc.constant('exponential' as const),
          point: bytes(65),
        }),
        shaped<Extract<Opening['key'], { kind: 'commitment' }>>({
          kind: fc.constant('commitment' as const),
          commitment: bytes(32),
        }),
      ),
    },
    { noNullPrototype: true },
  ),
  serializeOpening,
  parseOpening,
)
laws(
  'key answer',
  shaped<{ point: Uint8Array; code: Uint8Array }>({ point: bytes(65), code: bytes(16) }),
  serializeKeyAnswer,
  parseKeyAnswer,
)
laws('commitment', bytes(32), serializeCommitment, parseCommitment)
laws('exponential', bytes(65), serializeExponential, parseExponential)
laws('identification', identification, serializeIdentification, parseIdentification)
laws('proof', shaped<{ signature: Uint8Array }>({ signature: bytes(64) }), serializeProof, parseProof)
laws(
  'proof with an identification',
  shaped<{ signature: Uint8Array; identification: Uint8Array }>({
    signature: bytes(64),
    identification: identification.map(serializeIdentification),
  }),
  serializeProof,
  parseProof,
)

test('an identification has a time and one to four certificates, in this order', () => {
  for (const hex of [
    'A000',
    'A006800400000001',
    'A009810130800400000001',
    'A00880040000000181 00',
    'A007800300000181 0130'.replaceAll(' ', ''),
    'A1098004000000018101 30',
    'A01580040000000181013081013081013081013081 0130',
  ]) {
    assert.throws(() => parseIdentification(decodeHex(hex.replaceAll(' ', ''))), DecodeError, hex)
  }
  assert.throws(
    () => serializeProof({ signature: new Uint8Array(64), identification: decodeHex('8100') }),
    UsageError,
  )
})

test('a first message is told from the others', () => {
  const point = new Uint8Array(65)
  const commitment = new Uint8Array(32)
  assert.ok(isOpening(serializeOpening({ suite: 1, key: { kind: 'exponential', point } })))
  assert.ok(isOpening(serializeOpening({ suite: 1, key: { kind: 'commitment', commitment } })))
  for (const other of [
    serializeProof({ signature: new Uint8Array(64) }),
    serializeExponential(point),
    serializeCommitment(commitment),
    new Uint8Array(0),
  ]) {
    assert.equal(isOpening(other), false)
  }
})

const scalar = (fill: number) => new Uint8Array(32).fill(fill)
const hostKey = crypto.ecPrivateKey(scalar(0x33))
const moduleKey = crypto.ecPrivateKey(scalar(0x11))
const sin = decodeHex('0102030405060708')
const serial = decodeHex('1112131415161718')
const moduleCertificate = decodeHex('30050102030405')

type Form = 'ephemeral' | 'dh-signed' | 'signed-key'
const forms: readonly Form[] = ['ephemeral', 'dh-signed', 'signed-key']
const signed = ['dh-signed', 'signed-key'] as const

function hostOptions(more: Partial<ProvingHostOptions> = {}): ProvingHostOptions {
  return {
    ...{ crypto, p1: 1, p2: 0x45, sin, serial, resource: 0, ephemeralScalar: scalar(0x44) },
    module: { point: moduleKey.publicPoint, certificate: moduleCertificate },
    host: { point: hostKey.publicPoint, sign: async (...parts) => hostKey.sign(...parts) },
    ...more,
  }
}

function moduleOptions(more: Partial<ProvingModuleOptions<Peer>> = {}): ProvingModuleOptions<Peer> {
  return {
    ...{ crypto, sin, serial, resource: 0, ephemeralScalar: scalar(0x22) },
    ...{ staticKey: moduleKey, certificate: moduleCertificate },
    peer: (shown) => (shown === undefined ? { point: hostKey.publicPoint } : undefined),
    ...more,
  }
}

/** A module that answers one set-up. */
function moduleFor(form: Form, options: ProvingModuleOptions<Peer>) {
  let pending: PendingExchange<Peer> | undefined
  let opened: OpenedExchange<Peer | undefined> | undefined
  const transport: Transport = {
    async transmit(apdu) {
      const sent: Command = parseCommand(apdu)
      const begin = { ephemeral: agreeEphemeral, 'dh-signed': beginDhSigned, 'signed-key': beginSignedKey }[
        form
      ]
      const step = pending === undefined ? begin(sent, options) : pending.step(sent)
      pending = undefined
      if (step.refused !== undefined) {
        return serializeResponse({ data: new Uint8Array(0), sw: statusWords[step.refused].sw })
      }
      if ('session' in step.next) opened = step.next
      else pending = step.next
      return serializeResponse({ data: step.reply, sw: 0x9000 })
    },
    close: async () => {},
  }
  return { transport, opened: () => opened }
}

const openers = { ephemeral: openEphemeral, 'dh-signed': openDhSigned, 'signed-key': openSignedKey }

async function met(
  form: Form,
  host: Partial<ProvingHostOptions> = {},
  module: Partial<ProvingModuleOptions<Peer>> = {},
) {
  const line = moduleFor(form, moduleOptions(module))
  const session = await openers[form](line.transport, hostOptions(host))
  return { session, module: line.opened()! }
}

suite('both ends', () => {
  for (const form of forms) {
    test(`[B5a] ${form}: meet in one session`, async () => {
      const { session, module } = await met(form)
      const sent = command({ cla: 0x80, ins: 0x4a, data: decodeHex('CAFE'), le: 256 })
      const received = module.session.unwrap(session.wrap(sent)).command!
      assert.deepEqual(received.data, sent.data)
      const answer = session.unwrap(module.session.wrap({ data: decodeHex('BEEF'), sw: 0x9000 }))
      assert.deepEqual(answer.data, decodeHex('BEEF'))
      assert.equal(session.level, 0x33)
      assert.equal(module.transcript.length, 32)
      if (form !== 'ephemeral') assert.deepEqual(module.peer!.point, hostKey.publicPoint)
    })

    test(`[B5a] ${form}: do not meet when they see the serial number, the issuer, or the parameters otherwise`, async () => {
      for (const more of [{ serial: sin }, { sin: serial }]) await assert.rejects(met(form, more), failed)
      // What the host says in P1 and P2 and what the module heard.
      for (const [p1, p2] of [
        [2, 0x45],
        [1, 0x44],
      ] as const) {
        const line = moduleFor(form, moduleOptions())
        const bent: Transport = {
          ...line.transport,
          transmit: (apdu) =>
            line.transport.transmit(Uint8Array.of(apdu[0]!, apdu[1]!, p1, p2, ...apdu.slice(4))),
        }
        await assert.rejects(openers[form](bent, hostOptions()), failed)
        assert.equal(form === 'ephemeral' || line.opened() === undefined, true)
      }
    })

    test(`[B5a] ${form}: wipe the scalar that they were given`, async () => {
      const [own, theirs] = [scalar(0x44), scalar(0x22)]
      await met(form, { ephemeralScalar: own }, { ephemeralScalar: theirs })
      assert.deepEqual([...own, ...theirs], [...new Uint8Array(64)])
    })
  }

  for (const form of signed) {
    test(`[C7e] ${form}: do not meet over another certificate, resource or key of either side`, async () => {
      const other = crypto.ecPrivateKey(scalar(0x55))
      const hosts: Partial<ProvingHostOptions>[] = [
        { module: { point: moduleKey.publicPoint, certificate: sin } },
        { module: { point: other.publicPoint, certificate: moduleCertificate } },
        { resource: 1 },
        { host: { point: hostKey.publicPoint, sign: async (...parts) => other.sign(...parts) } },
        { host: { point: other.publicPoint, sign: async (...parts) => other.sign(...parts) } },
        {
          host: {
            point: hostKey.publicPoint,
            identification: serializeIdentification({ time: 1, certificates: [sin] }),
            sign: async (...parts) => hostKey.sign(...parts),
          },
        },
      ]
      for (const one of hosts) await assert.rejects(met(form, one), failed)
      await assert.rejects(met(form, {}, { staticKey: other }), AuthError)
      await assert.rejects(met(form, {}, { resource: 7 }), RefusedError)
      await assert.rejects(met(form, {}, { peer: () => undefined }), { statusWord: 0x6982 })
    })

    test(`[C7f] ${form}: one's own key is no peer, at either end, though its signature is right`, async () => {
      const mirror = {
        point: moduleKey.publicPoint,
        sign: async (...parts: Uint8Array[]) => moduleKey.sign(...parts),
      }
      await assert.rejects(met(form, { host: mirror }), AuthError)
      // A host that does not look: then the module does.
      const unlooking = {
        module: { point: hostKey.publicPoint, certificate: moduleCertificate },
        host: mirror,
      }
      await assert.rejects(met(form, unlooking, { peer: () => ({ point: moduleKey.publicPoint }) }), {
        statusWord: 0x6982,
      })
    })

    test(`[C7f] ${form}: a proof of the other form, or of the other role, is none`, async () => {
      const labels = (role: Parameters<typeof proofInput>[0]) =>
        proofInput(role, {
          ...{
            suite: 1,
            transcript: scalar(1),
            hostDigest: scalar(2),
            moduleDigest: scalar(3),
            serial,
            resource: 0,
          },
        })
      const all = (
        ['dh-signed host', 'dh-signed module', 'signed-key host', 'signed-key module'] as const
      ).map((role) => labels(role)[0]!.join())
      assert.equal(new Set(all).size, all.length)
      const swapped = form === 'dh-signed' ? 'SKH1' : 'DSH1'
      const label = Uint8Array.from([...swapped].map((letter) => letter.charCodeAt(0)))
      const host = {
        point: hostKey.publicPoint,
        sign: async (_: Uint8Array, ...parts: Uint8Array[]) => hostKey.sign(label, ...parts),
      }
      await assert.rejects(met(form, { host }), { statusWord: 0x6982 })
    })
  }

  /** Everything as the module would, with an exponential of the attacker's own in the last answer. */
  function lastAnswer(messages: readonly Uint8Array[], shown: Uint8Array, hostPoint: Uint8Array): Uint8Array {
    const attacker = crypto.ecPrivateKey(scalar(0x66))
    const context = { p1: 1, p2: 0x46, suite: 1, sin, serial }
    const exchange = exchangeKey(crypto, attacker.agree(crypto.ecPublicKey(hostPoint)), context)
    const transcript = new Transcript(crypto, context)
    transcript.add(...messages)
    const point = attacker.publicPoint
    const object = concat(Uint8Array.of(0x85, 0x41), point)
    const { code } = stageKeys(crypto, exchange, 'session', transcript.digest(shown, object))
    return serializeKeyAnswer({ point, code })
  }

  test('[C7f] signed-key: who stands between puts his own exponential where one was committed to: neither end takes it', async () => {
    const signedKey = { p2: 0x46 }
    // To the module, as the host's.
    const toModule = moduleFor('signed-key', moduleOptions())
    const attackers = crypto.ecPrivateKey(scalar(0x66)).publicPoint
    let steps = 0
    const swapped: Transport = {
      ...toModule.transport,
      transmit: (apdu) => {
        const own = command({
          cla: 0x80,
          ins: 0x86,
          p1: 1,
          p2: 0x46,
          data: serializeExponential(attackers),
          le: 0x100,
        })
        return toModule.transport.transmit(++steps === 3 ? serializeCommand(own) : apdu)
      },
    }
    await assert.rejects(openSignedKey(swapped, hostOptions(signedKey)), { statusWord: 0x6982 })
    assert.equal(toModule.opened(), undefined)
    // To the host, as the module's, with a code that fits it.
    const toHost = moduleFor('signed-key', moduleOptions())
    const messages: Uint8Array[] = []
    const played: Transport = {
      ...toHost.transport,
      async transmit(apdu) {
        const { data } = parseCommand(apdu)
        const answer = await toHost.transport.transmit(apdu)
        if (messages.length < 4) messages.push(data, answer.slice(0, -2))
        else return concat(lastAnswer(messages, data, parseExponential(data)), Uint8Array.of(0x90, 0))
        return answer
      },
    }
    await assert.rejects(openSignedKey(played, hostOptions(signedKey)), AuthError)
    assert.equal(messages.length, 4, 'it came to the last answer')
  })

  test('[C7f] signed-key: later messages with other parameters than the first are refused', async () => {
    for (const step of [2, 3]) {
      for (const at of [2, 3]) {
        const line = moduleFor('signed-key', moduleOptions())
        let steps = 0
        const bent: Transport = {
          ...line.transport,
          transmit(apdu) {
            const changed = apdu.slice()
            if (++steps === step) changed[at]! ^= 0x03
            return line.transport.transmit(changed)
          },
        }
        await assert.rejects(openSignedKey(bent, hostOptions({ p2: 0x46 })), { statusWord: 0x6982 })
        assert.equal(line.opened(), undefined)
      }
    }
  })

  test('a step that was taken is spent', async () => {
    const step = beginSignedKey(
      command({
        ...{ cla: 0x80, ins: 0x86, p1: 1, p2: 0x46 },
        data: serializeOpening({ suite: 1, key: { kind: 'commitment', commitment: scalar(9) } }),
      }),
      moduleOptions(),
    )
    assert.ok(step.refused === undefined)
    const proof = command({
      cla: 0x80,
      ins: 0x86,
      p1: 1,
      p2: 0x46,
      data: serializeProof({ signature: new Uint8Array(64) }),
    })
    assert.equal(step.next.step(proof).refused, 'security-not-satisfied')
    assert.equal(step.next.step(proof).refused, 'security-not-satisfied')
    step.next.close()
  })
})

function failed(error: unknown): boolean {
  return error instanceof AuthError || (error instanceof RefusedError && error.statusWord === 0x6982)
}
