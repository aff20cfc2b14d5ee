import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AuthError, PeerError, StateError } from '@sealwright/core/errors'
import { fingerprint } from '@sealwright/core/personalization'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseCertificate } from '@sealwright/core/x509'
import { enrolledUnits, enrolUnit, session } from '@sealwright/roles/central'
import { certifyUnit, initRoot } from '@sealwright/roles/manufacturer'
import { memoryPorts, type PartyPorts } from '@sealwright/roles/ports'
import { pinRoot } from '@sealwright/roles/trust'
import { personalize, request } from '@sealwright/roles/unit'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import {
  customer,
  personalizationWorld,
  personalized,
  signed,
  transportOf,
  type World,
} from './personalization-world.ts'

const printOf = (certificate: Uint8Array) => fingerprint(parseCertificate(certificate).publicPoint, crypto)
const isRefused = (reason: string) => (error: unknown) =>
  error instanceof PeerError && error.code === 'certificate-refused' && error.details['reason'] === reason

async function anotherUnit(
  world: World,
  by: PartyPorts = world.manufacturer,
  of = customer,
): Promise<{ unit: PartyPorts; certificate: Uint8Array }> {
  const unit = await memoryPorts('unit', {
    clock: world.clock,
    entropy: scriptedEntropy(`other ${of[0]}`),
    crypto,
  })
  const asked = await request(unit, { name: 'other', customer: of })
  return { unit, certificate: (await certifyUnit(by, signed(asked))).encoded }
}

async function otherManufacturer(world: World): Promise<PartyPorts> {
  const ports = await memoryPorts('manufacturer', {
    clock: world.clock,
    entropy: scriptedEntropy('other root'),
    crypto,
  })
  await initRoot(ports)
  return ports
}

const open = (world: World) => session(world.central, transportOf(world), {}, async ({ unit }) => unit.point)

describe('the central system takes a key with what vouches for it', () => {
  test('[B24b] with the fingerprint that people told each other', async () => {
    const world = await personalizationWorld()
    await personalized(world)
    await assert.rejects(open(world), { code: 'unit-unknown' })
    const unit = await enrolUnit(world.central, {
      certificate: world.unitCertificate,
      fingerprint: printOf(world.unitCertificate),
    })
    assert.equal(unit.by, 'fingerprint')
    assert.deepEqual(await open(world), parseCertificate(world.unitCertificate).publicPoint)
  })

  test("[B24b] with the manufacturer's signature over key and customer, under the root that was pinned", async () => {
    const world = await personalizationWorld()
    await personalized(world)
    const input = { certificate: world.unitCertificate, customer }
    await assert.rejects(enrolUnit(world.central, input), { code: 'trust-missing' })
    await pinRoot(world.central, { certificate: world.order.root })
    assert.equal((await enrolUnit(world.central, input)).by, 'manufacturer')
    await open(world)
  })

  test('[B24c] another key is not accepted: slipped in on the way, made by nobody known, or of another customer', async () => {
    const world = await personalizationWorld()
    const told = printOf(world.unitCertificate)
    await pinRoot(world.central, { certificate: world.order.root })
    // Its own certificate of the same manufacturer, in the place of the right one.
    const other = await anotherUnit(world)
    await assert.rejects(enrolUnit(world.central, { certificate: other.certificate, fingerprint: told }), {
      code: 'fingerprint-differs',
    })
    const stranger = await anotherUnit(world, await otherManufacturer(world))
    await assert.rejects(
      enrolUnit(world.central, { certificate: stranger.certificate, customer }),
      isRefused('issuer-name'),
    )
    const foreign = await anotherUnit(
      world,
      world.manufacturer,
      customer.map((byte) => byte ^ 1),
    )
    await assert.rejects(
      enrolUnit(world.central, { certificate: foreign.certificate, customer }),
      isRefused('customer-differs'),
    )
    // Every byte of the certificate, changed on the way.
    for (let at = 0; at < world.unitCertificate.length; at += 3) {
      const certificate = world.unitCertificate.with(at, world.unitCertificate[at]! ^ 1)
      for (const by of [{ customer }, { fingerprint: told }]) {
        const taken = await enrolUnit(world.central, { certificate, ...by }).then(
          ({ point }) => point,
          () => undefined,
        )
        // What the fingerprint covers is the key; names around it prove nothing, and are for people to look at.
        if (taken !== undefined) {
          assert.ok('fingerprint' in by)
          assert.deepEqual(taken, parseCertificate(world.unitCertificate).publicPoint)
        }
      }
    }
    await assert.rejects(enrolUnit(world.central, { certificate: world.unitCertificate }), { code: 'usage' })
    await assert.rejects(
      enrolUnit(world.central, { certificate: world.unitCertificate, fingerprint: told, customer }),
      { code: 'usage' },
    )
    await assert.rejects(
      enrolUnit(world.central, { certificate: world.order.root, fingerprint: printOf(world.order.root) }),
      {
        code: 'usage',
      },
    )
  })

  test('[B24c] a module of a unit that was not enrolled gets no session, though its chain holds up to the manufacturer', async () => {
    const world = await personalizationWorld()
    const { unit, certificate } = await anotherUnit(world)
    await personalize(unit, transportOf(world), { ...world.order, unit: certificate })
    // Named, it is taken as long as no unit was enrolled.
    const named = { unit: { point: parseCertificate(certificate).publicPoint } }
    await session(world.central, transportOf(world), named, async () => {})
    await enrolUnit(world.central, {
      certificate: world.unitCertificate,
      fingerprint: printOf(world.unitCertificate),
    })
    await assert.rejects(
      session(world.central, transportOf(world), named, async () => {}),
      { code: 'unit-unknown' },
    )
    await assert.rejects(open(world), isRefused('key-identifier'))
    await enrolUnit(world.central, { certificate, fingerprint: printOf(certificate) })
    assert.deepEqual(await open(world), named.unit.point)
    assert.deepEqual((await enrolledUnits(world.central)).length, 2)
    assert.equal(world.fixture.module.parts.channels.current, undefined)
  })

  test('[B24c] a fingerprint that differs in one bit, and one that was told for another session', async () => {
    const world = await personalizationWorld()
    await personalized(world)
    const told = printOf(world.unitCertificate)
    for (let bit = 0; bit < 256; bit += 7) {
      const other = told.with(bit >> 3, told[bit >> 3]! ^ (1 << (bit & 7)))
      await assert.rejects(
        enrolUnit(world.central, { certificate: world.unitCertificate, fingerprint: other }),
        (error) => error instanceof PeerError && error.code === 'fingerprint-differs',
      )
    }
    assert.deepEqual(await enrolledUnits(world.central), [])
    await assert.rejects(open(world), (error) => error instanceof StateError && !(error instanceof AuthError))
  })
})
