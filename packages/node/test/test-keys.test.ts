import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, decodeHex, encodeHex, u16 } from '@sealwright/core/bytes'
import { type CommandName, commands } from '@sealwright/core/catalog'
import { privateScalar } from '@sealwright/core/crypto'
import {
  identityRequestInput,
  serializeIdentityRequest,
  serializeModulePapers,
} from '@sealwright/core/customization'
import { serializeSetData, serializeTransportKeyData } from '@sealwright/core/key-download'
import {
  type CertificateRequest,
  fingerprint,
  prepareCertificateRequest,
} from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { prepareManifest, sealPackageKey } from '@sealwright/core/resources'
import { scriptedEntropy } from '@sealwright/core/testing'
import { type Certificate, issueCertificate, parseCertificate } from '@sealwright/core/x509'
import { authorityKey, certify, initAuthority } from '@sealwright/roles/authority'
import { keepPapers } from '@sealwright/roles/custody'
import { type CustomizeInput, customize, mask, products, unlock } from '@sealwright/roles/issuer'
import { installTransportKey, makeSet } from '@sealwright/roles/loader'
import { certifyModule, certifyUnit, initRoot, produce, rootKey } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import type { PartyPorts } from '@sealwright/roles/ports'
import { supplierKey } from '@sealwright/roles/supplier'
import { personalize } from '@sealwright/roles/unit'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import { maskInput, party, powered, programs, ramFactory } from './factory-bench.ts'
import {
  type Bench,
  documentChannel,
  documentKey,
  fuel,
  importKey,
  keyAt,
  loader,
  memoryOf,
  prepare,
  sealed,
  serial,
  unit,
  wrap,
} from './key-download-bench.ts'
import {
  begin,
  certificatesFor,
  complete,
  customer,
  fixtureKey,
  memoryOf as pagesOf,
  personalizationChannel,
  personalizationWorld,
  transportOf,
} from './personalization-world.ts'
import {
  activated,
  document,
  operate,
  refused,
  resourceWorld,
  supplierChannel,
  unchanged,
} from './resources-world.ts'

const entropy = scriptedEntropy('keys that nobody knows')
const T = entropy.bytes(16)
const KS = entropy.bytes(16)
const fresh = entropy.bytes(16)
const known = decodeHex('404142434445464748494A4B4C4D4E4F')
/** Of RFC 6979, appendix A.2.5. */
const knownPair = crypto.ecPrivateKey(
  decodeHex('C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721'),
)

test('[X9a] PUT TRANSPORT KEY refuses a known T, KS1 or authority key: 6A80, nothing changed; a test module takes them', async () => {
  const ed25519 = crypto.ed25519PublicKey(
    decodeHex('9D61B19DEFFD5A60BA844AF492EC2CC44449C5697B326919703BAC031CAE7F60'),
  )
  const data = (own: Uint8Array, suite: number, transport: Uint8Array, signature: Uint8Array) =>
    serializeTransportKeyData({
      ...{ profile: 'shared', suite, transport: wrap(own, transport) },
      signature: suite === 0xa101 ? { wrapped: wrap(own, signature) } : { publicKey: signature },
    })
  const cases: [what: string, suite: number, transport: Uint8Array, signature: Uint8Array][] = [
    ['T', 0xa101, known, fresh],
    ['KS1', 0xa101, fresh, known],
    ['Ed25519 key of the authority', 0xa102, fresh, ed25519],
    ['P-256 key of the authority', 0xa103, fresh, knownPair.publicPoint],
  ]
  for (const [what, suite, transport, signature] of cases) {
    const real = unit({ test: false, T, KS })
    const before = memoryOf(real)
    const bytes = data(real.serial, suite, transport, signature)
    assert.equal(await inChannel(real, 'PUT TRANSPORT KEY', bytes), '6a80', what)
    assert.deepEqual(memoryOf(real), before, what)
    assert.equal(
      await inChannel(real, 'PUT TRANSPORT KEY', data(real.serial, 0xa101, fresh, KS)),
      '9000',
      what,
    )
    const marked = unit({ T, KS })
    assert.equal(await inChannel(marked, 'PUT TRANSPORT KEY', bytes), '9000', what)
  }
})

test('[X9a] MAKE SET refuses a known T or KS: 6A80, nothing changed; a test module takes them', async () => {
  const data = ({ serial }: Bench, transport: Uint8Array, signature: Uint8Array) =>
    serializeSetData({
      ...{ set: 2, profile: 'shared', suite: 0xa101 },
      ...{ transport: wrap(serial, transport), signature: wrap(serial, signature) },
    })
  const real = loader({ test: false, T, KS, keys: [] })
  for (const [transport, signature] of [
    [known, fresh],
    [fresh, known],
  ] as const) {
    const before = memoryOf(real)
    assert.equal(await inChannel(real, 'MAKE SET', data(real, transport, signature)), '6a80')
    assert.deepEqual(memoryOf(real), before)
    const marked = loader({ T, KS, keys: [] })
    assert.equal(await inChannel(marked, 'MAKE SET', data(marked, transport, signature)), '9000')
  }
  assert.equal(await inChannel(real, 'MAKE SET', data(real, fresh, KS)), '9000')
})

test('[X9a] IMPORT KEY refuses a known application key like every wrong content: 6A80, R is used up, the old key stays', async () => {
  const real = unit({ test: false, T, KS })
  const good = sealed(await prepare(real), { T, KS, key: fresh })
  assert.equal((await importKey(real, good)).sw, 0x9000)
  const check = await keyAt(real, fuel.place)
  const message = sealed(await prepare(real), { T, KS, key: known, counter: 2, attributes: { version: 2 } })
  assert.equal((await importKey(real, message)).sw, 0x6a80)
  assert.equal((await importKey(real, message)).sw, 0x6985)
  assert.deepEqual(await keyAt(real, fuel.place), check)
  const marked = unit({ T, KS })
  assert.equal((await importKey(marked, sealed(await prepare(marked), { T, KS, key: known }))).sw, 0x9000)
})

test('[X9a] COMPLETE refuses a known key of the unit or the central system: 6A80, nothing changed', async () => {
  for (const party of ['unit', 'central'] as const) {
    const world = await personalizationWorld()
    const channel = await personalizationChannel(world)
    const { point } = await begin(channel)
    const before = pagesOf(world.fixture.medium)
    assert.equal(
      await complete(channel, certificatesFor(world, point, { keys: { [party]: knownPair } })),
      0x6a80,
    )
    assert.deepEqual(pagesOf(world.fixture.medium), before)
    assert.equal(await complete(channel, certificatesFor(world, point)), 0x9000)

    const marked = await personalizationWorld({ test: true })
    const other = await personalizationChannel(marked)
    const made = await begin(other)
    const request = certificatesFor(marked, made.point, { keys: { [party]: knownPair } })
    assert.equal(await complete(other, request), 0x9000, party)
  }
})

test('[X9a] a reservation for a known key of a supplier, and a known package key, are refused: 6A80, nothing changed', async () => {
  const reservation = { type: 'reservation', supplier: knownPair.publicPoint } as const
  const world = await resourceWorld()
  await refused(world, 0x6a80, await document(world, reservation))
  const marked = await resourceWorld({ test: true })
  assert.equal((await operate(marked, await document(marked, reservation))).sw, 0x9000)

  await activated(world)
  const channel = await supplierChannel(world)
  const manifest = async (key: Uint8Array) => {
    const unsigned = prepareManifest(
      {
        ...{ module: world.fixture.serial, resource: 1, package: entropy.bytes(16), version: 1 },
        ...{ program: 64, data: { size: 0, load: false }, blockSize: 64, root: entropy.bytes(32) },
      },
      await world.supplier.vault.publicPoint(supplierKey),
      crypto,
    )
    const bytes = unsigned.finish(await world.supplier.vault.sign(supplierKey, unsigned.toBeSigned))
    const sealedKey = sealPackageKey(crypto, {
      ...{ key, manifestDigest: crypto.sha256(bytes) },
      modulePoint: world.fixture.personalization!.operating.publicPoint,
      ephemeralScalar: privateScalar(crypto, entropy.bytes(48)),
    })
    return channel.exchange('LOAD MANIFEST', { data: concat(u16(bytes.length), bytes, sealedKey) })
  }
  assert.equal((await unchanged(world, () => manifest(known))).sw, 0x6a80)
  assert.equal((await manifest(fresh)).sw, 0x9000)
})

const refusal = { name: 'UsageError', code: 'test-key', message: /is a known test key, which everybody has/ }

test('[X9a] the custodian’s tools refuse a known T or KS before they send it', async () => {
  for (const name of ['transport', 'signature']) {
    const card = loader({ test: false, T, KS, keys: [] })
    const ei = unit({ test: false, bare: true })
    const custodian = await party('loader', crypto)
    for (const { serial: own } of [card, ei]) {
      await keepPapers(
        custodian,
        serializeModulePapers({ version: 1, serial: own, product: 'unit', documentKey }),
      )
    }
    await custodian.vault.importSecret(`sets/2/1/${name}`, known)
    const sent: string[] = []
    const listening = ({ transport }: Bench): Transport => ({
      ...transport,
      transmit: (bytes) => {
        sent.push(encodeHex(bytes.subarray(1, 2)))
        return transport.transmit(bytes)
      },
    })
    await assert.rejects(makeSet(custodian, listening(card), { set: 2 }), refusal)
    assert.ok(sent.length > 0 && !sent.includes(encodeHex(Uint8Array.of(commands['MAKE SET'].ins))))

    const marked = loader({ T, KS, keys: [] })
    await makeSet(custodian, marked.transport, { set: 2 })
    // What a test loader holds is still not for a real module.
    await assert.rejects(installTransportKey(custodian, ei.transport, { set: 2 }), refusal)
  }
})

test('[X9a] issuer, manufacturer, authority and unit refuse a known key that another party hands them', async () => {
  const manufacturer = await party('manufacturer', crypto)
  await initRoot(manufacturer)
  const asUnit = asked({ role: 'unit', name: 'unit', customer })
  await assert.rejects(certifyUnit(manufacturer, asUnit), refusal)
  const testManufacturer = await party('manufacturer', crypto)
  await initRoot(testManufacturer, { test: true })
  assert.ok((await certifyUnit(testManufacturer, asUnit)).test)

  const registry = await party('authority', crypto)
  await initAuthority(registry)
  for (const role of ['operator', 'supplier'] as const) {
    await assert.rejects(certify(registry, { role, ...asked({ role, name: role }) }), refusal)
  }

  const identity = { version: 1, serial, point: knownPair.publicPoint, test: false } as const
  const signature = knownPair.sign(identityRequestInput(serial, identity.point, false))
  const request = serializeIdentityRequest({ ...identity, signature })
  await assert.rejects(certifyModule(manufacturer, { request }), refusal)

  await assert.rejects(initRoot(withPair(await party('manufacturer', crypto), rootKey)), refusal)
  await assert.rejects(initAuthority(withPair(await party('authority', crypto), authorityKey)), refusal)
  const issuer = withPair(await party('issuer', crypto), 'client')
  await assert.rejects(mask(issuer, maskInput()), refusal)

  const world = await personalizationWorld()
  const central = asked({ role: 'central-system', name: 'central system' })
  const before = pagesOf(world.fixture.medium)
  const bad = { ...world.order, central: central.request, centralFingerprint: central.fingerprint }
  await assert.rejects(personalize(world.unit, transportOf(world), bad), refusal)
  assert.deepEqual(pagesOf(world.fixture.medium), before)
})

test('[X9a] customize refuses known keys of manufacturer, authority, operators and KS1 before the first WRITE', async () => {
  const { issuer, medium, input } = await unlockedChip(false)
  const root = parseCertificate(input.manufacturerRoot)
  const knownRoot = issueCertificate(
    { role: 'manufacturer-root', issuer: 'self', publicPoint: knownPair.publicPoint, ...rest(root) },
    (tbs) => knownPair.sign(tbs),
    crypto,
  )
  const cases: Partial<CustomizeInput>[] = [
    { manufacturerRoot: knownRoot },
    { authority: knownPair.publicPoint },
    { operators: [fixtureKey(crypto, 'operator').publicPoint, knownPair.publicPoint] },
    { signatureKey: known },
  ]
  for (const change of cases) {
    const before = medium.snapshot().pages
    const { transport } = powered(medium, crypto)
    await assert.rejects(
      customize(issuer, transport, { ...input, ...change }),
      refusal,
      Object.keys(change)[0],
    )
    assert.deepEqual(medium.snapshot().pages, before)
  }
  await customize(issuer, powered(medium, crypto).transport, input)

  const marked = await unlockedChip(true)
  const all = { authority: knownPair.publicPoint, testAuthority: true, operators: [knownPair.publicPoint] }
  const taken = { ...marked.input, ...all, signatureKey: known }
  await customize(marked.issuer, powered(marked.medium, crypto).transport, taken)
})

/** A chip of an issuer's own mask, unlocked, and what `customize` is given for it. */
async function unlockedChip(test: boolean) {
  const [issuer, manufacturer, mounter] = await Promise.all(
    (['issuer', 'manufacturer', 'mounter'] as const).map((name) => party(name, crypto)),
  )
  const { file } = await mask(issuer!, maskInput({ test }))
  const factory = ramFactory(crypto)
  const { deliveryNote } = await produce(manufacturer!, { mask: file, factory, names: ['a'] })
  const medium = factory.chips.get('a')!
  const power = async () => powered(medium, crypto).transport
  await mount(mounter!, { chip: 'a', power, serial, deliveryNote })
  await unlock(issuer!, await power(), { mask: 'fleet' })
  const { encoded: manufacturerRoot } = await initRoot(manufacturer!, { test })
  const input = { mask: 'fleet', product: products.cash, programs, manufacturerRoot }
  return { issuer: issuer!, medium, input }
}

function rest({ serialNumber, subject, notBefore, notAfter }: Certificate) {
  return { serialNumber, subject, notBefore, notAfter }
}

/** A request signed with the known key, and its fingerprint as its owner tells it. */
function asked(input: Omit<CertificateRequest, 'point'>) {
  const unsigned = prepareCertificateRequest({ ...input, point: knownPair.publicPoint }, crypto)
  const request = unsigned.finish(knownPair.sign(unsigned.toBeSigned))
  return { request, fingerprint: fingerprint(knownPair.publicPoint, crypto) }
}

/** The party with the known key under that name in its vault. */
function withPair(ports: PartyPorts, name: string): PartyPorts {
  const { vault } = ports
  return {
    ...ports,
    vault: {
      ...vault,
      has: async (one) => one === name || vault.has(one),
      publicPoint: async (one) => (one === name ? knownPair.publicPoint : vault.publicPoint(one)),
    },
  }
}

/** The command in the document channel; the status word in hex. */
async function inChannel(to: Bench, name: CommandName, data: Uint8Array): Promise<string> {
  const channel = await documentChannel(to)
  const { sw } = await channel.exchange(name, { data })
  channel.close()
  await to.send('SELECT', new Uint8Array(0), 4)
  return sw.toString(16)
}
