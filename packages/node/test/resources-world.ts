import { readFileSync } from 'node:fs'
import { decodeHex } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import type { Crypto, Transport } from '@sealwright/core/ports'
import { type FixedClock, fixedClock, scriptedEntropy } from '@sealwright/core/testing'
import type { Module } from '@sealwright/module'
import { customizedModule, type Fixture, type FixtureOptions, fixtureTime } from '@sealwright/module/testing'
import * as authority from '@sealwright/roles/authority'
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
  const root = await authority.initAuthority(parties.authority)
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
    await pinRoot(party, { certificate: root.encoded })
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
    await pinRoot(party, { certificate: fixture.manufacturer.certificate.encoded })
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

export { keyPlaces }
