import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { command, exchange, parseResponse } from '@sealwright/core/apdu'
import { concat, encodeHex } from '@sealwright/core/bytes'
import { certificateIds, commands, keyPlaces, keyVersions } from '@sealwright/core/catalog'
import { scp03Kdf } from '@sealwright/core/crypto'
import { documentChannelKeys, serializeModulePapers } from '@sealwright/core/customization'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { personalize, readRecords } from '@sealwright/roles/unit'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import {
  broken,
  cutLine,
  memoryOf,
  personalizationWorld,
  requireOne,
  transportOf,
  type World,
} from './personalization-world.ts'

const documentKey = scriptedEntropy('the key in the papers').bytes(32)
const otherKey = scriptedEntropy('the key in other papers').bytes(32)
const serial = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const papers = serializeModulePapers({ version: 1, serial, product: 'cash', documentKey })

/** A module that was customized with this document key. */
function worldWith(key = documentKey): Promise<World> {
  const set = documentChannelKeys(crypto, key, serial)
  return personalizationWorld({
    prepare({ tx, keys }) {
      for (const [i, one] of [set.enc, set.mac, set.dek].entries())
        keys.putAes(tx, keyPlaces.document + i, one)
    },
  })
}

/** What the unit said and heard, by instruction. */
function listening(below: Transport) {
  const said: Uint8Array[] = []
  const heard: Uint8Array[] = []
  const transport: Transport = {
    ...below,
    async transmit(bytes) {
      said.push(bytes.slice())
      const answer = await below.transmit(bytes)
      heard.push(answer.slice())
      return answer
    },
  }
  return { transport, said, heard, named: () => said.map((bytes) => nameOf(bytes[1]!)) }
}

function nameOf(ins: number): string {
  return Object.entries(commands).find(([, row]) => row.ins === ins)?.[0] ?? encodeHex(Uint8Array.of(ins))
}

/** The line with somebody in it, who may change what the module is asked and what it answers. */
function middle(
  below: Transport,
  change: { ask?(bytes: Uint8Array): Uint8Array; answer?(bytes: Uint8Array, asked: Uint8Array): Uint8Array },
): Transport {
  return {
    ...below,
    async transmit(bytes) {
      const answer = await below.transmit(change.ask?.(bytes) ?? bytes)
      return change.answer?.(answer, bytes) ?? answer
    },
  }
}

const begins = (bytes: Uint8Array) => bytes[1] === commands['INITIALIZE UPDATE'].ins
const proves = (bytes: Uint8Array) => bytes[1] === commands['EXTERNAL AUTHENTICATE'].ins
/** Where challenge and cryptogram of the module stand in the answer to INITIALIZE UPDATE (i = 60). */
const challengeAt = 13
const cryptogramAt = 21

const unproven = { name: 'AuthError', code: 'document-key-unproven', details: { proof: "the module's" } }
const refusedProof = { name: 'RefusedError', code: 'document-key-refused' }

/** The unit must stop with this error, having said nothing after the challenge; the module is what it was, and the right unit does it. */
async function stops(world: World, line: Transport, input: object): Promise<void> {
  const before = memoryOf(world.fixture.medium)
  const wire = listening(line)
  await assert.rejects(personalize(world.unit, wire.transport, { ...world.order, ...input }), unproven)
  const after = wire.named().slice(wire.named().lastIndexOf('INITIALIZE UPDATE') + 1)
  assert.ok(wire.named().includes('INITIALIZE UPDATE'))
  assert.ok(!wire.named().some((name) => ['EXTERNAL AUTHENTICATE', 'BEGIN', 'COMPLETE'].includes(name)))
  // To close what was begun, and to ask what the module recorded: nothing of it secret.
  assert.deepEqual(
    after.filter((name) => !['SELECT', 'GET DATA'].includes(name)),
    [],
  )
  assert.deepEqual(memoryOf(world.fixture.medium), before)
  assert.deepEqual(await readRecords(world.unit, serial), [])
}

async function personalizesAfter(world: World): Promise<void> {
  await personalize(world.unit, transportOf(world), { ...world.order, papers: papers.slice() })
  await requireOne(world)
}

describe('personalization with the document key', () => {
  test('[B11a] unit and module prove to each other that they know it, by challenges that are new each time; then all is encrypted', async () => {
    for (const input of [{ papers: papers.slice() }, { documentKey: documentKey.slice() }]) {
      const world = await worldWith()
      const wire = listening(transportOf(world))
      const done = await personalize(world.unit, wire.transport, { ...world.order, ...input })
      assert.equal(done.already, false)
      await requireOne(world)
      const names = wire.named()
      const at = names.indexOf('INITIALIZE UPDATE')
      assert.equal(names[at + 1], 'EXTERNAL AUTHENTICATE')
      assert.deepEqual(wire.said[at]!.subarray(2, 4), Uint8Array.of(keyVersions.document, 0))
      assert.ok(!names.includes('INTERNAL AUTHENTICATE'))
      // Both proofs stand on the wire, eight bytes each, and neither is the other.
      const module = wire.heard[at]!.subarray(cryptogramAt, cryptogramAt + 8)
      const unit = wire.said[at + 1]!.subarray(5, 13)
      assert.notDeepEqual(module, unit)
      // BEGIN and COMPLETE came inside the channel.
      for (const name of ['BEGIN', 'COMPLETE']) assert.equal(wire.said[names.indexOf(name)]![0]! & 0x04, 0x04)
      const secrets = [
        documentKey,
        world.fixture.module.parts.objects.read('certificate', certificateIds.operating.id)!,
      ]
      const line = encodeHex(concat(...wire.said))
      for (const secret of secrets) assert.ok(!line.includes(encodeHex(secret.subarray(0, 16))))
    }
    const world = await worldWith()
    const challenges = [...(await challengesOf(world)), ...(await challengesOf(world))]
    assert.equal(new Set(challenges).size, 4)
  })

  test('[B11b] a unit with a wrong key stops: it tells that the module gave no proof, and the right papers personalize after', async () => {
    for (const input of [
      { documentKey: otherKey.slice() },
      { documentKey: otherKey.slice(0, 16) },
      { papers: serializeModulePapers({ version: 1, serial, product: 'cash', documentKey: otherKey }) },
    ]) {
      const world = await worldWith()
      await stops(world, transportOf(world), input)
      await personalizesAfter(world)
    }
  })

  test('[B11b] a module with another document key is refused, though its identity is right', async () => {
    const world = await worldWith(otherKey)
    await stops(world, transportOf(world), { papers: papers.slice() })
    await personalize(world.unit, transportOf(world), { ...world.order, documentKey: otherKey.slice() })
    await requireOne(world)
  })

  test('[B11b] whoever stands between and answers for the module stops the unit: chance, zeros, each bit, a replay, a reflection', async () => {
    const random = scriptedEntropy('somebody between')
    const inAnswer =
      (change: (answer: Uint8Array, asked: Uint8Array) => void) =>
      (answer: Uint8Array, asked: Uint8Array) => {
        if (!begins(asked)) return answer
        const changed = answer.slice()
        change(changed, asked)
        return changed
      }
    const changes: Record<string, (answer: Uint8Array, asked: Uint8Array) => void> = {
      'a random cryptogram': (answer) => answer.set(random.bytes(8), cryptogramAt),
      'zeros in its place': (answer) => answer.fill(0, cryptogramAt, cryptogramAt + 8),
      'another challenge under the old cryptogram': (answer) => answer.set(random.bytes(8), challengeAt),
      'the unit’s own challenge reflected, with a random cryptogram': (answer, asked) => {
        answer.set(asked.subarray(5, 13), challengeAt)
        answer.set(random.bytes(8), cryptogramAt)
      },
      'the unit’s own challenge reflected as both': (answer, asked) => {
        answer.set(asked.subarray(5, 13), challengeAt)
        answer.set(asked.subarray(5, 13), cryptogramAt)
      },
    }
    for (let bit = 0; bit < 64; bit += 7) {
      changes[`bit ${bit} of the cryptogram`] = (answer) => {
        answer[cryptogramAt + (bit >> 3)]! ^= 1 << (bit & 7)
      }
    }
    for (const change of Object.values(changes)) {
      const world = await worldWith()
      await stops(world, middle(transportOf(world), { answer: inAnswer(change) }), { papers: papers.slice() })
      await personalizesAfter(world)
    }

    // An old answer of the same module, recorded when the right unit was there.
    const world = await worldWith()
    const recorded = await brokenOff(world, 'EXTERNAL AUTHENTICATE')
    const old = recorded.heard[recorded.named().indexOf('INITIALIZE UPDATE')]!
    const line = middle(transportOf(world), { answer: (answer, asked) => (begins(asked) ? old : answer) })
    await stops(world, line, { papers: papers.slice() })
    await personalizesAfter(world)
  })

  test('[B11b] somebody without the module, who plays the whole module from a recording, is told nothing', async () => {
    const world = await worldWith()
    const recorded = listening(transportOf(world))
    await personalize(world.unit, recorded.transport, { ...world.order, papers: papers.slice() })
    const key = (bytes: Uint8Array) => encodeHex(bytes.subarray(0, 4))
    // Of what was asked twice the first answer: the unit is to believe that the module still awaits it.
    const answers = new Map(
      recorded.said.map((bytes, i) => [key(bytes), recorded.heard[i]!] as const).reverse(),
    )
    const played: Transport = {
      transmit: async (bytes) => answers.get(key(bytes)) ?? Uint8Array.of(0x6d, 0x00),
      close: async () => {},
    }
    const fresh = await worldWith()
    const unit = { ...fresh.unit, entropy: scriptedEntropy('another day') }
    const wire = listening(played)
    await assert.rejects(
      personalize(unit, wire.transport, { ...fresh.order, papers: papers.slice() }),
      unproven,
    )
    assert.ok(wire.named().includes('INITIALIZE UPDATE'))
    assert.ok(!wire.named().some((name) => ['EXTERNAL AUTHENTICATE', 'BEGIN', 'COMPLETE'].includes(name)))
  })

  test('[B11c] the module refuses a unit without the right key: 6982 or 6300, unchanged, as often as it is tried, and is not blocked', async () => {
    const world = await worldWith()
    const { medium } = world.fixture
    const before = memoryOf(medium)
    for (let i = 0; i < 300; i++) {
      const sw = await stubborn(transportOf(world), i % 2 === 0 ? otherKey : otherKey.slice(0, 16), i)
      assert.equal(sw.toString(16), '6982')
      // It is in no channel: what needs one is refused.
      const { ins } = commands.BEGIN
      const begin = command({ cla: 0x80, ins, data: new Uint8Array(36), le: 0x100 })
      if (i % 50 === 0) assert.equal((await exchange(transportOf(world), begin)).sw, 0x6982)
    }
    // With the right key it would have opened; a wrong cryptogram under the right MAC is refused by itself.
    assert.equal(await stubborn(transportOf(world), documentKey, 300), 0x9000)
    assert.equal(await stubborn(transportOf(world), documentKey, 301, new Uint8Array(8)), 0x6300)
    assert.deepEqual(memoryOf(medium), before)
    for (let i = 0; i < 50; i++) {
      const wrong = { ...world.order, documentKey: otherKey.slice() }
      await assert.rejects(personalize(world.unit, transportOf(world), wrong), unproven)
    }
    assert.deepEqual(memoryOf(medium), before)
    await personalizesAfter(world)
  })

  test('[B11c] a proof that was changed on the way, an old one, and the module’s own reflected: refused, unchanged, told as the module’s refusal', async () => {
    const first = await worldWith()
    const recorded = await brokenOff(first, 'BEGIN')
    const old = recorded.said[recorded.named().indexOf('EXTERNAL AUTHENTICATE')]!
    let cryptogram = new Uint8Array(8)
    const reflected = (bytes: Uint8Array) => concat(bytes.subarray(0, 5), cryptogram, bytes.subarray(13))
    const asks: Record<string, (bytes: Uint8Array) => Uint8Array> = {
      'an old proof': () => old,
      'the module’s own cryptogram': reflected,
      zeros: (bytes) => concat(bytes.subarray(0, 5), new Uint8Array(16), bytes.subarray(21)),
      'no security': (bytes) => concat(bytes.subarray(0, 2), Uint8Array.of(0), bytes.subarray(3)),
    }
    for (const at of [5, 12, 13, 20]) {
      asks[`byte ${at} changed`] = (bytes) => bytes.map((byte, i) => (i === at ? byte ^ 0x10 : byte))
    }
    for (const [name, ask] of Object.entries(asks)) {
      const target = name === 'an old proof' ? first : await worldWith()
      const before = memoryOf(target.fixture.medium)
      const line = middle(transportOf(target), {
        ask: (bytes) => (proves(bytes) ? ask(bytes) : bytes),
        answer(answer, asked) {
          if (begins(asked)) cryptogram = answer.slice(cryptogramAt, cryptogramAt + 8)
          return answer
        },
      })
      const failure = name === 'no security' ? { name: 'RefusedError' } : refusedProof
      await assert.rejects(
        personalize(target.unit, line, { ...target.order, papers: papers.slice() }),
        failure,
        name,
      )
      assert.deepEqual(memoryOf(target.fixture.medium), before, name)
      await personalizesAfter(target)
    }
  })

  test('papers of another module, both at once, and a key of another length are refused before anything is sent', async () => {
    const world = await worldWith()
    const wire = listening(transportOf(world))
    const foreign = serializeModulePapers({
      ...{ version: 1, product: 'cash', documentKey },
      serial: Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1),
    })
    const send = (input: object) => personalize(world.unit, wire.transport, { ...world.order, ...input })
    await assert.rejects(send({ papers: foreign }), { code: 'wrong-module' })
    await assert.rejects(send({ papers: papers.slice(), documentKey: documentKey.slice() }), {
      code: 'usage',
    })
    for (const length of [0, 15, 17, 24, 31, 33]) {
      await assert.rejects(send({ documentKey: new Uint8Array(length).fill(0x5a, 1) }), { code: 'usage' })
    }
    await assert.rejects(send({ documentKey: new Uint8Array(16) }), { code: 'test-key' })
    await assert.rejects(send({ papers: papers.subarray(0, -1) }), { code: 'bytes-malformed' })
    assert.deepEqual(wire.said, [])
  })

  for (const heard of ['before', 'after'] as const) {
    for (const powered of [true, false]) {
      const how = `${heard === 'before' ? 'the command' : 'the answer'} is lost, ${powered ? 'the module stays powered' : 'and power with it'}`
      test(`[B11a] cut at each APDU, ${how}: run again, everything is there once`, async () => {
        for (let at = 1; ; at++) {
          const world = await worldWith()
          let { module } = world.fixture
          const line = cutLine(transportOf(world), at, heard)
          const order = () => ({ ...world.order, papers: papers.slice() })
          const cut = await personalize(world.unit, line, order()).then(
            () => false,
            (error) => {
              assert.equal(error.code, 'transport-failed')
              return true
            },
          )
          if (module.parts.life.state() === 'awaiting-personalization') {
            assert.equal(module.parts.objects.find('certificate', certificateIds.operating.id), undefined)
          }
          if (!powered) module = world.fixture.power()
          await personalize(world.unit, transportOf(world, module), order())
          await requireOne({ ...world, fixture: { ...world.fixture, module } })
          if (!cut) {
            assert.ok(at > 15, `only ${at} commands`)
            return
          }
        }
      })
    }
  }
})

/** A run of the right unit that loses the line before this command: what was said and heard until then. */
async function brokenOff(world: World, name: 'EXTERNAL AUTHENTICATE' | 'BEGIN') {
  const wire = listening(transportOf(world))
  const line = middle(wire.transport, {
    ask(bytes) {
      if (bytes[1] === commands[name].ins) throw broken()
      return bytes
    },
  })
  const order = { ...world.order, papers: papers.slice() }
  await assert.rejects(personalize(world.unit, line, order), { code: 'transport-failed' })
  return wire
}

/** The challenges of unit and module in one attempt. */
async function challengesOf(world: World): Promise<string[]> {
  const wire = listening(transportOf(world))
  const wrong = { ...world.order, documentKey: otherKey.slice() }
  await assert.rejects(personalize(world.unit, wire.transport, wrong), unproven)
  const at = wire.named().indexOf('INITIALIZE UPDATE')
  return [wire.said[at]!.subarray(5, 13), wire.heard[at]!.subarray(challengeAt, cryptogramAt)].map(encodeHex)
}

/**
 * A unit that does not look at the module's proof and sends its own (Amendment D, 6.2.2), made with this key; the module's status word.
 * @param cryptogram in the place of the one that the key gives
 */
async function stubborn(transport: Transport, key: Uint8Array, n: number, cryptogram?: Uint8Array) {
  const set = documentChannelKeys(crypto, key, serial)
  const challenge = scriptedEntropy(`stubborn ${n}`).bytes(8)
  const { cla, ins } = { cla: 0x80, ins: commands['INITIALIZE UPDATE'].ins }
  const begun = await exchange(
    transport,
    command({ cla, ins, p1: keyVersions.document, data: challenge, le: 0x100 }),
  )
  assert.equal(begun.sw, 0x9000)
  const context = concat(challenge, begun.data.subarray(challengeAt, cryptogramAt))
  const mac = crypto.aes(scp03Kdf(crypto.aes(set.mac), 0x06, context, 8 * set.mac.length))
  const proof = cryptogram ?? scp03Kdf(mac, 0x01, context, 64)
  const header = Uint8Array.of(0x84, commands['EXTERNAL AUTHENTICATE'].ins, 0x33, 0x00, 0x10)
  const tag = mac.cmac(new Uint8Array(16), header, proof).subarray(0, 8)
  const answer = await transport.transmit(concat(header, proof, tag))
  return parseResponse(answer).sw
}
