import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, describe, test } from 'node:test'
import { concat } from '@sealwright/core/bytes'
import { publicKeyIds } from '@sealwright/core/catalog'
import type { BeginRequest, CompleteRequest } from '@sealwright/core/personalization'
import { parseCertificate } from '@sealwright/core/x509'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import {
  extensionOid,
  type ForeignCa,
  type ForeignKey,
  octets,
  opensslCa,
  pythonCa,
  pythonWithCryptography,
  roleOid,
  type Wanted,
} from './foreign-ca.ts'
import {
  begin,
  beginRequest,
  complete,
  customer,
  memoryOf,
  personalizationChannel,
  personalizationWorld,
  type World,
} from './personalization-world.ts'

/** An hour from now: within what an authority issues today, however long the tests take. The first time that a module hears is free. */
const today = Math.floor(Date.now() / 1000) + 3600
const serial = '0102030405060708'

const sequence = (...parts: Uint8Array[]) => {
  const body = concat(...parts)
  return concat(Uint8Array.of(0x30, body.length), body)
}

interface Parties {
  readonly ca: ForeignCa
  /** The certificates of unit and central system that nothing was bent in. */
  readonly right: Map<string, Uint8Array>
  readonly root: ForeignKey
  readonly unit: ForeignKey
  readonly central: ForeignKey
}

async function partiesOf(ca: ForeignCa): Promise<Parties> {
  const [root, unit, central] = [await ca.key('root'), await ca.key('unit'), await ca.key('central')]
  await ca.issue(root, rootWanted(root))
  return { ca, right: new Map(), root, unit, central }
}

const rootWanted = ({ point }: ForeignKey): Wanted => ({
  ...{ commonName: 'root', point, pathLength: 1, usage: ['keyCertSign'], purposes: [roleOid(1)] },
})

type Bent = { readonly [which in 'unit' | 'operating' | 'central']?: Partial<Wanted> }

const binding = (
  central: Uint8Array,
  { nonce = beginRequest.nonce, of = customer }: { nonce?: Uint8Array; of?: Uint8Array } = {},
) => [extensionOid(3), sequence(octets(nonce), octets(of), octets(crypto.sha256(central)))] as const

/** What COMPLETE takes, all of it from the foreign authority; each certificate can be bent. */
async function issued(
  { ca, right, root, unit, central }: Parties,
  point: Uint8Array,
  bent: Bent,
): Promise<CompleteRequest> {
  const once = async (name: 'unit' | 'central', by: ForeignKey, wanted: Wanted): Promise<Uint8Array> => {
    const known = bent[name] === undefined ? right.get(name) : undefined
    const made = known ?? (await ca.issue(by, { ...wanted, ...bent[name] }))
    // An authority goes on from what it issued last: after a bent one the right one is made again.
    if (bent[name] === undefined) right.set(name, made)
    else right.delete(name)
    return made
  }
  const unitCertificate = await once('unit', root, {
    ...{ commonName: 'unit', point: unit.point, pathLength: 0, usage: ['digitalSignature', 'keyCertSign'] },
    ...{ purposes: [roleOid(2)], more: [[extensionOid(2), octets(customer)]] },
  })
  const unbent = bent.unit === undefined
  const operating = await ca.issue(unit, {
    ...{ commonName: 'module', serialNumber: serial, point, usage: ['digitalSignature', 'keyAgreement'] },
    ...{ purposes: [roleOid(4)], more: [binding(central.point)] },
    ...bent.operating,
  })
  const centralCertificate = await once('central', unit, {
    ...{ commonName: 'central', point: central.point, usage: ['digitalSignature', 'keyAgreement'] },
    ...{ purposes: [roleOid(5)] },
  })
  // What a bent unit's certificate went into is not right either.
  if (!unbent) right.clear()
  return { operating, central: centralCertificate, unit: unitCertificate }
}

/** A module of the manufacturer whose root the foreign authority keeps. */
function moduleUnder({ root }: Parties): Promise<World> {
  return personalizationWorld({
    prepare: ({ tx, objects }) => objects.put(tx, 'public-key', publicKeyIds.manufacturer, root.point),
  })
}

async function begun(world: World, time = today) {
  const request: BeginRequest = { ...beginRequest, time }
  world.fixture.module.reset()
  const channel = await personalizationChannel(world)
  return { channel, point: (await begin(channel, request)).point }
}

const year = 365 * 86_400
const oneMore = Uint8Array.of(0x05, 0x00)

/** Every rule of the path and of the binding, each broken by the authority itself. */
const broken: [clause: string, what: string, bent: Bent | ((parties: Parties) => Bent), time?: number][] = [
  ['B8c', 'expired', {}, today + year],
  ['B8c', 'not yet valid', {}, today - 2 * 86_400],
  ['B8d', 'for another serial number', { operating: { serialNumber: '0102030405060709' } }],
  ['B8d', 'for no serial number', { operating: { serialNumber: undefined as never } }],
  ['B8d', 'for another key', ({ unit }) => ({ operating: { point: unit.point } })],
  [
    'B8d',
    'for another BEGIN',
    ({ central }) => ({ operating: { more: [binding(central.point, { nonce: new Uint8Array(16) })] } }),
  ],
  [
    'B8d',
    'for another customer',
    ({ central }) => ({ operating: { more: [binding(central.point, { of: new Uint8Array(16) })] } }),
  ],
  ['B8d', 'for another central system', ({ root }) => ({ operating: { more: [binding(root.point)] } })],
  ['B8d', 'without a binding', { operating: { more: [] } }],
  ['B8e', 'a unit of another role', { unit: { purposes: [roleOid(7)] } }],
  ['B8e', 'a unit of two roles', { unit: { purposes: [roleOid(2), roleOid(7)] } }],
  ['B8e', 'a unit of no role', { unit: { purposes: [] } }],
  ['B8e', 'a unit without its customer', { unit: { more: [] } }],
  [
    'B8e',
    'a unit with a right that its role has not',
    { unit: { usage: ['digitalSignature', 'keyCertSign', 'cRLSign'] } },
  ],
  ['B8e', 'a unit that may not sign certificates', { unit: { usage: ['digitalSignature'] } }],
  ['B8e', 'a unit that may have authorities below it', { unit: { pathLength: 1 } }],
  ['B8e', 'an operating certificate of the role central system', { operating: { purposes: [roleOid(5)] } }],
  ['B8e', 'an operating certificate that may sign others', { operating: { pathLength: 0 } }],
  ['B8e', 'a central system of the role operating', { central: { purposes: [roleOid(4)] } }],
  ['B8e', 'a central system of the role operator', { central: { purposes: [roleOid(8)] } }],
  [
    'B8e',
    'a central system with a binding',
    ({ central }) => ({ central: { more: [binding(central.point)] } }),
  ],
  [
    'B8e',
    'a critical extension that nobody knows',
    { operating: {}, central: { more: [['2.5.29.54', Uint8Array.of(0x02, 1, 1), true]] } },
  ],
  ['B8e', 'a key identifier of another key', { unit: { keyIdentifier: new Uint8Array(20).fill(7) } }],
  [
    'B8e',
    'a mark of test keys',
    ({ central }) => ({ operating: { more: [binding(central.point), [extensionOid(1), oneMore]] } }),
  ],
]

const python = pythonWithCryptography()
const makers: ForeignCa[] = [
  ...(spawnSync('openssl', ['version']).status === 0 ? [opensslCa()] : []),
  ...(python === undefined ? [] : [pythonCa(python)]),
]
after(() => {
  for (const ca of makers) ca.close()
})

if (makers.length < 2) {
  const lack = 'openssl, or a Python with the package cryptography, is missing (npm run clients)'
  process.stderr.write(`NOT RUN in part: foreign-certificates.full.test.ts: ${lack}\n`)
}

for (const ca of makers) {
  describe(`certificates that ${ca.name} issued`, () => {
    test(`[B8a][B9b] ${ca.name}: a chain from the root whose key the module holds is taken and stored`, async () => {
      const parties = await partiesOf(ca)
      const world = await moduleUnder(parties)
      const { channel, point } = await begun(world)
      const certificates = await issued(parties, point, {})
      assert.equal(await complete(channel, certificates), 0x9000)
      const { objects, life } = world.fixture.module.parts
      assert.equal(life.state(), 'operating')
      assert.deepEqual(objects.read('certificate', 2), certificates.operating)
      assert.deepEqual(objects.read('public-key', publicKeyIds.central), parties.central.point)
      assert.equal(parseCertificate(certificates.operating).subject.serialNumber, serial)
    })

    test(`[B8b][B8f] ${ca.name}: the same from another root, with the same names, changes nothing`, async () => {
      const world = await moduleUnder(await partiesOf(ca))
      const stranger = await partiesOf(ca)
      const { channel, point } = await begun(world)
      const before = memoryOf(world.fixture.medium)
      assert.equal(await complete(channel, await issued(stranger, point, {})), 0x6a80)
      assert.deepEqual(memoryOf(world.fixture.medium), before)
    })

    test(`[B8c][B8e] ${ca.name}: each rule broken by the authority itself is refused, and nothing changes`, async (t) => {
      const parties = await partiesOf(ca)
      const world = await moduleUnder(parties)
      for (const [clause, what, bent, time] of broken) {
        await t.test(`[${clause}] ${what}`, async () => {
          const { channel, point } = await begun(world, time)
          const certificates = await issued(parties, point, typeof bent === 'function' ? bent(parties) : bent)
          const before = memoryOf(world.fixture.medium)
          assert.equal(await complete(channel, certificates), 0x6a80)
          assert.deepEqual(memoryOf(world.fixture.medium), before)
          assert.equal(world.fixture.module.parts.life.state(), 'awaiting-personalization')
        })
      }
      // What was bent is what was refused: the same authority, unbent, is believed.
      const { channel, point } = await begun(world)
      assert.equal(await complete(channel, await issued(parties, point, {})), 0x9000)
    })
  })
}

if (makers.length === 2) {
  test('[B8b] a chain whose links two authorities made, each right by itself, is refused', async () => {
    const [one, other] = [await partiesOf(makers[0]!), await partiesOf(makers[1]!)]
    const world = await moduleUnder(one)
    const { channel, point } = await begun(world)
    const [mine, theirs] = [await issued(one, point, {}), await issued(other, point, {})]
    for (const mixed of [
      { ...mine, operating: theirs.operating },
      { ...mine, central: theirs.central },
      { ...mine, unit: theirs.unit },
      { ...theirs, unit: mine.unit },
    ]) {
      assert.equal(await complete(channel, mixed), 0x6a80)
    }
    assert.equal(await complete(channel, mine), 0x9000)
  })
}
