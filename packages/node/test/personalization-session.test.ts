import assert from 'node:assert/strict'
import { createECDH, createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { parseCommand, parseResponse } from '@sealwright/core/apdu'
import { concat, u32 } from '@sealwright/core/bytes'
import { channelKeys, commands, keyVersions, publicKeyIds } from '@sealwright/core/catalog'
import { hostIdOf, openScp11 } from '@sealwright/core/channel/scp11'
import { privateScalar } from '@sealwright/core/crypto'
import { AuthError, DecodeError, RefusedError } from '@sealwright/core/errors'
import { serializePaymentOrder, serializePaymentRequest } from '@sealwright/core/payment'
import type { Entropy, Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseCertificate } from '@sealwright/core/x509'
import type { Module } from '@sealwright/module'
import { MemoryImage, memoryImage } from '@sealwright/module/memory-image'
import { key, payment, type Session, session, sessionKey } from '@sealwright/roles/central'
import { openScp03 } from '@sealwright/roles/channel'
import { memoryPorts } from '@sealwright/roles/ports'
import { paymentOutcome, requestPayment } from '@sealwright/roles/terminal'
import { personalize } from '@sealwright/roles/unit'
import {
  fixtureCertificate,
  memoryOf,
  personalizationChannel,
  personalizationWorld,
  personalized,
  speak,
  transportOf,
  type World,
} from './personalization-world.ts'

const withdrawal = { account: 'DE02120300000000202051', amount: 5000, currency: 'EUR' }

interface Cash extends World {
  readonly module: Module
  readonly operating: Uint8Array
}

async function cashMachine(seed = 'fixture'): Promise<Cash> {
  const world = await personalizationWorld({ seed })
  const { operating } = await personalized(world)
  return { ...world, module: world.fixture.module, operating: operating.encoded }
}

function unitOf({ unitCertificate }: World) {
  const { publicPoint, customer } = parseCertificate(unitCertificate)
  return { point: publicPoint, customer: customer! }
}

function inSession<T>(
  world: World,
  work: (open: Session) => Promise<T>,
  transport = transportOf(world),
): Promise<T> {
  return session(world.central, transport, { unit: unitOf(world) }, work)
}

/** Asks for the outcome as the cash machine does: what it pays. A refusal pays nothing. */
async function paidFor(world: World, number: Uint8Array): Promise<number> {
  try {
    const { pay, amount } = await paymentOutcome(transportOf(world), number)
    return pay ? amount : 0
  } catch (error) {
    if (error instanceof RefusedError) return 0
    throw error
  }
}

interface Exchange {
  command: Uint8Array
  answer: Uint8Array
}

/** A line that is listened to, and on which messages can be changed. */
function line(
  below: Transport,
  bend: {
    command?: (bytes: Uint8Array) => Uint8Array
    answer?: (bytes: Uint8Array, to: Uint8Array) => Uint8Array
  } = {},
) {
  const seen: Exchange[] = []
  const transport: Transport = {
    async transmit(original) {
      const command = bend.command?.(original) ?? original
      const raw = await below.transmit(command)
      const answer = bend.answer?.(raw, command) ?? raw
      seen.push({ command, answer })
      return answer
    },
    close: () => below.close(),
  }
  return { transport, seen }
}

const isCommand = (bytes: Uint8Array, name: keyof typeof commands) => bytes[1] === commands[name].ins

const flip = (bytes: Uint8Array, at: number) => {
  const bent = bytes.slice()
  bent[at]! ^= 0x20
  return bent
}

describe('a cash machine pays on the word of its central system alone', () => {
  test('[B13d] asked, granted, paid: to the amount, and not when it is declined', async () => {
    const world = await cashMachine()
    const number = await requestPayment(transportOf(world), withdrawal)
    const decided = await inSession(world, (open) => payment(open, () => true))
    assert.deepEqual(decided, { number, request: withdrawal, paid: true })
    assert.equal(await paidFor(world, number), 5000)
    const second = await requestPayment(transportOf(world), withdrawal)
    await inSession(world, (open) => payment(open, ({ amount }) => amount < 5000))
    assert.deepEqual(await paymentOutcome(transportOf(world), second), { pay: false, amount: 5000 })
  })

  test('[B13d] the request and the order cross the line encrypted, under a MAC', async () => {
    const world = await cashMachine()
    await requestPayment(transportOf(world), withdrawal)
    const { transport, seen } = line(transportOf(world))
    await inSession(world, (open) => payment(open, () => true), transport)
    const plaintext = serializePaymentRequest(withdrawal)
    const wire = (part: Uint8Array) =>
      seen.some(({ command, answer }) => holds(command, part) || holds(answer, part))
    assert.equal(wire(plaintext.subarray(1, 12)), false)
    const fetched = seen.find(({ command }) => isCommand(command, 'FETCH PAYMENT'))!
    assert.ok(wire(fetched.answer.subarray(0, 8)), 'the search finds what is there')
    for (const name of ['FETCH PAYMENT', 'GRANT PAYMENT'] as const) {
      const { command } = seen.find((one) => isCommand(one.command, name))!
      assert.equal(parseCommand(command).cla, 0x84)
    }
  })

  test('[B13f] the outcome is told once, also after a loss of power', async () => {
    const world = await cashMachine()
    const number = await requestPayment(transportOf(world), withdrawal)
    await inSession(world, (open) => payment(open, () => true))
    assert.equal(await paidFor(world, number), 5000)
    assert.equal(await paidFor(world, number), 0)
    assert.equal((await speak(world.fixture.power(), 'PAYMENT OUTCOME', number)).sw, 0x6985)
  })

  test('[B13e] every byte of the order changed: it pays nothing', async () => {
    const world = await cashMachine()
    const length = await grantLength(world)
    for (let at = 0; at < length; at++) {
      const number = await requestPayment(transportOf(world), withdrawal)
      const { transport } = line(transportOf(world), {
        command: (bytes) => (isCommand(bytes, 'GRANT PAYMENT') ? flip(bytes, at) : bytes),
      })
      await inSession(world, (open) => payment(open, () => true), transport).then(
        // Le alone is under no MAC: it says how much of the answer is wanted.
        () => assert.equal(at, length - 1),
        () => {},
      )
      const paid = await paidFor(world, number)
      if (at < length - 1) assert.equal(paid, 0, `byte ${at}`)
    }
  })

  test('[B13e] every byte of the module’s answers changed: the central system stops and grants nothing', async () => {
    const world = await cashMachine()
    for (const name of ['FETCH PAYMENT', 'EXTERNAL AUTHENTICATE'] as const) {
      const number = await requestPayment(transportOf(world), withdrawal)
      const { transport, seen } = line(transportOf(world))
      await inSession(world, (open) => open.channel.send('FETCH PAYMENT'), transport)
      const { answer } = seen.find(({ command }) => isCommand(command, name))!
      for (let at = 0; at < answer.length; at++) {
        const bent = line(transportOf(world), {
          answer: (bytes, to) => (isCommand(to, name) ? flip(bytes, at) : bytes),
        })
        await assert.rejects(
          inSession(world, (open) => payment(open, () => true), bent.transport),
          (error) =>
            error instanceof AuthError || error instanceof RefusedError || error instanceof DecodeError,
          `${name} ${at}`,
        )
        assert.equal(
          bent.seen.some(({ command }) => isCommand(command, 'GRANT PAYMENT')),
          false,
        )
      }
      assert.equal(await paidFor(world, number), 0)
    }
  })

  test('[B13e] an order of another amount or for another number, also from the right central system', async () => {
    const world = await cashMachine()
    const number = await requestPayment(transportOf(world), withdrawal)
    const other = flip(number, 0)
    await inSession(world, async ({ channel }) => {
      for (const order of [
        { number, pay: true, amount: 5001 },
        { number, pay: true, amount: 4999 },
        { number: other, pay: true, amount: 5000 },
      ]) {
        const { sw } = await channel.exchange('GRANT PAYMENT', { data: serializePaymentOrder(order) })
        assert.equal(sw, 0x6a80)
      }
    })
    assert.equal(await paidFor(world, number), 0)
    assert.equal(await paidFor(world, other), 0)
  })

  test('[B13f] an order replayed in its session, and a whole session replayed', async () => {
    const world = await cashMachine()
    const first = await requestPayment(transportOf(world), withdrawal)
    const { transport, seen } = line(transportOf(world))
    let second = new Uint8Array(0)
    await inSession(
      world,
      async (open) => {
        await payment(open, () => true)
        const { command } = seen.find((one) => isCommand(one.command, 'GRANT PAYMENT'))!
        assert.equal(await paidFor(world, first), 5000)
        second = (await requestPayment(transportOf(world), withdrawal)).slice()
        assert.equal(parseResponse(world.module.transmit(command)).sw, 0x6982)
      },
      transport,
    )
    assert.equal(await paidFor(world, second), 0)
    const third = await requestPayment(transportOf(world), withdrawal)
    for (const { command } of seen) world.module.transmit(command)
    assert.equal(await paidFor(world, third), 0)
    assert.equal(await paidFor(world, first), 0)
  })

  test('[B13f] an old order, sent by the right central system in a new session, does not pay a new request', async () => {
    const world = await cashMachine()
    const first = await requestPayment(transportOf(world), withdrawal)
    await inSession(world, (open) => payment(open, () => true))
    assert.equal(await paidFor(world, first), 5000)
    const second = await requestPayment(transportOf(world), withdrawal)
    assert.notDeepEqual(second, first)
    const data = serializePaymentOrder({ number: first, pay: true, amount: 5000 })
    await inSession(world, async ({ channel }) => {
      assert.equal((await channel.exchange('GRANT PAYMENT', { data })).sw, 0x6a80)
    })
    assert.equal(await paidFor(world, second), 0)
  })

  test('[B13g] orders that come plain, in another channel, or out of the session with another module', async () => {
    const world = await cashMachine()
    const number = await requestPayment(transportOf(world), withdrawal)
    const data = serializePaymentOrder({ number, pay: true, amount: 5000 })
    assert.equal((await speak(world.module, 'GRANT PAYMENT', data)).sw, 0x6982)
    const local = await personalizationChannel(world)
    assert.equal((await local.exchange('GRANT PAYMENT', { data })).sw, 0x6982)
    const { crypto, fixture } = world
    const { enc, mac, dek } = fixture.documentKeys
    const document = await openScp03(transportOf(world), {
      crypto,
      entropy: scriptedEntropy('document'),
      keys: { enc: crypto.aes(enc), mac: crypto.aes(mac), dek: crypto.aes(dek) },
      keyVersion: keyVersions.document,
    })
    assert.equal((await document.exchange('GRANT PAYMENT', { data })).sw, 0x6982)
    assert.equal((await document.exchange('FETCH PAYMENT')).sw, 0x6982)
    const other = await cashMachine('another module')
    const { transport, seen } = line(transportOf(other))
    await requestPayment(transportOf(other), withdrawal)
    await inSession(other, (open) => payment(open, () => true), transport)
    const foreign = seen.find(({ command }) => isCommand(command, 'GRANT PAYMENT'))!
    await inSession(world, async () => {
      assert.equal(parseResponse(world.module.transmit(foreign.command)).sw, 0x6982)
    })
    assert.equal(await paidFor(world, number), 0)
  })

  test('an outcome for another number, a second order, a request that is malformed', async () => {
    const world = await cashMachine()
    const number = await requestPayment(transportOf(world), withdrawal)
    await inSession(world, async (open) => {
      await payment(open, () => false)
      const data = serializePaymentOrder({ number, pay: true, amount: 5000 })
      assert.equal((await open.channel.exchange('GRANT PAYMENT', { data })).sw, 0x6985)
    })
    assert.equal((await speak(world.module, 'PAYMENT OUTCOME', flip(number, 7))).sw, 0x6a88)
    assert.deepEqual(await paymentOutcome(transportOf(world), number), { pay: false, amount: 5000 })
    const data = serializePaymentRequest(withdrawal)
    for (const bent of [
      data.slice(0, -1),
      concat(data, Uint8Array.of(0)),
      flip(data, data.length - 1),
      new Uint8Array(0),
    ]) {
      assert.equal((await speak(world.module, 'REQUEST PAYMENT', bent)).sw, 0x6a80)
    }
  })
})

describe('who talks to whom', () => {
  test("[B13b] a module that another unit certified is refused, and nothing of the central system's key is used", async () => {
    const world = await cashMachine()
    const other = await cashMachine('another unit')
    let agreed = 0
    const vault = { ...world.central.vault, agree: async () => assert.fail(`agreement ${++agreed}`) }
    await assert.rejects(
      session({ ...world.central, vault }, transportOf(world), { unit: unitOf(other) }, async () =>
        assert.fail(),
      ),
      {
        code: 'certificate-refused',
        details: { certificate: "module's operating certificate", reason: 'key-identifier' },
      },
    )
    assert.equal(agreed, 0)
  })

  test('[B13b] a certificate with the right names and a signature of somebody else is refused', async () => {
    const world = await cashMachine()
    const { crypto, operating } = world
    const real = parseCertificate(operating)
    const unit = parseCertificate(world.unitCertificate)
    const forged = fixtureCertificate(
      crypto,
      {
        role: 'module-operating',
        subject: real.subject,
        publicPoint: real.publicPoint,
        issuer: unit,
        binding: real.binding!,
      },
      world.fixture.manufacturer.key,
    )
    const { transport } = line(transportOf(world), {
      answer: (bytes, to) => {
        const { ins, p1, p2 } = parseCommand(to)
        return ins === 0xca && p1 === 0xdf && p2 === 0x22
          ? concat(forged.encoded, Uint8Array.of(0x90, 0))
          : bytes
      },
    })
    await assert.rejects(
      inSession(world, async () => assert.fail(), transport),
      {
        details: { certificate: "module's operating certificate", reason: 'signature' },
      },
    )
  })

  test('[B13b] an expired certificate, another serial number than asked for, a module of another central system', async () => {
    const world = await cashMachine()
    const asked = { unit: unitOf(world), serial: Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9) }
    const never = async () => assert.fail()
    await assert.rejects(session(world.central, transportOf(world), asked, never), { code: 'wrong-module' })
    const stranger = await memoryPorts('central', {
      clock: world.clock,
      entropy: scriptedEntropy('x'),
      crypto: world.crypto,
    })
    await key(stranger, { name: 'stranger' })
    await assert.rejects(session(stranger, transportOf(world), { unit: unitOf(world) }, never), {
      code: 'certificate-refused',
      details: { certificate: "module's operating certificate", reason: 'other-central' },
    })
    world.clock.advance(3651 * 86_400)
    await assert.rejects(inSession(world, never), {
      details: { certificate: "module's operating certificate", reason: 'expired' },
    })
  })

  test('[B13c][B8j] another central system, with a certificate of the same unit, gets no session and no answer', async () => {
    const world = await cashMachine()
    const { crypto, module } = world
    const stranger = await memoryPorts('central', {
      clock: world.clock,
      entropy: scriptedEntropy('s'),
      crypto,
    })
    const asked = await key(stranger, { name: 'central system' })
    // The same unit certifies the stranger, for a module of its own, with which it does have sessions.
    const other = await personalizationWorld({ serial: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9) })
    const { central } = await personalize(world.unit, transportOf(other), {
      ...world.order,
      serial: other.fixture.serial,
      central: asked.document,
      centralFingerprint: asked.fingerprint,
    })
    const point = await stranger.vault.publicPoint(sessionKey)
    assert.deepEqual(central.certificate!.publicPoint, point)
    await session(stranger, transportOf(other), { unit: unitOf(world) }, async () => {})
    // It leaves the checks of `session` out and talks to the module, in its own name and in that of the right one.
    const before = memoryOf(world.fixture.medium)
    const moduleKey = crypto.ecPublicKey(parseCertificate(world.operating).publicPoint)
    const identities = { sin: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1), sdin: world.fixture.serial }
    const right = await world.central.vault.publicPoint(sessionKey)
    for (const name of [point, right]) {
      const attempt = openScp11(transportOf(world), {
        ...{ crypto, variant: 'a', keyVersion: 1, keyId: channelKeys.central, moduleKey },
        ephemeralScalar: privateScalar(crypto, scriptedEntropy('e').bytes(48)),
        ownKey: { point, staticSecret: await stranger.vault.agree(sessionKey, moduleKey.point) },
        binding: { hostId: hostIdOf(crypto, name), identities },
      })
      await assert.rejects(
        attempt,
        (error) =>
          error instanceof AuthError || (error instanceof RefusedError && error.statusWord === 0x6982),
      )
      // It may ignore the receipt that does not hold; whatever it sends then, the module ends the session.
      const grant = concat(Uint8Array.of(0x84, 0xc8, 0, 0, 24), new Uint8Array(24))
      assert.equal(parseResponse(module.transmit(grant)).sw, 0x6982)
      assert.equal(module.parts.channels.current, undefined)
    }
    assert.deepEqual(memoryOf(world.fixture.medium), before)
    await inSession(world, async () => {})
  })

  test('[B13c] no session before personalization, and none with the key of the channel for personalization', async () => {
    const world = await personalizationWorld()
    const agreement = Uint8Array.from([0xa6, 0x00])
    assert.equal((await speak(world.fixture.module, 'EXTERNAL AUTHENTICATE', agreement, 1, 0x41)).sw, 0x6985)
    await personalized(world)
    assert.equal((await speak(world.fixture.module, 'EXTERNAL AUTHENTICATE', agreement, 1, 0x40)).sw, 0x6a88)
    assert.equal((await speak(world.fixture.module, 'INTERNAL AUTHENTICATE', agreement, 1, 0x41)).sw, 0x6a88)
  })

  test('[B7b] a changed byte of certificate or central key in the store is noticed, and it is not used', async () => {
    const world = await cashMachine()
    const { medium, module } = world.fixture
    const cases = [
      ['certificate', 2, () => speak(world.fixture.power(), 'GET DATA', undefined, 0xdf, 0x22)],
      ['certificate', 3, () => speak(world.fixture.power(), 'GET DATA', undefined, 0xdf, 0x23)],
      ['certificate', 4, () => speak(world.fixture.power(), 'GET DATA', undefined, 0xdf, 0x24)],
      [
        'public-key',
        publicKeyIds.central,
        () => speak(world.fixture.power(), 'EXTERNAL AUTHENTICATE', undefined, 1, 0x41),
      ],
    ] as const
    for (const [kind, id, use] of cases) {
      assert.notEqual((await use()).sw, 0x6581)
      const { address } = module.parts.objects.find(kind, id)!
      const page = medium.geometry.otpPages + Math.floor((address + 20) / 256)
      const right = medium.read(page)
      medium.program(page, flip(right, (address + 20) % 256))
      assert.deepEqual(await use(), { data: new Uint8Array(0), sw: 0x6581 }, `${kind} ${id}`)
      medium.program(page, right)
    }
  })
})

describe('session keys', () => {
  test('[B13a] each session has keys of its own, from both sides: a host that repeats itself gets other keys', async () => {
    const world = await cashMachine()
    const fetched: Uint8Array[] = []
    const agreements: Uint8Array[] = []
    for (let i = 0; i < 3; i++) {
      await requestPayment(transportOf(world), withdrawal)
      const { transport, seen } = line(transportOf(world))
      const central = { ...world.central, entropy: scriptedEntropy('always the same') }
      await session(central, transport, { unit: unitOf(world) }, ({ channel }) =>
        channel.send('FETCH PAYMENT'),
      )
      const sent = (name: keyof typeof commands) =>
        seen.find(({ command }) => isCommand(command, name))!.command
      fetched.push(sent('FETCH PAYMENT'))
      agreements.push(sent('EXTERNAL AUTHENTICATE'))
    }
    const different = (all: Uint8Array[]) =>
      new Set(all.map((bytes) => Buffer.from(bytes).toString('hex'))).size
    assert.deepEqual([different(agreements), different(fetched)], [1, 3])
    const [first, second] = [await sessionKeysOf(world), await sessionKeysOf(world)]
    assert.equal(Object.keys(first.keys).length, 5)
    for (const [name, value] of Object.entries(first.keys)) assert.notDeepEqual(value, second.keys[name])
  })

  test('[R6c] session keys, computed here, are in no memory image, file or trace; a planted key is found first', async () => {
    const world = await cashMachine()
    const { keys, shared, images, trace } = await sessionKeysOf(world)
    const files: { name: string; bytes: Uint8Array }[] = []
    for (const party of [world.central, world.unit, world.manufacturer]) {
      for (const name of await party.store.list())
        files.push({ name, bytes: (await party.store.read(name))! })
    }
    const others = new MemoryImage([...files, { name: 'trace', bytes: trace }])
    assert.ok(files.length >= 5)
    for (const [name, value] of Object.entries({ ...keys, ...shared })) {
      const planted = new MemoryImage([{ name: 'ram', bytes: concat(images[0]!.bytes, value, others.bytes) }])
      assert.equal(planted.search(value).length, 1, `planted ${name}`)
      for (const image of [...images, others]) assert.deepEqual(image.search(value), [], name)
      world.module.parts.ram.allocate('planted', 16).set(value.subarray(0, 16))
      assert.equal(imageOf(world).search(value.subarray(0, 16)).length, 1, `planted ${name} in RAM`)
      world.module.parts.ram.release('planted')
    }
  })
})

function imageOf({ fixture, module }: Cash): MemoryImage {
  return memoryImage({ medium: fixture.medium, ram: module.parts.ram })
}

/** One session with images taken in it, and its secrets computed from the host's side alone: X9.63 over both shared points. */
async function sessionKeysOf(world: Cash) {
  const drawn: Uint8Array[] = []
  const entropy: Entropy = {
    bytes(length) {
      const bytes = world.central.entropy.bytes(length)
      drawn.push(bytes.slice())
      return bytes
    },
  }
  await requestPayment(transportOf(world), withdrawal)
  const { transport, seen } = line(transportOf(world))
  const images: MemoryImage[] = []
  await session({ ...world.central, entropy }, transport, { unit: unitOf(world) }, async (open) => {
    images.push(imageOf(world))
    await payment(open, () => true)
    images.push(imageOf(world))
  })
  images.push(imageOf(world))
  const { command, answer } = seen.find((one) => isCommand(one.command, 'EXTERNAL AUTHENTICATE'))!
  const request = parseCommand(command).data
  const reply = parseResponse(answer).data
  const modulePoint = reply.subarray(3, 68)
  const ephemeral = createECDH('prime256v1')
  ephemeral.setPrivateKey(Buffer.from(privateScalar(world.crypto, drawn[0]!)))
  const shared = [
    new Uint8Array(ephemeral.computeSecret(Buffer.from(modulePoint))),
    await world.central.vault.agree(sessionKey, parseCertificate(world.operating).publicPoint),
  ]
  const own = await world.central.vault.publicPoint(sessionKey)
  const hostId = createHash('sha256').update(own).digest().subarray(0, 16)
  const lv = (bytes: Uint8Array) => concat(Uint8Array.of(bytes.length), bytes)
  const sin = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1)
  const info = concat(Uint8Array.of(0x3c, 0x88, 16), lv(hostId), lv(sin), lv(world.fixture.serial))
  const block = (n: number) =>
    createHash('sha256')
      .update(concat(...shared, u32(n), info))
      .digest()
  const bytes = concat(block(1), block(2), block(3)).subarray(0, 80)
  const cut = (n: number) => bytes.slice(16 * n, 16 * n + 16)
  const keys: Record<string, Uint8Array> = {
    receipt: cut(0),
    enc: cut(1),
    mac: cut(2),
    rmac: cut(3),
    dek: cut(4),
  }
  // The receipt on the line shows that these are the session's keys.
  const receiptKey = world.crypto.aes(keys['receipt']!)
  assert.deepEqual(receiptKey.cmac(request, reply.subarray(0, 68)), reply.subarray(70, 86))
  receiptKey[Symbol.dispose]()
  const trace = concat(...seen.flatMap((one) => [one.command, one.answer]))
  return { keys, shared: { ephemeral: shared[0]!, static: shared[1]! }, images, trace }
}

async function grantLength(world: World): Promise<number> {
  await requestPayment(transportOf(world), withdrawal)
  const { transport, seen } = line(transportOf(world))
  await inSession(world, (open) => payment(open, () => true), transport)
  return seen.find(({ command }) => isCommand(command, 'GRANT PAYMENT'))!.command.length
}

function holds(bytes: Uint8Array, part: Uint8Array): boolean {
  return Buffer.from(bytes).includes(Buffer.from(part))
}
