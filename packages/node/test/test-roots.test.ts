import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHex } from '@sealwright/core/bytes'
import { certificateIds, productDataIds } from '@sealwright/core/catalog'
import { isTestModule, parseChipStatus, parseIdentityRequest } from '@sealwright/core/customization'
import { serializePolicy } from '@sealwright/core/personalization'
import { type Certificate, parseCertificate } from '@sealwright/core/x509'
import { certify, initAuthority } from '@sealwright/roles/authority'
import { session } from '@sealwright/roles/central'
import { plain } from '@sealwright/roles/channel'
import { readData } from '@sealwright/roles/custody'
import { certifiedPoints, customize, finish, mask, products, unlock } from '@sealwright/roles/issuer'
import { certifyModule, initRoot, produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import { key as operatorKey } from '@sealwright/roles/operator'
import { pinRoot } from '@sealwright/roles/trust'
import { personalize } from '@sealwright/roles/unit'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import { maskInput, party, powered, programs, ramFactory } from './factory-bench.ts'
import {
  begin,
  certificatesFor,
  complete,
  forge,
  memoryOf,
  personalizationChannel,
  personalizationWorld,
  personalized,
  transportOf,
} from './personalization-world.ts'
import { activated, loaded, resourceWorld } from './resources-world.ts'

const serial = decodeHex('0102030405060708')

/** The certificate as an issuer whose other fields are right and whose mark is this. */
function issuerMarked({ subject, publicPoint }: Certificate, mark: boolean) {
  return { subject, publicPoint, test: mark }
}

for (const mark of [false, true]) {
  const what = mark ? 'a test module' : 'a real module'

  test(`[X9b] COMPLETE in ${what} refuses certificates whose mark is not the module’s, all or one: 6A80, nothing changed`, async () => {
    const world = await personalizationWorld({ test: mark })
    const channel = await personalizationChannel(world)
    const { point } = await begin(channel)
    const right = certificatesFor(world, point)
    const wrongIssuer = issuerMarked(world.fixture.manufacturer.certificate, !mark)
    const allWrong = certificatesFor(world, point, { unit: { issuer: wrongIssuer } })
    assert.equal(parseCertificate(allWrong.unit).test, !mark)
    const unit = issuerMarked(parseCertificate(right.unit), !mark)
    const cases = {
      all: allWrong,
      'the unit’s': { ...right, unit: allWrong.unit },
      operating: certificatesFor(world, point, { operating: { issuer: unit } }),
      'the central system’s': certificatesFor(world, point, { central: { issuer: unit } }),
    }
    const before = memoryOf(world.fixture.medium)
    for (const [name, certificates] of Object.entries(cases)) {
      assert.equal(await complete(channel, certificates), 0x6a80, name)
      assert.deepEqual(memoryOf(world.fixture.medium), before, name)
    }
    assert.equal(await complete(channel, right), 0x9000)
  })
}

test('[X9b] circular certification makes no difference: in a test module the unit’s certificate must be marked', async () => {
  const world = await personalizationWorld({
    test: true,
    prepare({ tx, objects }) {
      objects.put(tx, 'product-data', productDataIds.policy, serializePolicy(['circular-certification']))
    },
  })
  const channel = await personalizationChannel(world)
  const { point } = await begin(channel)
  const { central } = forge(crypto)
  for (const mark of [false, true]) {
    const issuer = { subject: { commonName: 'forged central' }, publicPoint: central.publicPoint, test: mark }
    const certificates = certificatesFor(world, point, { unit: { issuer }, keys: { manufacturer: central } })
    assert.equal(await complete(channel, certificates), mark ? 0x9000 : 0x6a80)
  }
})

test('[X9b] hosts refuse marked certificates, and say which and why, until they are told to take them', async () => {
  const world = await personalizationWorld({ test: true })
  const refusedFor = (certificate: string) => ({
    name: 'PeerError',
    code: 'certificate-refused',
    details: { certificate, reason: 'test-certificate' },
    message: /made with test keys/,
  })
  const { insecureAcceptTest, ...order } = world.order
  assert.equal(insecureAcceptTest, true)
  const before = memoryOf(world.fixture.medium)
  await assert.rejects(personalize(world.unit, transportOf(world), order), refusedFor("manufacturer's root"))
  assert.deepEqual(memoryOf(world.fixture.medium), before)
  const done = await personalized(world)
  assert.equal(done.operating.certificate?.test, true)
  assert.equal(done.central.certificate?.test, true)

  const { publicPoint: point } = parseCertificate(world.unitCertificate)
  const ask = (unit: { point: Uint8Array; test?: boolean }, accept: boolean) =>
    session(world.central, transportOf(world), { unit, insecureAcceptTest: accept }, async () => 'open')
  await assert.rejects(ask({ point }, false), refusedFor("module's operating certificate"))
  await assert.rejects(ask({ point, test: true }, false), refusedFor("unit's certificate"))
  await assert.rejects(ask({ point, test: false }, true), { code: 'certificate-refused' })
  assert.equal(await ask({ point, test: true }, true), 'open')

  for (const [role, certificate] of [
    ["manufacturer's root", world.fixture.manufacturer.certificate.encoded],
    [
      "authority's certificate",
      (await initAuthority(await party('authority', crypto), { test: true })).encoded,
    ],
  ] as const) {
    const ports = await party('supplier', crypto)
    await assert.rejects(pinRoot(ports, { certificate }), refusedFor(role))
    assert.deepEqual(await ports.store.list('trust/'), [])
    assert.equal((await pinRoot(ports, { certificate, insecureTestRoot: true })).test, true)
  }
})

test('[X9b] customize brings no test root and no test authority to a real chip, nor others to a test chip; nothing is sent', async () => {
  for (const mark of [false, true]) {
    const { issuer, medium } = await unlockedChip(mark)
    const [root, other] = [await rootOf(mark), await rootOf(!mark)]
    const [authority, stranger] = [await authorityOf(mark), await authorityOf(!mark)]
    const input = { mask: 'fleet', product: products.cash, programs }
    const before = medium.snapshot().pages
    const differs = { name: 'StateError', code: 'test-mark-differs' }
    const wrong = [
      { manufacturerRoot: other.encoded },
      { manufacturerRoot: root.encoded, ...certifiedPoints(issuer, stranger) },
      { manufacturerRoot: other.encoded, ...certifiedPoints(issuer, authority) },
    ]
    for (const change of wrong) {
      const { transport } = powered(medium, crypto)
      await assert.rejects(customize(issuer, transport, { ...input, ...change }), differs)
      assert.deepEqual(medium.snapshot().pages, before)
    }
    const right = { ...input, manufacturerRoot: root.encoded, ...certifiedPoints(issuer, authority) }
    const { identityRequest } = await customize(issuer, powered(medium, crypto).transport, right)
    assert.equal(parseIdentityRequest(identityRequest!).test, mark)

    // The manufacturer sees the mark in the request, and the wrong root signs nothing for it.
    const foreign = await party('manufacturer', crypto)
    await initRoot(foreign, { test: !mark })
    await assert.rejects(certifyModule(foreign, { request: identityRequest! }), differs)
    await assert.rejects(initRoot(foreign, { test: mark }), differs)
    assert.deepEqual(await foreign.store.list('modules/'), [])
    await assert.rejects(mask(issuer, maskInput({ test: !mark })), differs)
  }
})

test('[X9c] the life of a test module: produced, certified, personalized, with programs of suppliers, and it shows its mark', async () => {
  const { issuer, manufacturer, medium } = await unlockedChip(true)
  const root = await initRoot(manufacturer, { test: true })
  const { identityRequest } = await customize(issuer, powered(medium, crypto).transport, {
    ...{ mask: 'fleet', product: products.cash, programs, manufacturerRoot: root.encoded },
  })
  const certificate = await certifyModule(manufacturer, { request: identityRequest! })
  assert.equal(certificate.test, true)
  await finish(issuer, powered(medium, crypto).transport, { mask: 'fleet', certificate: certificate.encoded })
  const channel = plain(powered(medium, crypto).transport)
  const status = parseChipStatus(await channel.send('CHIP STATUS'))
  assert.deepEqual([status.mode, isTestModule(status)], ['user', true])
  assert.equal(parseCertificate((await readData(channel, certificateIds.identity.tag))!).test, true)

  const world = await resourceWorld({ test: true })
  const { activation } = await activated(world)
  assert.ok(activation.length > 0)
  await loaded(await resourceWorld({ test: true }))
})

async function rootOf(mark: boolean): Promise<Certificate> {
  return initRoot(await party('manufacturer', crypto), { test: mark })
}

/** An authority's certificate with an operator's from it. */
async function authorityOf(mark: boolean) {
  const registry = await party('authority', crypto)
  const { encoded: authority } = await initAuthority(registry, { test: mark })
  const { document: request, fingerprint } = await operatorKey(await party('operator', crypto), { name: 'o' })
  const { encoded } = await certify(registry, { role: 'operator', request, fingerprint })
  return { authority, operators: [encoded] }
}

async function unlockedChip(mark: boolean) {
  const issuer = await party('issuer', crypto)
  const manufacturer = await party('manufacturer', crypto)
  const mounter = await party('mounter', crypto)
  const { file } = await mask(issuer, maskInput({ test: mark }))
  const factory = ramFactory(crypto)
  const { deliveryNote } = await produce(manufacturer, { mask: file, factory, names: ['a'] })
  const medium = factory.chips.get('a')!
  const power = async () => powered(medium, crypto).transport
  const mounted = await mount(mounter, { chip: 'a', power, serial, deliveryNote })
  assert.ok(mounted.outcome === 'mounted' && mounted.test === mark)
  await unlock(issuer, await power(), { mask: 'fleet' })
  return { issuer, manufacturer, medium }
}
