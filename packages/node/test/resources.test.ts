import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ascii, concat, decodeHex, equal, u16, u32 } from '@sealwright/core/bytes'
import { commands } from '@sealwright/core/catalog'
import { withHandle } from '@sealwright/core/crypto'
import { AuthError, SealwrightError } from '@sealwright/core/errors'
import { nextLink } from '@sealwright/core/log'
import { fingerprint } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import {
  applicationInput,
  openRequest,
  parseActivation,
  parseOperatorDocument,
  prepareActivation,
  prepareRequest,
} from '@sealwright/core/resources'
import { scriptedEntropy } from '@sealwright/core/testing'
import { issueCertificate } from '@sealwright/core/x509'
import { fixtureTime } from '@sealwright/module/testing'
import * as authority from '@sealwright/roles/authority'
import { plain } from '@sealwright/roles/channel'
import { parseEvents } from '@sealwright/roles/custody'
import * as operator from '@sealwright/roles/operator'
import { memoryPorts, type PartyPorts } from '@sealwright/roles/ports'
import * as supplier from '@sealwright/roles/supplier'
import { pinRoot } from '@sealwright/roles/trust'
import {
  activated,
  bankRequest,
  loaded,
  program,
  type ResourceWorld,
  repowered,
  reserved,
  resourceWorld,
  unchanged,
} from './resources-world.ts'

// What the parties do with one another, and with what they should not believe.

const account = '12345678901234567890'
const storeAccount = concat(u32(0), u32(100_000), Uint8Array.of(20), ascii(account), ascii('4711'))

async function rejectsAll(work: Promise<unknown>, what: string): Promise<void> {
  await assert.rejects(work, (error) => error instanceof SealwrightError, what)
}

async function bank<T>(
  world: ResourceWorld,
  work: (application: supplier.Application) => Promise<T>,
): Promise<T> {
  return supplier.run(world.supplier, world.transport, {}, work)
}

suite('requests and reservations', () => {
  test('[C3b] an operator refuses a request that another key signed, and asks the module nothing', async () => {
    const world = await resourceWorld()
    const { request } = await supplier.request(world.supplier, bankRequest)
    const unsigned = prepareRequest(request, world.crypto)
    const document = unsigned.finish(await world.rival.vault.sign('supplier', unsigned.toBeSigned))
    const dead: Transport = {
      transmit: () => Promise.reject(new Error('asked')),
      close: async () => {},
    }
    await assert.rejects(operator.reserve(world.operator, dead, { request: document }), AuthError)
  })

  test('[C3a] what the request carries is what the resource gets', async () => {
    const world = await resourceWorld()
    const { document } = await supplier.request(world.supplier, bankRequest)
    const { reservation } = (await operator.reserve(world.operator, world.transport, { request: document }))
      .resource
    const asked = openRequest(document, world.crypto)
    const { document: given } = parseOperatorDocument(reservation)
    assert.ok(given.type === 'reservation')
    for (const field of ['aid', 'size', 'interfaces', 'places', 'agreement'] as const) {
      assert.deepEqual(given[field], asked[field])
    }
    assert.deepEqual(given.supplier, asked.key)
  })

  test('[C5d] the operator picks number, size and place from its records', async () => {
    const world = await resourceWorld()
    const { start } = world.fixture.module.parts.nvm.zones.resources
    const reserve = async (last: number, size: number) => {
      const aid = concat(bankRequest.aid.subarray(0, 4), Uint8Array.of(last))
      const { document } = await supplier.request(world.supplier, { ...bankRequest, aid, size })
      return (await operator.reserve(world.operator, world.transport, { request: document })).resource
    }
    const first = await reserve(1, 1000)
    const second = await reserve(2, 500)
    const third = await reserve(3, 200)
    assert.deepEqual(
      [first, second, third].map(({ id, start: from, end }) => [id, from - start, end - start]),
      [
        [1, 0, 1000],
        [2, 1000, 1500],
        [3, 1500, 1700],
      ],
    )
    await operator.deleteResource(world.operator, world.transport, { resource: 2 })
    const fourth = await reserve(4, 500)
    assert.deepEqual([fourth.id, fourth.start, fourth.end], [2, start + 1000, start + 1500])
    const fifth = await reserve(5, 600)
    assert.deepEqual([fifth.id, fifth.start], [4, start + 1700])
    await assert.rejects(reserve(6, 200_000), { code: 'usage' })
  })

  test("[C5d] another operator's areas are left out", async () => {
    const world = await resourceWorld()
    const { document } = await supplier.request(world.supplier, { ...bankRequest, size: 100 })
    const aid = decodeHex('F053570109')
    const other = await supplier.request(world.rival, { ...bankRequest, aid, size: 100 })
    const first = await operator.reserve(world.second, world.transport, { request: other.document })
    const mine = await operator.reserve(world.operator, world.transport, { request: document })
    assert.deepEqual([mine.resource.id, mine.resource.start], [2, first.resource.end])
  })

  test('[C5g] the place may be left to the module; the record follows the receipt', async () => {
    const world = await resourceWorld()
    const { resource } = await reserved(world, { start: 'module' })
    const definition = world.fixture.module.parts.definitions.find(resource.id)!
    assert.deepEqual([resource.start, resource.end], [definition.start, definition.end])
    const { document } = parseOperatorDocument(resource.reservation)
    assert.ok(document.type === 'reservation' && document.start === undefined)
  })

  test('[C5h] a reservation made again gives the resource that is there', async () => {
    const world = await resourceWorld()
    const { document } = await supplier.request(world.supplier, bankRequest)
    const once = await operator.reserve(world.operator, world.transport, { request: document })
    const again = await unchanged(world, () =>
      operator.reserve(world.operator, world.transport, { request: document }),
    )
    assert.deepEqual(again.resource, once.resource)
  })
})

suite('refusals that are not the module’s', () => {
  const request = async (world: ResourceWorld) =>
    (await supplier.request(world.supplier, bankRequest)).document

  test('[C5h] a refusal forged after the module acted costs the operator nothing', async () => {
    const world = await resourceWorld()
    const document = await request(world)
    const line = forging(world.transport, { heard: true, times: 1 })
    const { resource, entries } = await operator.reserve(world.operator, line, { request: document })
    assert.equal(resource.state, 'reserved')
    assert.equal(entries.length, 1)
    assert.ok(world.fixture.module.parts.definitions.find(resource.id))
  })

  test('[C5h] forged on and on, the document stays open until the line is honest', async () => {
    const world = await resourceWorld()
    const document = await request(world)
    const line = forging(world.transport, { heard: true, times: 99 })
    for (let run = 0; run < 2; run++) {
      await assert.rejects(operator.reserve(world.operator, line, { request: document }), {
        code: 'peer-broke-protocol',
      })
    }
    const { resource } = await operator.reserve(world.operator, world.transport, { request: document })
    assert.equal(world.fixture.module.parts.definitions.list().length, 1)
    assert.equal(resource.id, 1)
    assert.equal((await world.operator.store.list('outbox/')).length, 1)
  })

  test('a refusal of a document that the module does not know ends it', async () => {
    const world = await resourceWorld()
    const document = await request(world)
    const line = forging(world.transport, { heard: false, times: 1 })
    await assert.rejects(operator.reserve(world.operator, line, { request: document }), {
      code: 'module-no-space',
    })
    const { resource } = await operator.reserve(world.operator, world.transport, { request: document })
    assert.equal(parseOperatorDocument(resource.reservation).document.number, 2)
  })

  test('other events beside a refused document do not keep it open', async () => {
    const world = await resourceWorld()
    const document = await request(world)
    const aid = decodeHex('F053570109')
    const other = await supplier.request(world.rival, { ...bankRequest, aid, size: 100 })
    const line = forging(world.transport, { heard: false, times: 1 }, async () => {
      await operator.reserve(world.second, world.transport, { request: other.document })
    })
    await assert.rejects(operator.reserve(world.operator, line, { request: document }), {
      code: 'module-no-space',
    })
    await operator.reserve(world.operator, world.transport, { request: document })
    assert.equal(world.fixture.module.parts.definitions.list().length, 2)
  })

  test('a head that the module did not sign does not end a document', async () => {
    const world = await resourceWorld()
    const document = await request(world)
    const forged = forging(world.transport, { heard: true, times: 1 })
    let heads = 0
    const line: Transport = {
      close: () => forged.close(),
      async transmit(bytes) {
        const answer = await forged.transmit(bytes)
        // The number of before the step.
        if (bytes[1] === commands['PASSPORT HEAD'].ins && ++heads > 1) answer[3]! -= 1
        return answer
      },
    }
    await assert.rejects(operator.reserve(world.operator, line, { request: document }), AuthError)
    const { resource } = await operator.reserve(world.operator, world.transport, { request: document })
    assert.equal(parseOperatorDocument(resource.reservation).document.number, 1)
  })

  test('an operator signs no event that contradicts the receipt, and none behind it', async () => {
    for (const lie of ['other digest', 'one more'] as const) {
      const world = await resourceWorld()
      const { serial } = world.fixture
      const document = await request(world)
      const line: Transport = {
        close: () => world.transport.close(),
        async transmit(bytes) {
          const answer = await world.transport.transmit(bytes)
          if (bytes[1] !== commands['GET EVENTS'].ins || answer.length < 2 + 69) return answer
          const told = parseEvents(answer.subarray(0, -2))
          const last = told.pop()!
          const before = told.at(-1)?.chain ?? new Uint8Array(32)
          const digest = new Uint8Array(32).fill(0xee)
          const event =
            lie === 'other digest'
              ? {
                  ...last,
                  digest,
                  chain: nextLink(world.crypto, { ...last, previous: before, serial, digest }),
                }
              : last
          told.push(event)
          if (lie === 'one more') {
            const more = { serial, number: last.number + 1, type: 0x13, digest, previous: last.chain }
            told.push({ ...more, chain: nextLink(world.crypto, more) })
          }
          const records = told.map(({ number, type, digest: told, chain }) =>
            concat(u32(number), Uint8Array.of(type), told, chain),
          )
          return concat(...records, u16(0x9000))
        },
      }
      const step = operator.reserve(world.operator, line, { request: document })
      if (lie === 'other digest') {
        await assert.rejects(step, { code: 'peer-broke-protocol' })
        assert.deepEqual(await world.operator.store.list('outbox/'), [])
      } else {
        assert.equal((await step).entries.length, 1)
        assert.equal((await world.operator.store.list('outbox/')).length, 1)
      }
    }
  })
})

suite('activation', () => {
  test("[C6a] an activation gives the module's public key, the resource, receipts and chain", async () => {
    const world = await resourceWorld()
    const { activation: bytes } = await activated(world)
    const { activation } = parseActivation(bytes)
    const { fixture } = world
    assert.deepEqual(activation.module, fixture.serial)
    assert.equal(activation.resource, 1)
    assert.deepEqual(activation.operating, fixture.personalization!.operating.encoded)
    assert.deepEqual(activation.unit, fixture.personalization!.unit.certificate.encoded)
    const checked = await supplier.takeActivation(world.supplier, bytes)
    assert.deepEqual(checked.modulePoint, fixture.personalization!.operating.publicPoint)
    assert.deepEqual(checked.reservation.aid, bankRequest.aid)
  })

  test('[C6a] activated again, the same document comes', async () => {
    const world = await resourceWorld()
    const first = await activated(world)
    const again = await unchanged(world, () =>
      operator.activate(world.operator, world.transport, { resource: 1 }),
    )
    assert.deepEqual(again.activation, first.activation)
  })

  test("[C6b] a module under another manufacturer's root is refused", async () => {
    const world = await resourceWorld()
    const foreign = await resourceWorld({ seed: 'foreign' })
    const { activation } = await activated(world)
    // The same parties, but for the root that the supplier pinned.
    await world.supplier.store.remove('trust/manufacturer-root.der')
    await pinRoot(world.supplier, { certificate: foreign.fixture.manufacturer.certificate.encoded })
    await assert.rejects(supplier.takeActivation(world.supplier, activation), { code: 'certificate-refused' })
  })

  test('[C6b] an activation changed at a byte of any of its parts is refused', async () => {
    const world = await resourceWorld()
    const { activation } = await activated(world)
    // Every fifth byte, from another one on at each bit: all bits and all parts of the document.
    for (let i = 0; i < activation.length; i += 5) {
      const changed = activation.slice()
      changed[i]! ^= 1 << (i & 7)
      await rejectsAll(supplier.takeActivation(world.supplier, changed), `byte ${i}`)
    }
  })

  test('[C6b] a receipt changed by the operator itself is refused', async () => {
    const world = await resourceWorld()
    const { activation } = await activated(world)
    const parts = parseActivation(activation).activation
    for (const field of ['reserved', 'released'] as const) {
      for (let i = 0; i < parts[field].length; i++) {
        const changed = parts[field].slice()
        changed[i]! ^= 1
        const forged = await reactivated(world, { ...parts, [field]: changed })
        await rejectsAll(supplier.takeActivation(world.supplier, forged), `${field} ${i}`)
      }
    }
  })

  test('[C6b] receipts, certificates and reservations of something else are refused', async () => {
    const world = await resourceWorld()
    const { activation } = await activated(world)
    const parts = parseActivation(activation).activation
    const other = await resourceWorld({ serial: decodeHex('0102030405060709') })
    const theirs = parseActivation((await activated(other)).activation).activation
    for (const wrong of [
      { reserved: parts.released },
      { released: parts.reserved },
      { release: parts.reservation },
      { reservation: parts.release },
      { operating: theirs.operating },
      { operating: parts.unit },
      { module: theirs.module },
      { resource: 2 },
      { reservation: theirs.reservation, reserved: theirs.reserved },
    ]) {
      const forged = await reactivated(world, { ...parts, ...wrong })
      await rejectsAll(supplier.takeActivation(world.supplier, forged), Object.keys(wrong).join())
    }
    // The same, made again but right, is taken.
    await supplier.takeActivation(world.supplier, await reactivated(world, parts))
  })

  test("[C6b] an activation for another supplier's key is refused", async () => {
    const world = await resourceWorld()
    const { activation } = await activated(world)
    await assert.rejects(supplier.takeActivation(world.rival, activation), { code: 'not-trusted' })
  })

  test('[C6b] nothing goes to a module whose activation does not hold', async () => {
    const world = await resourceWorld()
    const { activation } = await activated(world)
    const changed = activation.slice()
    changed[activation.length - 1]! ^= 1
    const dead: Transport = { transmit: () => Promise.reject(new Error('asked')), close: async () => {} }
    await assert.rejects(
      supplier.load(world.supplier, dead, {
        ...{ activation: changed, program: program('bank'), data: { size: 96 } },
      }),
      AuthError,
    )
  })

  test('[C6b] the channel goes to the module of the activation and to no other', async () => {
    const world = await resourceWorld()
    const { activation } = await activated(world)
    const other = await resourceWorld({ serial: decodeHex('0102030405060709') })
    await assert.rejects(
      supplier.load(world.supplier, other.transport, {
        ...{ activation, program: program('bank'), data: { size: 96 } },
      }),
      { code: 'wrong-module' },
    )
  })

  test('[C6c] a supplier without activation loads and runs nothing', async () => {
    const world = await resourceWorld()
    await reserved(world)
    await assert.rejects(
      bank(world, async () => {}),
      { code: 'wrong-state' },
    )
  })
})

suite('what a public key comes with', () => {
  test('[C14a] an operator takes a supplier’s key with a certificate of its authority', async () => {
    const world = await resourceWorld()
    const { document } = await supplier.request(world.supplier, bankRequest)
    const request = await operator.checkedRequest(world.operator, { request: document })
    assert.deepEqual(request.key, await world.supplier.vault.publicPoint('supplier'))
  })

  test('[C14a] or with its fingerprint, told over a channel of its own', async () => {
    const world = await resourceWorld()
    await world.supplier.store.remove('certificate.der')
    const { document, fingerprint: told } = await supplier.request(world.supplier, bankRequest)
    await operator.checkedRequest(world.operator, { request: document, fingerprint: told })
  })

  test('[C14b] a supplier’s key without either is refused by the operator', async () => {
    const world = await resourceWorld()
    await world.supplier.store.remove('certificate.der')
    const { document } = await supplier.request(world.supplier, bankRequest)
    await assert.rejects(operator.checkedRequest(world.operator, { request: document }), {
      code: 'not-trusted',
    })
    const wrong = fingerprint(await world.rival.vault.publicPoint('supplier'), world.crypto)
    await assert.rejects(operator.checkedRequest(world.operator, { request: document, fingerprint: wrong }), {
      code: 'fingerprint-differs',
    })
  })

  test('[C14b] a certificate of another authority, of another role or for another key is refused', async () => {
    const world = await resourceWorld()
    const { request } = await supplier.request(world.supplier, bankRequest)
    const certificateOf = async (party: PartyPorts) => (await party.store.read('certificate.der'))!
    const root = await authority.authorityCertificate(world.authority)
    const expired = await certificateBy(world, {
      notAfter: fixtureTime - 1,
      notBefore: fixtureTime - 2,
      key: request.key,
    })
    const others = [
      await certificateOfAnother(world),
      await certificateOf(world.operator),
      await certificateOf(world.rival),
      root.encoded,
      expired,
      world.fixture.personalization!.unit.certificate.encoded,
    ]
    for (const certificate of others) {
      const unsigned = prepareRequest({ ...request, certificate }, world.crypto)
      const document = unsigned.finish(await world.supplier.vault.sign('supplier', unsigned.toBeSigned))
      await rejectsAll(operator.checkedRequest(world.operator, { request: document }), 'certificate')
    }
  })

  test('[C14b] an authority certifies no key whose fingerprint it was not told', async () => {
    const world = await resourceWorld()
    const { document: request } = await supplier.key(world.supplier, { name: 'supplier' })
    const wrong = fingerprint(await world.rival.vault.publicPoint('supplier'), world.crypto)
    await assert.rejects(
      authority.certify(world.authority, { role: 'supplier', request, fingerprint: wrong }),
      { code: 'fingerprint-differs' },
    )
  })

  test('[C14b] an authority registers no module, and an operator reserves in none, under another root', async () => {
    const world = await resourceWorld()
    const foreign = await resourceWorld({ seed: 'foreign' })
    await assert.rejects(authority.register(world.authority, foreign.transport), {
      code: 'certificate-refused',
    })
    const { document } = await supplier.request(world.supplier, bankRequest)
    await assert.rejects(operator.reserve(world.operator, foreign.transport, { request: document }), {
      code: 'certificate-refused',
    })
  })

  test('[C14b] a supplier takes no activation of an operator that its authority did not certify', async () => {
    const world = await resourceWorld()
    const { activation } = await activated(world)
    const parts = parseActivation(activation).activation
    for (const certificate of [
      (await world.second.store.read('certificate.der'))!,
      (await world.supplier.store.read('certificate.der'))!,
      await certificateBy(world, { key: await world.operator.vault.publicPoint('operator'), own: true }),
    ]) {
      const forged = await reactivated(world, { ...parts, operator: certificate })
      await rejectsAll(supplier.takeActivation(world.supplier, forged), 'operator')
    }
  })

  test('[C14b] nobody believes a root that was not pinned, nor pins a second one', async () => {
    const world = await resourceWorld()
    await world.supplier.store.remove('trust/authority.der')
    const { activation } = await activated(world)
    await assert.rejects(supplier.takeActivation(world.supplier, activation), { code: 'trust-missing' })
    const foreign = await resourceWorld({ seed: 'foreign' })
    const root = foreign.fixture.manufacturer.certificate.encoded
    await assert.rejects(pinRoot(world.supplier, { certificate: root }), { code: 'wrong-state' })
    const operating = world.fixture.personalization!.operating.encoded
    await assert.rejects(pinRoot(world.supplier, { certificate: operating }), { code: 'usage' })
  })
})

suite('the application', () => {
  test('[C8a] the supplier loads program and data with operator and authority switched off', async () => {
    const world = await resourceWorld()
    const { activation } = await activated(world)
    const alone = await withoutOthers(world)
    const data = new Uint8Array(96)
    const done = await supplier.load(alone.supplier, alone.transport, {
      ...{ activation, program: program('bank'), data, blockSize: 300 },
    })
    assert.deepEqual([done.resource, done.version, done.blocks, done.sent], [1, 1, 9, 9])
    assert.equal((await bank(alone, ({ command }) => command(0x10, storeAccount))).sw, 0x9000)
    assert.equal((await alone.supplier.store.list('outbox/')).length, 1)
  })

  test('[C8a] the data area is what the package brought', async () => {
    const world = await resourceWorld()
    const { activation } = await activated(world)
    const brought = new Uint8Array(96).fill(0x5a)
    await supplier.load(world.supplier, world.transport, {
      ...{ activation, program: program('bank'), data: brought },
    })
    const { definitions, nvm } = world.fixture.module.parts
    const { start, length } = definitions.find(1)!.loaded!.data
    assert.deepEqual(nvm.read(start, length), brought)
  })

  test('[C8b] the supplier updates it alone; data that the update does not bring stay', async () => {
    const world = await resourceWorld()
    const { activation } = await loaded(world)
    await bank(world, ({ command }) => command(0x10, storeAccount))
    const alone = await withoutOthers(world)
    const { nvm, definitions } = world.fixture.module.parts
    const before = definitions.find(1)!.loaded!
    const done = await supplier.load(alone.supplier, alone.transport, {
      ...{ activation, program: padded('bank'), data: { size: 96 } },
    })
    assert.equal(done.version, 2)
    const after = definitions.find(1)!.loaded!
    assert.deepEqual(after.data, before.data)
    assert.notDeepEqual(after.program, before.program)
    assert.ok(
      equal(nvm.read(before.program.start, before.program.length), new Uint8Array(before.program.length)),
    )
    assert.equal((await bank(alone, ({ command }) => command(0x12, ascii('4711')))).sw, 0x9000)
  })

  test('[C8b] loading the same again changes nothing; an older version is refused', async () => {
    const world = await resourceWorld()
    const { activation } = await loaded(world)
    const same = { activation, program: program('bank'), data: { size: 96 } }
    const again = await unchanged(world, () => supplier.load(world.supplier, world.transport, same))
    assert.deepEqual([again.version, again.sent], [1, 0])
    await supplier.load(world.supplier, world.transport, { ...same, program: padded('bank') })
    await assert.rejects(
      unchanged(world, () => supplier.load(world.supplier, world.transport, { ...same, version: 1 })),
      { code: 'module-already-there' },
    )
  })

  test('[C8c] the bank’s application keeps the account number and identifies the holder', async () => {
    const world = await resourceWorld()
    await loaded(world)
    await bank(world, async ({ command }) => {
      assert.equal((await command(0x10, storeAccount)).sw, 0x9000)
      assert.equal((await command(0x14)).sw, 0x6982)
      assert.equal((await command(0x12, ascii('0815'))).sw, 0x63c2)
      assert.equal((await command(0x14)).sw, 0x6982)
      assert.equal((await command(0x12, ascii('4711'))).sw, 0x9000)
      const statement = await command(0x14)
      assert.deepEqual(
        statement.data.subarray(0, 21),
        concat(Uint8Array.of(20), ascii('****************7890')),
      )
    })
    // The next selection, after the power was off, knows the account and nobody's identity.
    await bank(repowered(world), async ({ command, activation }) => {
      assert.equal((await command(0x14)).sw, 0x6982)
      await command(0x12, ascii('4711'))
      const payment = concat(u32(0), u32(5000), u16(0x0978), ascii('shop-nonce-00001'))
      const { sw, data } = await command(0x16, payment)
      assert.equal(sw, 0x9000)
      const signed = concat(ascii('PAY1'), data.subarray(0, 12), payment, ascii('7890'))
      assert.deepEqual(data.subarray(4, 12), concat(u32(0), u32(fixtureTime)))
      const holds = (resource: number) =>
        withHandle(world.crypto.ecPublicKey(activation.modulePoint), (key) =>
          key.verify(data.subarray(12), ...applicationInput(resource, signed)),
        )
      assert.ok(holds(1))
      assert.ok(!holds(2))
    })
  })

  test('[C8c] whoever selects the bank’s application before the bank has spoken cannot give it an account', async () => {
    const world = await resourceWorld()
    await loaded(world)
    const channel = plain(world.transport)
    await channel.send('SELECT', { p1: 0x04, data: bankRequest.aid })
    const store = { name: 'STORE ACCOUNT', ins: 0x10 } as const
    assert.equal((await channel.exchange(store, { data: storeAccount })).sw, 0x6982)
    await bank(world, async ({ command }) => {
      assert.equal((await command(0x10, storeAccount)).sw, 0x9000)
    })
  })

  test('[C8c] three wrong PINs block the holder for good, power cuts or not', async () => {
    const world = await resourceWorld()
    await loaded(world)
    await bank(world, ({ command }) => command(0x10, storeAccount))
    for (const sw of [0x63c2, 0x63c1, 0x6983]) {
      assert.equal((await bank(repowered(world), ({ command }) => command(0x12, ascii('0000')))).sw, sw)
    }
    assert.equal((await bank(world, ({ command }) => command(0x12, ascii('4711')))).sw, 0x6983)
  })

  test('a blocked application is gone from sight and comes back as it was', async () => {
    const world = await resourceWorld()
    const { activation } = await loaded(world)
    await bank(world, ({ command }) => command(0x10, storeAccount))
    await operator.block(world.operator, world.transport, { resource: 1 })
    await assert.rejects(
      bank(world, async () => {}),
      { code: 'module-application-not-found' },
    )
    await assert.rejects(
      supplier.load(world.supplier, world.transport, {
        ...{ activation, program: padded('bank'), data: { size: 96 } },
      }),
      { code: 'module-reference-not-found' },
    )
    await operator.release(world.operator, world.transport, { resource: 1 })
    assert.equal((await bank(world, ({ command }) => command(0x12, ascii('4711')))).sw, 0x9000)
  })

  test('programs of other compilers run as they are', async () => {
    const world = await resourceWorld()
    await loaded(world, 'elsewhere/calculator', 0)
    const { sw, data } = await bank(world, ({ command }) =>
      command(0x01, concat(Uint8Array.of(0), u32(40), Uint8Array.of(0), u32(2), ascii('+'))),
    )
    assert.deepEqual([sw, data], [0x9000, u32(42)])
  })
})

/** The world after everything of operator and authority was thrown away. */
async function withoutOthers(
  world: ResourceWorld,
): Promise<Pick<ResourceWorld, 'supplier' | 'transport'> & ResourceWorld> {
  for (const party of [world.operator, world.second, world.authority]) {
    for (const name of await party.store.list()) await party.store.remove(name)
    for (const { name } of await party.vault.list()) await party.vault.remove(name)
  }
  return world
}

/** The same program with a custom section, which makes it another one of the same behaviour. */
function padded(name: string): Uint8Array {
  return concat(program(name), Uint8Array.of(0, 5, 1), ascii('x'), ascii('abc'))
}

/** An activation signed by the world's operator, whatever is in it. */
async function reactivated(
  world: ResourceWorld,
  parts: Parameters<typeof prepareActivation>[0],
): Promise<Uint8Array> {
  const point = await world.operator.vault.publicPoint('operator')
  const unsigned = prepareActivation(parts, point, world.crypto)
  return unsigned.finish(await world.operator.vault.sign('operator', unsigned.toBeSigned))
}

/** A certificate for the supplier's key by an authority of the same name that nobody here trusts. */
async function certificateOfAnother(world: ResourceWorld): Promise<Uint8Array> {
  const entropy = scriptedEntropy('another authority')
  const another = await memoryPorts('authority', { clock: world.clock, entropy, crypto: world.crypto })
  await authority.initAuthority(another)
  const { document: request, fingerprint: told } = await supplier.key(world.supplier, { name: 'supplier' })
  return (await authority.certify(another, { role: 'supplier', request, fingerprint: told })).encoded
}

/** A supplier's certificate by the world's authority, or an operator's signed by its own key. */
async function certificateBy(
  world: ResourceWorld,
  input: {
    readonly key: Uint8Array
    readonly own?: boolean
    readonly notBefore?: number
    readonly notAfter?: number
  },
): Promise<Uint8Array> {
  const root = await authority.authorityCertificate(world.authority)
  let tbs = new Uint8Array(0)
  const profile = {
    role: input.own === true ? ('operator' as const) : ('supplier' as const),
    serialNumber: Uint8Array.of(0x41, 1),
    subject: { commonName: 'forged' },
    publicPoint: input.key,
    notBefore: input.notBefore ?? fixtureTime - 10,
    notAfter: input.notAfter ?? fixtureTime + 10,
    issuer: root,
  }
  const draft = (signature: Uint8Array) =>
    issueCertificate(
      profile,
      (bytes) => {
        tbs = Uint8Array.from(bytes)
        return signature
      },
      world.crypto,
    )
  draft(new Uint8Array(64).fill(1))
  const signer = input.own === true ? world.operator : world.authority
  return draft(await signer.vault.sign(input.own === true ? 'operator' : 'authority', tbs))
}

/** A line that answers OPERATE with 6A84 some times, whatever the module said or without asking it. */
function forging(
  transport: Transport,
  { heard, times }: { readonly heard: boolean; readonly times: number },
  meanwhile: () => Promise<void> = async () => {},
): Transport {
  let left = times
  return {
    async transmit(bytes) {
      if (bytes[1] !== commands.OPERATE.ins || left === 0) return transport.transmit(bytes)
      // Long documents come in segments; the last one has no chaining bit.
      if (heard || (bytes[0]! & 0x10) !== 0) {
        const answer = await transport.transmit(bytes)
        if ((bytes[0]! & 0x10) !== 0) return answer
      }
      left--
      if (!heard) await transport.transmit(Uint8Array.of(0x00, commands.SELECT.ins, 0x04, 0x00))
      await meanwhile()
      return u16(0x6a84)
    },
    close: () => transport.close(),
  }
}
