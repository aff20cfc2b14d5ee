import assert from 'node:assert/strict'
import { ascii, decodeHex } from '@sealwright/core/bytes'
import { approvableActions, certificateIds } from '@sealwright/core/catalog'
import type { Product } from '@sealwright/core/customization'
import type { Transport } from '@sealwright/core/ports'
import { type FixedClock, fixedClock, scriptedEntropy } from '@sealwright/core/testing'
import { parseCertificate } from '@sealwright/core/x509'
import { RamMedium } from '@sealwright/module/medium'
import { enrol, type IssuedCard, issueCard, issueTicket, key } from '@sealwright/roles/central'
import { plain } from '@sealwright/roles/channel'
import { readData, type SigningCard } from '@sealwright/roles/custody'
import { customize, finish, mask, products, unlock } from '@sealwright/roles/issuer'
import { certifyModule, certifyUnit, initRoot, produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import * as person from '@sealwright/roles/person'
import { memoryPorts, type PartyName, type PartyPorts, type Store } from '@sealwright/roles/ports'
import {
  initCard,
  orderByCard,
  type Personalized,
  personalizeByCard,
  readLogOfCard,
  showCard,
  takeByCard,
} from '@sealwright/roles/unit'
import { nodeCrypto } from '../src/crypto/index.ts'
import { maskInput, powered, programs, ramFactory } from './factory-bench.ts'

export const cardSerial = decodeHex('CA00000000000001')
export const customer = ascii('customer 0000001')

/** A unit with a signing card made in the factory and issued by the central system, persons with devices, and modules to personalize. */
export interface CardWorld {
  readonly clock: FixedClock
  readonly manufacturer: PartyPorts
  readonly central: PartyPorts
  readonly unit: PartyPorts
  readonly people: Readonly<Record<'anna' | 'berta' | 'carla', PartyPorts>>
  /** The manufacturer's root, DER. */
  readonly root: Uint8Array
  readonly papers: Uint8Array
  readonly chips: ReadonlyMap<string, RamMedium>
  /** Each call powers up. */
  card(): Transport
  module(name?: string): Transport
  serialOf(name: string): Uint8Array
  /** The newest roster. */
  roster(): Promise<Uint8Array>
  ticket(count: number, seconds?: number): Promise<Uint8Array>
  /** Keeps chips and the stores of unit and central system as they are now; gives what puts them back. */
  keep(): Promise<() => Promise<void>>
  issue(card?: Transport): Promise<IssuedCard>
  init(card?: Transport): Promise<SigningCard>
}

const modules = { cash: '0000000000000001', second: '0000000000000002', third: '0000000000000003' }

export interface CardWorldOptions {
  /** Entries of the card's log; 40 unless given. */
  readonly capacity?: number
  /** Everything random follows from this. */
  readonly seed?: string
  /** Where the card stands: as its issuer has finished it, issued by the central system, or with its certificate, which it has unless told. */
  readonly until?: 'finished' | 'issued'
}

export async function cardWorld({
  capacity = 40,
  seed: world = 'card world',
  until,
}: CardWorldOptions = {}): Promise<CardWorld> {
  const crypto = nodeCrypto
  const clock = fixedClock(1_800_000_000)
  const ports = (name: PartyName, seed: string = name) =>
    memoryPorts(name, { clock, entropy: scriptedEntropy(`${world} ${seed}`), crypto })
  const [issuer, manufacturer, mounter] = [
    await ports('issuer'),
    await ports('manufacturer'),
    await ports('mounter'),
  ]
  const [central, unit] = [await ports('central'), await ports('unit')]
  const factory = ramFactory(crypto)
  const { file } = await mask(issuer, maskInput())
  const names = ['card', ...Object.keys(modules)]
  const { deliveryNote } = await produce(manufacturer, { mask: file, factory, names })
  const { encoded: root } = await initRoot(manufacturer)
  let powerUps = 0
  const on = (name: string) =>
    powered(factory.chips.get(name)!, crypto, scriptedEntropy(`${world} ${name} ${powerUps++}`)).transport
  const make = async (name: string, serial: Uint8Array, product: Product): Promise<Uint8Array> => {
    const mounted = await mount(mounter, { chip: name, power: async () => on(name), serial, deliveryNote })
    assert.equal(mounted.outcome, 'mounted')
    await unlock(issuer, on(name), { mask: 'fleet' })
    const { identityRequest, papers } = await customize(issuer, on(name), {
      ...{ mask: 'fleet', product, programs, manufacturerRoot: root },
    })
    const { encoded: certificate } = await certifyModule(manufacturer, { request: identityRequest! })
    await finish(issuer, on(name), { mask: 'fleet', certificate })
    return papers
  }
  const papers = await make('card', cardSerial, products['signing-card'])
  for (const [name, serial] of Object.entries(modules)) await make(name, decodeHex(serial), products.cash)
  const issue = (transport = on('card')) =>
    issueCard(central, transport, {
      ...{ papers, root, name: 'unit', customer, centralName: 'central system', capacity },
    })
  const certify = async (): Promise<Uint8Array> => {
    const { document: request, fingerprint } = await issue()
    return (await certifyUnit(manufacturer, { request, fingerprint })).encoded
  }
  const init = async (transport = on('card')) =>
    initCard(unit, transport, { certificate: await certify(), root })
  await key(central, { name: 'central system' })
  if (until !== 'finished') await issue()
  if (until === undefined) await init()
  const device = async (id: string, duties: readonly ('request' | 'approve')[]) => {
    const own = await ports('person', `device of ${id}`)
    const { document, fingerprint } = await person.init(own, { id })
    const actions = Object.keys(approvableActions) as (keyof typeof approvableActions)[]
    await enrol(central, { request: document, fingerprint, duties, actions })
    return own
  }
  const people = {
    anna: await device('anna', ['request']),
    berta: await device('berta', ['approve']),
    carla: await device('carla', ['request', 'approve']),
  }
  return {
    ...{ clock, manufacturer, central, unit, people, root, papers, chips: factory.chips },
    ...{ issue, init },
    card: () => on('card'),
    module: (name = 'cash') => on(name),
    serialOf: (name) => decodeHex(modules[name as keyof typeof modules]),
    async keep() {
      const media = [...factory.chips].map(([name, medium]) => [name, medium.snapshot()] as const)
      const stores = [unit.store, central.store]
      const files = await Promise.all(stores.map(contentOf))
      return async () => {
        for (const [name, snapshot] of media) factory.chips.set(name, RamMedium.from(snapshot))
        for (const [at, store] of stores.entries()) {
          for (const name of await store.list()) await store.remove(name)
          for (const [name, bytes] of files[at]!) await store.write(name, bytes)
        }
      }
    },
    async roster() {
      const last = (await central.store.list('rosters/')).at(-1)!
      return (await central.store.read(last))!
    },
    async ticket(count, seconds = 86_400) {
      const until = clock.now() + seconds
      const certificate = await certify()
      const fingerprint = crypto.sha256(parseCertificate(certificate).publicPoint)
      const { document } = await issueTicket(central, { unit: certificate, fingerprint, count, until })
      return document
    },
  }
}

/** Roster and ticket are in the card. */
export async function readyWorld(count = 10, options: CardWorldOptions = {}): Promise<CardWorld> {
  const world = await cardWorld(options)
  const documents = [await world.roster(), await world.ticket(count)]
  await takeByCard(world.unit, world.card(), { documents, root: world.root })
  return world
}

/** The order at the card for a module, and what two people sign of it. */
export async function approved(
  world: CardWorld,
  name = 'cash',
  by: readonly ['anna' | 'carla', 'berta' | 'carla'] = ['anna', 'berta'],
): Promise<Uint8Array[]> {
  const { document } = await orderByCard(world.unit, world.card(), { serial: world.serialOf(name) })
  const [first, second] = [world.people[by[0]], world.people[by[1]]]
  const asked = await person.consent(first, await person.readRequest(first, document))
  const source = { roster: await world.roster(), ...(await centralOf(world)) }
  return [asked, await person.consent(second, await person.readAsked(second, asked, source))]
}

/** How everybody knows the central system. */
export async function centralOf({ central }: CardWorld) {
  const { document, fingerprint } = await key(central, { name: 'central system' })
  return { central: document, centralFingerprint: fingerprint }
}

export function personalizedByCard(
  world: CardWorld,
  approvals: readonly Uint8Array[],
  {
    name = 'cash',
    card = world.card(),
    module = world.module(name),
  }: { readonly name?: string; readonly card?: Transport; readonly module?: Transport } = {},
): Promise<Personalized> {
  const { unit, root } = world
  return personalizeByCard(unit, module, { serial: world.serialOf(name), root, card, approvals })
}

/** Every file of a store. */
export async function contentOf(store: Store): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for (const name of await store.list()) files.set(name, (await store.read(name))!)
  return files
}

export const operatingOf = (world: CardWorld, name = 'cash') =>
  readData(plain(world.module(name)), certificateIds.operating.tag)

export const logOf = (world: CardWorld) => readLogOfCard(world.unit, world.card(), { root: world.root })

export const madeBy = async (world: CardWorld) =>
  (await logOf(world)).log.certificates.filter(({ role }) => role === 'module-operating')

/** One certificate in module, record, card and ticket. */
export async function requireOne(world: CardWorld, used = 1): Promise<void> {
  const made = await madeBy(world)
  assert.equal(made.length, used)
  assert.deepEqual(await operatingOf(world), made[0]?.certificate.encoded)
  assert.equal((await showCard(world.card())).state.ticket?.used, used)
  assert.deepEqual(await world.unit.store.list('intents/'), [])
  const outbox = (await world.unit.store.list('outbox/')).filter((name) => name.includes('ca00000000000001'))
  // The unit's certificate, roster, ticket, and each signature.
  assert.equal(outbox.length, 3 + used)
}
