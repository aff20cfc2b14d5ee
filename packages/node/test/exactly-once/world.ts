import { approvableActions } from '@sealwright/core/catalog'
import type { Product } from '@sealwright/core/customization'
import { scriptedEntropy } from '@sealwright/core/testing'
import { nodeCrypto } from '@sealwright/node/crypto'
import { key as centralKey, enrol, issueCard, issueTicket } from '@sealwright/roles/central'
import { customize, finish, products, unlock } from '@sealwright/roles/issuer'
import { certifyModule, certifyUnit } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import * as person from '@sealwright/roles/person'
import { memoryPorts, type PartyPorts } from '@sealwright/roles/ports'
import {
  initCard,
  makeCredentials,
  personalize,
  takeByCard,
  takeRoster,
  takeTicket,
} from '@sealwright/roles/unit'
import { maskStage, produceStage } from '../life/factory-stages.ts'
import { clock, Life } from '../life/index.ts'
import { certifyUnitStage } from '../life/personalization-stages.ts'
import { readPrograms } from '../life/programs.ts'

export const customer = new Uint8Array(16).fill(7)

const everyWay = {
  ...products.cash,
  leastChannel: 'none',
  policy: ['bare-signature', 'central-key-bare'],
} as const

/** Chips of one mask. */
export const serials = {
  cash: serial(1),
  identical: serial(2),
  credential: serial(3),
  card: serial(4),
} as const

export type ChipName = keyof typeof serials

const made: Record<ChipName, Product> = {
  cash: everyWay,
  identical: { ...products.cash, identical: true, leastChannel: 'unauthenticated' },
  credential: { ...products.cash, identical: true, leastChannel: 'unauthenticated' },
  card: products['signing-card'],
}

function serial(last: number): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 2, last)
}

/** Lives in which something is about to be done. Each is made once, when it is asked for, and copied. */
export class Starts {
  readonly #made = new Map<string, Promise<Life>>()

  /** The chips are in user mode, the parties have no keys yet. */
  factory = (): Promise<Life> => this.#once('factory', undefined, makeChips)

  /** A unit with its key in its vault, certified, and the central system. */
  desk = (): Promise<Life> => this.#once('desk', this.factory, certifyUnitStage.run)

  ticketed = (): Promise<Life> => this.#once('ticketed', this.desk, takeOneTicket)

  ruled = (): Promise<Life> => this.#once('ruled', this.desk, takeOneRoster)

  ruledAndTicketed = (): Promise<Life> => this.#once('ruled and ticketed', this.ruled, takeOneTicket)

  operating = (): Promise<Life> => this.#once('operating', this.desk, personalizeCash)

  centralOnly = (): Promise<Life> => this.#once('central', this.factory, makeCentral)

  cardIssued = (): Promise<Life> => this.#once('card issued', this.centralOnly, issueTheCard)

  cardCertified = (): Promise<Life> => this.#once('card certified', this.cardIssued, certifyTheCard)

  cardReady = (): Promise<Life> => this.#once('card ready', this.cardCertified, giveTheCardItsPapers)

  /** The state after `work` on a copy of another one. */
  after(
    name: string,
    from: () => Promise<Life>,
    work: (life: Life) => Promise<unknown>,
  ): () => Promise<Life> {
    return () => this.#once(name, from, work)
  }

  #once(
    name: string,
    from: (() => Promise<Life>) | undefined,
    work: (life: Life) => Promise<unknown>,
  ): Promise<Life> {
    let life = this.#made.get(name)
    if (life === undefined) {
      life = (async () => {
        const next = (await from?.())?.clone() ?? Life.begin({ crypto: nodeCrypto, programs: readPrograms() })
        next.seed(name)
        await work(next)
        next.powerDown()
        return next
      })()
      this.#made.set(name, life)
    }
    return life
  }
}

async function makeChips(life: Life): Promise<void> {
  await maskStage.run(life)
  const names = Object.keys(serials) as ChipName[]
  await produceStage(names).run(life)
  const [issuer, manufacturer, mounter] = [
    await life.party('issuer'),
    await life.party('manufacturer'),
    await life.party('mounter'),
  ]
  const credentials = await makeCredentials(await life.party('unit'), { serials: [serials.credential] })
  const mask = 'fleet'
  for (const chip of names) {
    await mount(mounter, {
      ...{ chip, power: async () => life.module(chip), serial: serials[chip] },
      deliveryNote: life.file('note'),
    })
    await unlock(issuer, life.module(chip), { mask })
    const { identityRequest, papers } = await customize(issuer, life.module(chip), {
      ...{ mask, product: made[chip], programs: life.world.programs, manufacturerRoot: life.file('root') },
      ...(chip === 'credential' ? { credentials } : {}),
    })
    life.exchange.set(`${chip}.papers`, papers)
    const certificate =
      identityRequest && (await certifyModule(manufacturer, { request: identityRequest })).encoded
    await finish(issuer, life.module(chip), { mask, ...(certificate === undefined ? {} : { certificate }) })
  }
}

/** What everybody knows the central system by. */
export function centralOf(life: Life) {
  return { central: life.file('central'), centralFingerprint: life.file('central.fingerprint') }
}

export function orderOf(life: Life, chip: ChipName) {
  return { serial: serials[chip], unit: life.file('unit'), root: life.file('root'), ...centralOf(life) }
}

async function personalizeCash(life: Life): Promise<void> {
  await personalize(await life.party('unit'), life.module('cash'), orderOf(life, 'cash'))
}

async function takeOneTicket(life: Life): Promise<void> {
  const unit = life.file('unit')
  const fingerprint = nodeCrypto.sha256(life.file('unit.point'))
  const central = await life.party('central')
  const until = clock.now() + 86_400
  const { document: ticket } = await issueTicket(central, { unit, fingerprint, count: 5, until })
  await takeTicket(await life.party('unit'), { ticket, unit, ...centralOf(life) })
}

async function takeOneRoster(life: Life): Promise<void> {
  await enrolPeople(life)
  await takeRoster(await life.party('unit'), { roster: life.file('roster'), ...centralOf(life) })
}

async function makeCentral(life: Life): Promise<void> {
  const { document, fingerprint } = await centralKey(await life.party('central'), { name: 'central' })
  life.exchange.set('central', document)
  life.exchange.set('central.fingerprint', fingerprint)
}

/** The central system has the card make the unit's key. */
export async function issueTheCard(life: Life): Promise<void> {
  const issued = await issueCard(await life.party('central'), life.module('card'), {
    ...{ papers: life.file('card.papers'), root: life.file('root'), name: 'unit', customer },
    ...{ centralName: 'central', capacity: 40 },
  })
  life.exchange.set('card.request', issued.document)
  life.exchange.set('card.fingerprint', issued.fingerprint)
  life.exchange.set('unit.point', issued.point)
}

async function certifyTheCard(life: Life): Promise<void> {
  const { encoded } = await certifyUnit(await life.party('manufacturer'), {
    request: life.file('card.request'),
    fingerprint: life.file('card.fingerprint'),
  })
  life.exchange.set('unit', encoded)
}

async function giveTheCardItsPapers(life: Life): Promise<void> {
  await initTheCard(life)
  await makeDocuments(life)
  await takeDocuments(life)
}

export async function initTheCard(life: Life): Promise<void> {
  await initCard(await life.party('unit'), life.module('card'), {
    certificate: life.file('unit'),
    root: life.file('root'),
  })
}

/** Roster and ticket for the unit in the card. */
export async function makeDocuments(life: Life): Promise<void> {
  await enrolPeople(life)
  const { document } = await issueTicket(await life.party('central'), {
    ...{ unit: life.file('unit'), fingerprint: life.file('card.fingerprint'), count: 5 },
    until: clock.now() + 86_400,
  })
  life.exchange.set('ticket', document)
}

export async function takeDocuments(life: Life): Promise<void> {
  await takeByCard(await life.party('unit'), life.module('card'), {
    documents: [life.file('roster'), life.file('ticket')],
    root: life.file('root'),
  })
}

/** Devices of two people; nothing is cut there. */
const devices = new Map<string, Promise<PartyPorts>>()

function device(id: 'anna' | 'berta'): Promise<PartyPorts> {
  let ports = devices.get(id)
  if (ports === undefined) {
    ports = memoryPorts('person', { clock, crypto: nodeCrypto, entropy: scriptedEntropy(`device of ${id}`) })
    devices.set(id, ports)
  }
  return ports
}

/** Anna may ask, Berta may approve. */
async function enrolPeople(life: Life): Promise<void> {
  const central = await life.party('central')
  const actions = Object.keys(approvableActions) as (keyof typeof approvableActions)[]
  for (const [id, duties] of [
    ['anna', ['request']],
    ['berta', ['approve']],
  ] as const) {
    const { document: request, fingerprint } = await person.init(await device(id), { id })
    const { document } = await enrol(central, { request, fingerprint, duties, actions })
    life.exchange.set('roster', document)
  }
}

/** The two approvals of a request, as two people sign them. */
export async function approvalsOf(life: Life, request: Uint8Array): Promise<Uint8Array[]> {
  const [anna, berta] = [await device('anna'), await device('berta')]
  const asked = await person.consent(anna, await person.readRequest(anna, request))
  const source = { roster: life.file('roster'), ...centralOf(life) }
  return [asked, await person.consent(berta, await person.readAsked(berta, asked, source))]
}
