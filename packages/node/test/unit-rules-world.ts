import { approvableActions } from '@sealwright/core/catalog'
import type { Clock } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseCertificate } from '@sealwright/core/x509'
import { customizedModule } from '@sealwright/module/testing'
import { enrol, issueTicket } from '@sealwright/roles/central'
import * as person from '@sealwright/roles/person'
import { memoryPorts, memoryStore, type PartyPorts, type Store } from '@sealwright/roles/ports'
import {
  type Personalized,
  personalize,
  requestApproval,
  takeRoster,
  takeTicket,
} from '@sealwright/roles/unit'
import { nodeCrypto } from '../src/crypto/index.ts'
import { personalizationWorld, transportOf, type World } from './personalization-world.ts'

/** Persons with devices of their own, enrolled by the central system of a world. */
export interface RulesWorld extends World {
  readonly people: Readonly<Record<'anna' | 'berta' | 'carla', PartyPorts>>
  /** The newest roster. */
  roster(): Promise<Uint8Array>
}

export async function device(id: string, clock: Clock): Promise<PartyPorts> {
  const ports = await memoryPorts('person', {
    clock,
    crypto: nodeCrypto,
    entropy: scriptedEntropy(`device of ${id}`),
  })
  await person.init(ports, { id })
  return ports
}

/** Anna may ask, Berta may approve, Carla may do both. */
export async function rulesWorld(): Promise<RulesWorld> {
  const world = await personalizationWorld()
  const people = {
    anna: await device('anna', world.clock),
    berta: await device('berta', world.clock),
    carla: await device('carla', world.clock),
  }
  const duties = { anna: ['request'], berta: ['approve'], carla: ['request', 'approve'] } as const
  for (const id of ['anna', 'berta', 'carla'] as const) await enrolled(world, people[id], id, duties[id])
  const files = world.central.store
  return {
    ...world,
    people,
    async roster() {
      const last = (await files.list('rosters/')).at(-1)!
      return (await files.read(last))!
    },
  }
}

export async function enrolled(
  { central }: Pick<World, 'central'>,
  ports: PartyPorts,
  id: string,
  duties: readonly ('request' | 'approve')[],
) {
  const { document, fingerprint } = await person.init(ports, { id })
  const actions = Object.keys(approvableActions) as (keyof typeof approvableActions)[]
  return enrol(central, { request: document, fingerprint, duties, actions })
}

/** The central system's request with its fingerprint: how everybody knows it. */
export function centralOf({ order, centralRequest }: World) {
  return { central: centralRequest, centralFingerprint: order.centralFingerprint }
}

export async function ruled(world: RulesWorld): Promise<void> {
  await takeRoster(world.unit, { roster: await world.roster(), ...centralOf(world) })
}

/** The unit's request for the world's module. */
export async function ask(world: RulesWorld): Promise<Uint8Array> {
  const unit = parseCertificate(world.unitCertificate)
  return (await requestApproval(world.unit, { serial: world.fixture.serial, unit })).document
}

/** What two people sign of a request. */
export async function approvals(
  world: RulesWorld,
  request: Uint8Array,
  by: readonly [PartyPorts, PartyPorts] = [world.people.anna, world.people.berta],
): Promise<[Uint8Array, Uint8Array]> {
  const [first, second] = by
  const asked = await person.consent(first, await person.readRequest(first, request))
  const source = { roster: await world.roster(), ...centralOf(world) }
  const approved = await person.consent(second, await person.readAsked(second, asked, source))
  return [asked, approved]
}

export function personalizeWith(
  world: World,
  approved?: readonly Uint8Array[],
  transport = transportOf(world),
): Promise<Personalized> {
  return personalize(world.unit, transport, {
    ...world.order,
    ...(approved === undefined ? {} : { approvals: approved }),
  })
}

/** A ticket that the unit of the world has taken. */
export async function ticketed(world: World, count: number, seconds = 86_400): Promise<Uint8Array> {
  const { central, unit, unitCertificate, clock } = world
  const fingerprint = nodeCrypto.sha256(parseCertificate(unitCertificate).publicPoint)
  const until = clock.now() + seconds
  const { document } = await issueTicket(central, { unit: unitCertificate, fingerprint, count, until })
  await takeTicket(unit, { ticket: document, unit: unitCertificate, ...centralOf(world) })
  return document
}

/** A copy of everything that a store holds. */
export async function copyOf(store: Store): Promise<Store> {
  const copy = memoryStore()
  for (const name of await store.list()) await copy.write(name, (await store.read(name))!)
  return copy
}

/** The same parties before another module of the same manufacturer. */
export function nextModule<W extends World>(world: W, last: number): W {
  const serial = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, last)
  const fixture = customizedModule({ crypto: nodeCrypto, serial })
  return { ...world, fixture, order: { ...world.order, serial } }
}
