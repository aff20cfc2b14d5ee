import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeHex } from '@sealwright/core/bytes'
import { certificateIds, certifications, dataTags, keyPlaces, productDataIds } from '@sealwright/core/catalog'
import { withHandle } from '@sealwright/core/crypto'
import { RefusedError } from '@sealwright/core/errors'
import {
  bareCertificateInput,
  type CompleteRequest,
  type PolicyName,
  parseBareCertificate,
  policyBits,
  serializeBareCertificate,
  serializePolicy,
} from '@sealwright/core/personalization'
import { parseCertificate } from '@sealwright/core/x509'
import { insecureCertifyUnit, payment, session } from '@sealwright/roles/central'
import { plain } from '@sealwright/roles/channel'
import { readData } from '@sealwright/roles/custody'
import { requestPayment } from '@sealwright/roles/terminal'
import { type PersonalizeInput, personalize, request } from '@sealwright/roles/unit'
import {
  begin,
  beginRequest,
  certificatesFor,
  complete,
  customer,
  fixtureTime,
  forge,
  memoryOf,
  personalizationChannel,
  personalizationWorld,
  signed,
  speak,
  transportOf,
  type World,
} from './personalization-world.ts'

// Variants that a product may allow; without a policy the chain from the manufacturer's key is all there is.

function worldWith(...policy: PolicyName[]): Promise<World> {
  return personalizationWorld({
    prepare: ({ tx, objects }) => {
      if (policy.length > 0) objects.put(tx, 'product-data', productDataIds.policy, serializePolicy(policy))
    },
  })
}

function run(world: World, more: Partial<PersonalizeInput>) {
  return personalize(world.unit, transportOf(world), { ...world.order, ...more })
}

const refusedByModule = (error: unknown) => error instanceof RefusedError && error.statusWord === 0x6a80

async function trustOf(world: World): Promise<number> {
  return (await readData(plain(transportOf(world)), dataTags.certification))![0]!
}

/** Whether the module refuses these in COMPLETE, and stays as it is. */
async function refuses(world: World, made: (point: Uint8Array) => CompleteRequest): Promise<void> {
  world.fixture.module.reset()
  const channel = await personalizationChannel(world)
  const { point } = await begin(channel)
  const before = memoryOf(world.fixture.medium)
  assert.equal(await complete(channel, made(point)), 0x6a80)
  assert.deepEqual(memoryOf(world.fixture.medium), before)
  assert.equal(world.fixture.module.parts.life.state(), 'awaiting-personalization')
}

describe('a bare signature', () => {
  test('[B7d] it is stored without the key, and the central system checks it with the key that the module shows', async () => {
    const world = await worldWith('bare-signature')
    const done = await run(world, { bareSignature: true })
    const stored = (await speak(world.fixture.module, 'GET DATA', undefined, 0xdf, 0x22)).data
    assert.equal(stored.length, 137)
    assert.ok(!encodeHex(stored).includes(encodeHex(done.operating.publicPoint.subarray(1, 33))))
    const number = await requestPayment(transportOf(world), { account: 'DE02', amount: 1, currency: 'EUR' })
    const { publicPoint, customer: theirs } = parseCertificate(world.unitCertificate)
    const decided = await session(
      world.central,
      transportOf(world),
      { unit: { point: publicPoint, customer: theirs! } },
      (open) => payment(open, () => true),
    )
    assert.deepEqual(decided.number, number)
    assert.equal(await trustOf(world), certifications.chain.code)
  })

  test('[B7d] a product that does not allow it refuses it', async () => {
    await assert.rejects(run(await worldWith(), { bareSignature: true }), refusedByModule)
    const others = (Object.keys(policyBits) as PolicyName[]).filter((name) => name !== 'bare-signature')
    await assert.rejects(run(await worldWith(...others), { bareSignature: true }), refusedByModule)
  })

  test('[B7d] one for another key, nonce, customer, central system, time or by another key is refused', async () => {
    const world = await worldWith('bare-signature')
    const { crypto } = world
    const { unit, central, manufacturer } = forge(crypto)
    const statement = {
      notBefore: fixtureTime,
      notAfter: fixtureTime + 1,
      binding: { nonce: beginRequest.nonce, customer, centralKeyHash: crypto.sha256(central.publicPoint) },
    }
    const bare = (point: Uint8Array, bent: object = {}, binding: object = {}, signer = unit, of = point) => {
      const said = { ...statement, ...bent, binding: { ...statement.binding, ...binding } }
      const signature = signer.sign(...bareCertificateInput(world.fixture.serial, of, said))
      return { ...certificatesFor(world, point), operating: serializeBareCertificate({ ...said, signature }) }
    }
    const zeros = new Uint8Array(16)
    await refuses(world, (point) => bare(point, { notBefore: fixtureTime + 1 }))
    await refuses(world, (point) => bare(point, { notBefore: 0, notAfter: fixtureTime - 1 }))
    await refuses(world, (point) => bare(point, {}, { nonce: zeros }))
    await refuses(world, (point) => bare(point, {}, { customer: zeros }))
    await refuses(world, (point) => bare(point, {}, { centralKeyHash: crypto.sha256() }))
    await refuses(world, (point) => bare(point, {}, {}, manufacturer))
    await refuses(world, (point) => bare(point, {}, {}, unit, central.publicPoint))
    for (let at = 0; at < 137; at += 4) {
      await refuses(world, (point) => {
        const right = bare(point)
        const operating = right.operating.slice()
        operating[at]! ^= 1
        return { ...right, operating }
      })
    }
    world.fixture.module.reset()
    const channel = await personalizationChannel(world)
    const { point } = await begin(channel)
    assert.equal(await complete(channel, bare(point)), 0x9000)
  })

  test('[B13b] the central system refuses a signature of another unit, of another time, or for another key', async () => {
    const world = await worldWith('bare-signature')
    await run(world, { bareSignature: true })
    const { publicPoint } = parseCertificate(world.unitCertificate)
    const other = forge(world.crypto).unit.publicPoint
    const never = async () => assert.fail()
    const refused = (reason: string) => ({
      code: 'certificate-refused',
      details: { certificate: "module's operating certificate", reason },
    })
    await assert.rejects(
      session(world.central, transportOf(world), { unit: { point: other } }, never),
      refused('signature'),
    )
    const theirs = { point: publicPoint, customer: new Uint8Array(16) }
    await assert.rejects(
      session(world.central, transportOf(world), { unit: theirs }, never),
      refused('customer-differs'),
    )
    world.clock.advance(3651 * 86_400)
    const unit = { point: publicPoint }
    await assert.rejects(session(world.central, transportOf(world), { unit }, never), refused('expired'))
  })
})

describe('circular certification', () => {
  const circular = async (world: World): Promise<Partial<PersonalizeInput>> => {
    const asked = await request(world.unit, { name: 'unit', customer })
    const { encoded } = await insecureCertifyUnit(world.central, {
      name: 'central system',
      ...signed(asked),
    })
    return { unit: encoded, insecureCircular: true }
  }

  test('[B8g] where the policy allows it the module takes it, and says plausible only', async () => {
    const world = await worldWith('circular-certification')
    assert.equal(await trustOf(world), certifications.none.code)
    await run(world, await circular(world))
    assert.equal(await trustOf(world), certifications['plausible only'].code)
  })

  test('[B8g] the chain is chain under such a policy too', async () => {
    const world = await worldWith('circular-certification')
    await run(world, {})
    assert.equal(await trustOf(world), certifications.chain.code)
  })

  test('[B8g] a product that does not allow it refuses it, and so does the unit that was not told to', async () => {
    const strict = await worldWith()
    await assert.rejects(run(strict, await circular(strict)), refusedByModule)
    const others = (Object.keys(policyBits) as PolicyName[]).filter(
      (name) => name !== 'circular-certification',
    )
    const world = await worldWith(...others)
    await assert.rejects(run(world, await circular(world)), refusedByModule)
    const { unit } = await circular(world)
    await assert.rejects(run(world, { unit: unit! }), {
      code: 'certificate-refused',
      details: { certificate: "unit's certificate", reason: 'issuer-name' },
    })
  })

  test('[B8h] keys that somebody made up pass circular certification and fail the chain', async () => {
    const invented = (world: World) => (point: Uint8Array) => {
      const keys = forge(world.crypto, 'an impostor')
      const issuer = {
        subject: { commonName: 'forged central' },
        publicPoint: keys.central.publicPoint,
        test: false,
      }
      return certificatesFor(world, point, {
        keys: { ...keys, manufacturer: keys.central },
        unit: { issuer },
      })
    }
    await worldWith().then((world) => refuses(world, invented(world)))
    const world = await worldWith('circular-certification')
    const channel = await personalizationChannel(world)
    const { point } = await begin(channel)
    assert.equal(await complete(channel, invented(world)(point)), 0x9000)
    world.fixture.module.reset()
    assert.equal(await trustOf(world), certifications['plausible only'].code)
  })

  test('[B8g] a unit certified by a third key is refused, circular or not', async () => {
    const world = await worldWith('circular-certification')
    const third = forge(world.crypto, 'a third')
    await refuses(world, (point) =>
      certificatesFor(world, point, { keys: { manufacturer: third.manufacturer } }),
    )
  })
})

describe("the central system's key without a certificate", () => {
  test('[B8i] where the policy allows it the key over the channel is taken; the unit has signed its hash', async () => {
    const world = await worldWith('central-key-bare')
    await run(world, { insecureCentralKeyBare: true })
    assert.equal(await readData(plain(transportOf(world)), certificateIds.central.tag), undefined)
    const { publicPoint } = parseCertificate(world.unitCertificate)
    await requestPayment(transportOf(world), { account: 'DE02', amount: 1, currency: 'EUR' })
    const decided = await session(
      world.central,
      transportOf(world),
      { unit: { point: publicPoint } },
      (open) => payment(open, () => true),
    )
    assert.equal(decided.paid, true)
  })

  test('[B8i] a certificate of another central system does not stay beside the bare key', async () => {
    const stale = new Uint8Array(40).fill(0x5a)
    const world = await personalizationWorld({
      prepare: ({ tx, objects }) => {
        objects.put(tx, 'product-data', productDataIds.policy, serializePolicy(['central-key-bare']))
        objects.put(tx, 'certificate', certificateIds.central.id, stale)
      },
    })
    const read = () => readData(plain(transportOf(world)), certificateIds.central.tag)
    assert.deepEqual(await read(), stale)
    await run(world, { insecureCentralKeyBare: true })
    assert.equal(await read(), undefined)
  })

  test('[B8i] where the policy does not allow it, it is refused', async () => {
    await assert.rejects(run(await worldWith(), { insecureCentralKeyBare: true }), refusedByModule)
    const others = (Object.keys(policyBits) as PolicyName[]).filter((name) => name !== 'central-key-bare')
    await assert.rejects(run(await worldWith(...others), { insecureCentralKeyBare: true }), refusedByModule)
  })

  test('[B8i] another key than the one whose hash the unit signed is refused, and so is no point', async () => {
    const world = await worldWith('central-key-bare')
    const { publicPoint } = forge(world.crypto, 'an impostor').central
    await refuses(world, (point) => ({ ...certificatesFor(world, point), central: publicPoint }))
    const off = forge(world.crypto).central.publicPoint.slice()
    off[64]! ^= 1
    const centralKeyHash = world.crypto.sha256(off)
    await refuses(world, (point) => ({
      ...certificatesFor(world, point, { binding: { centralKeyHash } }),
      central: off,
    }))
  })
})

describe('the pair of the manufacture', () => {
  const entropy = (n: number) => Uint8Array.from({ length: 48 }, (_, i) => (i * 7 + n) & 0xff)
  const worldWithPair = () =>
    personalizationWorld({
      prepare: ({ tx, objects, keys }) => {
        objects.put(tx, 'product-data', productDataIds.policy, serializePolicy(['pair-at-manufacture']))
        keys.makePair(tx, keyPlaces.manufactured, entropy(1))
      },
    })

  test('[B6e] the pair that was made in customization is the one that is certified, whatever the salt', async () => {
    const world = await worldWithPair()
    const made = world.fixture.module.parts.keys.point(keyPlaces.manufactured)
    const channel = await personalizationChannel(world)
    const salt = new Uint8Array(16).fill(9)
    assert.deepEqual((await begin(channel)).point, made)
    assert.deepEqual((await begin(channel, { ...beginRequest, salt })).point, made)
    const done = await run(world, {})
    assert.deepEqual(done.operating.publicPoint, made)
    const { keys } = world.fixture.module.parts
    assert.equal(keys.has(keyPlaces.manufactured), false)
    assert.ok(
      withHandle(world.crypto.ecPublicKey(made), (key) =>
        key.verify(keys.sign(keyPlaces.operating, salt), salt),
      ),
    )
  })

  test('[B6e] a product without that policy makes its pair at personalization', async () => {
    const world = await worldWith()
    assert.equal(world.fixture.module.parts.keys.has(keyPlaces.manufactured), false)
    await begin(await personalizationChannel(world))
    assert.equal(world.fixture.module.parts.keys.has(keyPlaces.pending), true)
  })
})

test('a policy with a bit that nobody knows allows nothing at all', async () => {
  const world = await personalizationWorld({
    prepare: ({ tx, objects }) => objects.put(tx, 'product-data', productDataIds.policy, Uint8Array.of(0x12)),
  })
  await refuses(world, (point) => certificatesFor(world, point))
})

test('a bare certificate reads back as it was written', async () => {
  const bare = {
    notBefore: 1,
    notAfter: 2,
    binding: { nonce: new Uint8Array(16).fill(1), customer, centralKeyHash: new Uint8Array(32).fill(2) },
    signature: new Uint8Array(64).fill(3),
  }
  assert.deepEqual(parseBareCertificate(serializeBareCertificate(bare)), bare)
})
