import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { command, exchange } from '@sealwright/core/apdu'
import { encodeHex } from '@sealwright/core/bytes'
import {
  type ChipMode,
  type CommandName,
  type CommandRow,
  certificateIds,
  commands,
  keyPlaces,
  keyVersions,
  type PersonalizationState,
} from '@sealwright/core/catalog'
import { serializeKeyPlace } from '@sealwright/core/key-download'
import { serializeBeginRequest } from '@sealwright/core/personalization'
import { scriptedEntropy } from '@sealwright/core/testing'
import type { Module } from '@sealwright/module'
import { CountingMedium } from '@sealwright/module/medium'
import { customizedModule, type Fixture } from '@sealwright/module/testing'
import { type Channel, openScp03, openScp11a, openScp11b } from '@sealwright/roles/channel'
import type { KeyVault } from '@sealwright/roles/ports'
import { nodeCrypto } from '../src/crypto/index.ts'
import { inProcess } from '../src/transport/index.ts'
import { beginRequest } from './personalization-world.ts'
import { activated, resourceWorld, supplierChannel } from './resources-world.ts'

// Modules in every mode and state whose vectors name every command, with a canary in every place for keys.

const applicationPlace = 0x0020_0101

interface Situation {
  readonly name: string
  readonly mode: ChipMode
  readonly state?: PersonalizationState
  readonly pending?: boolean
}

const situations: readonly Situation[] = [
  { name: 'issuer mode', mode: 'issuer' },
  { name: 'customization mode', mode: 'customization' },
  { name: 'awaiting personalization', mode: 'user', state: 'awaiting-personalization' },
  {
    name: 'awaiting personalization, after BEGIN',
    mode: 'user',
    state: 'awaiting-personalization',
    pending: true,
  },
  { name: 'operating', mode: 'user', state: 'operating' },
  { name: 'terminated', mode: 'terminated' },
]

const crypto = nodeCrypto

interface Chip extends Fixture {
  readonly writes: CountingMedium
}

function chipIn({ mode, state, pending }: Situation): Chip {
  const fixture = customizedModule({
    crypto,
    mode,
    eepromSize: 32 * 1024,
    operating: state === 'operating',
    prepare({ tx, objects, keys }) {
      const canary = scriptedEntropy('canary')
      objects.put(
        tx,
        'key-place',
        applicationPlace,
        serializeKeyPlace({ kind: 'application', usage: 'M6', source: 0 }),
      )
      for (const place of [
        applicationPlace,
        keyPlaces.transport,
        keyPlaces.transportNext,
        keyPlaces.signature,
        ...(mode === 'customization' ? [0, 1, 2].map((n) => keyPlaces.customization + n) : []),
      ]) {
        keys.putAes(tx, place, canary.bytes(16))
      }
      if (pending === true) keys.makePair(tx, keyPlaces.pending, canary.bytes(48))
    },
  })
  const writes = new CountingMedium(fixture.medium)
  return { ...fixture, writes, module: fixture.power(writes) }
}

/** Every way in which a command can come, as far as this module allows it. */
async function channelsTo({
  module,
  documentKeys,
  identity,
  personalization,
}: Chip): Promise<{ name: string; open: () => Promise<Channel> }[]> {
  const transport = inProcess(module)
  const entropy = scriptedEntropy('host')
  const aes = (place: number) => crypto.aes(module.parts.objects.read('key', place)!.subarray(1))
  const scp03 = (keyVersion: number, keys: () => Parameters<typeof openScp03>[1]['keys']) => () =>
    openScp03(transport, { crypto, entropy, keyVersion, keys: keys() })
  const { enc, mac, dek } = documentKeys
  const all: { name: string; open: () => Promise<Channel> }[] = [
    {
      name: 'document',
      open: scp03(keyVersions.document, () => ({
        enc: crypto.aes(enc),
        mac: crypto.aes(mac),
        dek: crypto.aes(dek),
      })),
    },
    {
      name: 'customization',
      open: scp03(keyVersions.customization, () => ({
        enc: aes(keyPlaces.customization),
        mac: aes(keyPlaces.customization + 1),
        dek: aes(keyPlaces.customization + 2),
      })),
    },
    {
      name: 'personalization',
      open: () => openScp11b(transport, { crypto, entropy, modulePoint: identity.publicPoint }),
    },
    {
      name: 'central',
      async open() {
        const { key } = personalization!.central
        const vault = {
          publicPoint: async () => key.publicPoint,
          agree: async (_: string, point: Uint8Array) => key.agree(crypto.ecPublicKey(point)),
        } as unknown as KeyVault
        const modulePoint = personalization!.operating.publicPoint
        return openScp11a(transport, { crypto, entropy, vault, keyName: 'central', modulePoint })
      },
    },
  ]
  const possible: typeof all = []
  for (const one of all) {
    try {
      ;(await one.open()).close()
      possible.push(one)
    } catch {}
    module.reset()
  }
  return possible
}

const expectedChannels: Readonly<Record<string, readonly string[]>> = {
  'issuer mode': [],
  'customization mode': ['document', 'customization'],
  'awaiting personalization': ['document', 'personalization'],
  'awaiting personalization, after BEGIN': ['document', 'personalization'],
  operating: ['document', 'personalization', 'central'],
  terminated: [],
}

const someData = [
  new Uint8Array(0),
  new Uint8Array(8),
  serializeBeginRequest(beginRequest),
  new Uint8Array(64).fill(1),
]

function isAllowed({ modes, states }: CommandRow, { mode, state }: Situation): boolean {
  return modes.includes(mode) && (state === undefined || states === undefined || states.includes(state))
}

describe('states', () => {
  for (const situation of situations) {
    test(`[B2b] ${situation.name}: every command that the catalog does not list here is refused, whatever channel it comes in, and no byte changes`, async () => {
      const chip = chipIn(situation)
      const { module, medium, writes } = chip
      const channels = await channelsTo(chip)
      assert.deepEqual(
        channels.map(({ name }) => name),
        expectedChannels[situation.name],
      )
      const names = Object.keys(commands) as CommandName[]
      const forbidden = names.filter((name) => !isAllowed(commands[name], situation))
      assert.ok(forbidden.length > 0 && forbidden.length < names.length)
      const before = medium.snapshot()
      const count = writes.programs
      let tried = 0
      const refused = (name: string, { data, sw }: { data: Uint8Array; sw: number }) => {
        assert.ok(sw === 0x6985 || sw === 0x6d00, `${name}: ${sw.toString(16)}`)
        assert.equal(data.length, 0)
        assert.equal(writes.programs, count, `${name} writes`)
        tried++
      }
      for (const name of forbidden) {
        const row: CommandRow = commands[name]
        for (const data of someData) {
          for (const p1 of [0, 1]) {
            for (const cla of row.class === 'iso' ? [0x00, 0x80] : [0x80]) {
              const sent = command({ cla, ins: row.ins, p1, p2: 0, data, le: 0x100 })
              refused(name, await exchange(inProcess(module), sent))
            }
          }
        }
      }
      for (const { open } of channels) {
        let channel: Channel | undefined
        for (const name of forbidden) {
          for (const data of someData) {
            if (channel === undefined || module.parts.channels.current === undefined) channel = await open()
            refused(name, await channel.exchange(name, { data }))
          }
        }
        module.reset()
      }
      assert.ok(tried >= forbidden.length * someData.length * 2)
      assert.deepEqual(medium.snapshot(), before)
    })
  }

  test('[B2b] every command is listed in some state, and one that is forbidden in a state is allowed in another', () => {
    for (const row of Object.values<CommandRow>(commands)) {
      const where = situations.filter((situation) => isAllowed(row, situation))
      assert.ok(where.length > 0)
    }
  })
})

/** Every run of 8 bytes of every key that lies in the module. */
class Secrets {
  readonly #runs = new Set<string>()
  keys = 0

  take(module: Module): void {
    for (const { id } of module.parts.objects.list('key')) {
      const bytes = module.parts.objects.read('key', id)!.subarray(1)
      this.keys++
      for (let at = 0; at + 8 <= bytes.length; at++) this.#runs.add(encodeHex(bytes.subarray(at, at + 8)))
    }
  }

  in(answer: Uint8Array): boolean {
    for (let at = 0; at + 8 <= answer.length; at++) {
      if (this.#runs.has(encodeHex(answer.subarray(at, at + 8)))) return true
    }
    return false
  }
}

const parameters = [
  [0x00, 0x00],
  [0x01, 0x00],
  [0x01, 0x40],
  [0x04, 0x00],
  [0xdf, 0x25],
  [0xff, 0xff],
] as const

const dataForAll = [
  new Uint8Array(0),
  new Uint8Array(16),
  serializeBeginRequest(beginRequest),
  ...[keyPlaces.identity, keyPlaces.operating, keyPlaces.document, keyPlaces.transport, applicationPlace].map(
    (place) => Uint8Array.from([24, 16, 8, 0].map((shift) => (place >>> shift) & 0xff)),
  ),
]

/** Every different answer of 8 bytes or more: as it is on the wire, and as its channel opens it. */
class Answers {
  readonly #kept = new Map<string, Uint8Array>()
  count = 0

  /** Hears all that the module says from now on. */
  listenTo(module: Module): void {
    const transmit = module.transmit.bind(module)
    module.transmit = (bytes) => this.keep(transmit(bytes))
  }

  keep(bytes: Uint8Array): Uint8Array {
    this.count++
    if (bytes.length >= 8) this.#kept.set(encodeHex(bytes), bytes)
    return bytes
  }

  get all(): Uint8Array[] {
    return [...this.#kept.values()]
  }
}

/** Sends every instruction plain, and in every channel that opens. */
async function sweep(chip: Chip, situation: Situation): Promise<Answers> {
  const answers = new Answers()
  const { module } = chip
  answers.listenTo(module)
  for (let ins = 0; ins <= 0xff; ins++) {
    for (const cla of [0x00, 0x80, 0x84]) {
      for (const [p1, p2] of parameters) {
        for (const data of cla === 0x80 ? dataForAll : dataForAll.slice(0, 2)) {
          await exchange(inProcess(module), command({ cla, ins, p1, p2, data, le: 0x100 }))
        }
      }
    }
  }
  module.reset()
  for (const { open } of await channelsTo(chip)) await sweepChannel(module, open, situation.mode, answers)
  return answers
}

/** Sends every instruction in one channel, which is opened again whenever one has ended it. */
async function sweepChannel(
  module: Module,
  open: () => Promise<Channel>,
  mode: ChipMode,
  answers: Answers,
): Promise<void> {
  let channel: Channel | undefined
  let opened = 0
  for (let ins = 0; ins <= 0xff; ins++) {
    for (const [p1, p2] of parameters.slice(0, 5)) {
      for (const data of dataForAll.slice(0, 4)) {
        if (module.parts.life.mode() !== mode) return
        if (channel === undefined || module.parts.channels.current === undefined) {
          module.reset()
          channel = await open()
          opened++
        }
        try {
          answers.keep((await channel.exchange({ name: 'any', ins }, { p1, p2, data })).data)
        } catch {
          // Instructions that set up another channel answer outside of this one.
          channel = undefined
        }
      }
    }
  }
  assert.ok(opened < 200, 'most instructions came in the channel')
  module.reset()
}

describe('keys', () => {
  const swept = new Map<string, Chip>()
  const certificatesBefore = new Map<number, Uint8Array>()

  test('the search finds a key in an answer', () => {
    const chip = chipIn(situations[4]!)
    const secrets = new Secrets()
    secrets.take(chip.module)
    const key = chip.module.parts.objects.read('key', keyPlaces.operating)!.subarray(1)
    for (const at of [0, 5, 24]) {
      assert.ok(secrets.in(Uint8Array.of(1, 2, 3, ...key.subarray(at, at + 8), 9)))
    }
    assert.ok(!secrets.in(Uint8Array.of(1, 2, 3, ...key.subarray(0, 7), 9)))
  })

  for (const situation of situations) {
    test(`[B1a] ${situation.name}: no instruction answers with bytes of a stored key, plain or protected`, async () => {
      const chip = chipIn(situation)
      const secrets = new Secrets()
      secrets.take(chip.module)
      for (const { id } of Object.values(certificateIds)) {
        const stored = chip.module.parts.objects.read('certificate', id)
        if (situation.state === 'operating') certificatesBefore.set(id, stored!)
      }
      const answers = await sweep(chip, situation)
      secrets.take(chip.module)
      assert.ok(secrets.keys > 10 && answers.count >= 256 * (8 + 2 + 2) * 6)
      assert.ok(situation.mode === 'issuer' || situation.mode === 'terminated' || answers.all.length > 5)
      for (const answer of answers.all) assert.ok(!secrets.in(answer), encodeHex(answer))
      swept.set(situation.name, chip)
    })
  }

  test("[B1a] operating: nor in the channel of a resource's supplier", async () => {
    const world = await resourceWorld({
      eepromSize: 64 * 1024,
      prepare: ({ tx, keys }) => keys.putAes(tx, applicationPlace, scriptedEntropy('canary').bytes(16)),
    })
    await activated(world)
    const { module } = world.fixture
    module.reset()
    const secrets = new Secrets()
    secrets.take(module)
    const answers = new Answers()
    answers.listenTo(module)
    await sweepChannel(module, () => supplierChannel(world), 'user', answers)
    assert.ok(answers.count > 256 * 20 && answers.all.length > 5)
    for (const answer of answers.all) assert.ok(!secrets.in(answer), encodeHex(answer))
  })

  test('[B1a] operating: no data object of GET DATA, of all 65536 tags, holds bytes of a stored key', async () => {
    const chip = chipIn(situations[4]!)
    const secrets = new Secrets()
    secrets.take(chip.module)
    let found = 0
    for (let tag = 0; tag <= 0xffff; tag++) {
      const answer = chip.module.transmit(Uint8Array.of(0x00, 0xca, tag >> 8, tag & 0xff, 0, 0, 0))
      if (answer.length === 2) continue
      found++
      assert.ok(!secrets.in(answer), tag.toString(16))
    }
    assert.ok(found >= 10)
  })

  test('[B7b] no instruction changed the certificates of the operating module', () => {
    const { objects } = swept.get('operating')!.module.parts
    for (const name of ['identity', 'operating', 'unit', 'central'] as const) {
      const { id } = certificateIds[name]
      const stored = objects.read('certificate', id)
      assert.ok(stored !== undefined && stored.length > 300)
      assert.deepEqual(stored, certificatesBefore.get(id))
    }
  })
})
