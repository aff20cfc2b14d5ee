import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { command, exchange, type Response } from '@sealwright/core/apdu'
import { decodeHex } from '@sealwright/core/bytes'
import { channelKeys, commands, productDataIds } from '@sealwright/core/catalog'
import type { Crypto, Transport } from '@sealwright/core/ports'
import {
  callBudget,
  defaultAgreement,
  type OperatorDocument,
  prepareOperatorDocument,
  type Reservation,
} from '@sealwright/core/resources'
import { type FixedClock, fixedClock, scriptedEntropy } from '@sealwright/core/testing'
import type { Module } from '@sealwright/module'
import { customizedModule, type Fixture, type FixtureOptions, fixtureTime } from '@sealwright/module/testing'
import * as authority from '@sealwright/roles/authority'
import { type Channel, openScp11a } from '@sealwright/roles/channel'
import * as operator from '@sealwright/roles/operator'
import { memoryPorts, type PartyName, type PartyPorts } from '@sealwright/roles/ports'
import * as supplier from '@sealwright/roles/supplier'
import { pinRoot } from '@sealwright/roles/trust'
import { nodeCrypto } from '../src/crypto/index.ts'
import { inProcess } from '../src/transport/index.ts'

export const bankAid = decodeHex('F053570101')

/** A committed program, e.g. `bank` or `elsewhere/median`. */
export function program(name: string): Uint8Array {
  const file = name.includes('/') ? `${name}.wasm` : `${name}/${name}.wasm`
  return new Uint8Array(readFileSync(new URL(`../../../programs/${file}`, import.meta.url)))
}

/** An operating module and the parties of the third stretch, each with store and vault of its own, certified by one authority. */
export interface ResourceWorld {
  readonly crypto: Crypto
  readonly clock: FixedClock
  readonly fixture: Fixture
  readonly transport: Transport
  readonly authority: PartyPorts
  readonly operator: PartyPorts
  /** A second operator, whose key lies in the module too. */
  readonly second: PartyPorts
  /** An operator whose key does not. */
  readonly stranger: PartyPorts
  readonly supplier: PartyPorts
  readonly rival: PartyPorts
}

export async function resourceWorld(options: Partial<FixtureOptions> = {}): Promise<ResourceWorld> {
  const crypto = options.crypto ?? nodeCrypto
  const clock = fixedClock(fixtureTime)
  const ports = (party: PartyName, name: string): Promise<PartyPorts> =>
    memoryPorts(party, { clock, entropy: scriptedEntropy(name), crypto })
  const parties = {
    authority: await ports('authority', 'authority'),
    operator: await ports('operator', 'operator'),
    second: await ports('operator', 'second operator'),
    stranger: await ports('operator', 'stranger'),
    supplier: await ports('supplier', 'supplier'),
    rival: await ports('supplier', 'rival'),
  }
  const { test = false } = options
  const root = await authority.initAuthority(parties.authority, { test })
  const points: Uint8Array[] = []
  for (const [role, party, verbs] of [
    ['operator', parties.operator, operator],
    ['operator', parties.second, operator],
    ['operator', parties.stranger, operator],
    ['supplier', parties.supplier, supplier],
    ['supplier', parties.rival, supplier],
  ] as const) {
    const made = await verbs.key(party, { name: role })
    const { document: request, fingerprint } = made
    const certificate = await authority.certify(parties.authority, { role, request, fingerprint })
    await pinRoot(party, { certificate: root.encoded, insecureTestRoot: test })
    await verbs.certificate(party, { certificate: certificate.encoded })
    points.push(made.point)
  }
  const fixture = customizedModule({
    ...options,
    crypto,
    operating: true,
    operators: options.operators ?? points.slice(0, 2),
  })
  for (const party of Object.values(parties)) {
    await pinRoot(party, {
      certificate: fixture.manufacturer.certificate.encoded,
      insecureTestRoot: test,
    })
  }
  return { crypto, clock, fixture, transport: inProcess(fixture.module), ...parties }
}

/** The world with another power-up of its module. */
export function repowered(world: ResourceWorld, module: Module = world.fixture.power()): ResourceWorld {
  return { ...world, transport: inProcess(module) }
}

/** The bank's request. */
export const bankRequest = {
  name: 'bank',
  aid: bankAid,
  size: 24 * 1024,
  interfaces: ['io', 'data', 'random', 'sign', 'clock'],
} as const satisfies supplier.RequestInput

export async function reserved(world: ResourceWorld, input: Partial<operator.ReserveInput> = {}) {
  const { document } = await supplier.request(world.supplier, bankRequest)
  return operator.reserve(world.operator, world.transport, { request: document, ...input })
}

export async function activated(world: ResourceWorld, input: Partial<operator.ReserveInput> = {}) {
  const { resource } = await reserved(world, input)
  return operator.activate(world.operator, world.transport, { resource: resource.id })
}

export async function loaded(world: ResourceWorld, name = 'bank', dataSize = 96) {
  const { activation } = await activated(world)
  const done = await supplier.load(world.supplier, world.transport, {
    activation,
    program: program(name),
    data: { size: dataSize },
  })
  return { ...done, activation }
}

/** Operator documents as a test wants them: everything that is not given is right. */
export type Draft = { readonly type: OperatorDocument['type'] } & Partial<Omit<Reservation, 'type'>>

/** A document signed by an operator of the world. */
export async function document(
  world: ResourceWorld,
  draft: Draft,
  signer = world.operator,
): Promise<Uint8Array> {
  const { crypto, fixture } = world
  const header = { module: fixture.serial, number: 1, time: fixtureTime, resource: 1 }
  const reservation = {
    aid: bankAid,
    supplier: await world.supplier.vault.publicPoint(supplier.supplierKey),
    size: 8192,
    interfaces: ['io', 'data'] as const,
    places: [],
    budget: callBudget.usual,
    agreement: defaultAgreement,
  }
  const full = {
    ...header,
    ...(draft.type === 'reservation' ? reservation : {}),
    ...draft,
  } as OperatorDocument
  const name = signer.party === 'supplier' ? supplier.supplierKey : operator.operatorKey
  const unsigned = prepareOperatorDocument(full, await signer.vault.publicPoint(name), crypto)
  return unsigned.finish(await signer.vault.sign(name, unsigned.toBeSigned))
}

/** OPERATE as it is. */
export function operate(world: ResourceWorld, data: Uint8Array): Promise<Response> {
  const { ins } = commands.OPERATE
  return exchange(world.transport, command({ cla: 0x80, ins, p1: 0, p2: 0, data, le: 0x100 }))
}

/** Has an operator's document carried out; anything but 9000 fails the test. Returns the receipt. */
export async function done(world: ResourceWorld, draft: Draft, signer?: PartyPorts): Promise<Uint8Array> {
  const answer = await operate(world, await document(world, draft, signer))
  assert.equal(answer.sw.toString(16), '9000')
  return answer.data
}

/** Does something after which the module's whole memory must be what it was. */
export async function unchanged<T>(world: ResourceWorld, work: () => Promise<T>): Promise<T> {
  const { medium } = world.fixture
  const before = medium.snapshot().pages
  const result = await work()
  assert.deepEqual(medium.snapshot().pages, before)
  return result
}

/** A document that must be refused with this status word, nothing changed. */
export async function refused(world: ResourceWorld, sw: number, bytes: Uint8Array): Promise<void> {
  const answer = await unchanged(world, () => operate(world, bytes))
  assert.equal(answer.sw.toString(16), sw.toString(16))
}

/** The channel with a resource, as whoever holds a supplier's key opens it. */
export function supplierChannel(
  world: ResourceWorld,
  resource = 1,
  holder = world.supplier,
): Promise<Channel> {
  const { crypto, fixture, transport } = world
  return openScp11a(transport, {
    crypto,
    entropy: holder.entropy,
    vault: holder.vault,
    keyName: supplier.supplierKey,
    modulePoint: fixture.personalization!.operating.publicPoint,
    keyId: channelKeys.supplier,
    keyVersion: resource,
    serial: fixture.serial,
    issuer: fixture.module.parts.objects.read('product-data', productDataIds.issuer)!,
  })
}
