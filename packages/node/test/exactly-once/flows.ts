import assert from 'node:assert/strict'
import { equal } from '@sealwright/core/bytes'
import { type ChannelForm, certificateIds, personalizationStates } from '@sealwright/core/catalog'
import { RefusedError } from '@sealwright/core/errors'
import { parseCertificate } from '@sealwright/core/x509'
import { depersonalize as erase } from '@sealwright/module/personalization'
import {
  checkModuleMessage,
  depersonalize,
  disable,
  disablings,
  giveLimitedKey,
  payment,
  session,
  tellTime,
} from '@sealwright/roles/central'
import { plain } from '@sealwright/roles/channel'
import { depersonalizeByHand, readData } from '@sealwright/roles/custody'
import { limitedKeyPlace } from '@sealwright/roles/issuer'
import { paymentOutcome, protectMessage, requestPayment } from '@sealwright/roles/terminal'
import {
  currentTicket,
  orderByCard,
  type PersonalizeInput,
  personalize,
  personalizeByCard,
  readLogOfCard,
  readRecords,
  requestApproval,
} from '@sealwright/roles/unit'
import { nodeCrypto } from '../../src/crypto/index.ts'
import { Life, stages } from '../life/index.ts'
import { readPrograms } from '../life/programs.ts'
import type { Flow } from './cut-at-every-exchange.ts'
import {
  approvalsOf,
  type ChipName,
  customer,
  initTheCard,
  issueTheCard,
  makeDocuments,
  orderOf,
  type Starts,
  serials,
  takeDocuments,
} from './world.ts'

/** A flow and the life that it begins in. */
export interface FlowFrom {
  readonly start: () => Promise<Life>
  readonly flow: Flow
}

type Extra = (life: Life) => Partial<PersonalizeInput>

/** A module by a unit whose key lies in its vault. */
export function personalizations(starts: Starts): FlowFrom[] {
  const row = (
    name: string,
    start: () => Promise<Life>,
    { chip = 'cash', extra = () => ({}) }: { readonly chip?: ChipName; readonly extra?: Extra } = {},
  ): FlowFrom => ({
    start,
    flow: {
      name: `personalize, ${name}`,
      chips: [chip],
      async run(life) {
        const unit = await life.party('unit')
        await personalize(unit, life.module(chip), { ...orderOf(life, chip), ...extra(life) })
      },
      told: (life) => toldOfUnit(life, chip),
    },
  })
  const form = (channel: ChannelForm, more: Extra = () => ({})) =>
    row(channel, starts.desk, {
      extra: (life) => ({ channel, leastChannel: 'none', ...more(life) }),
    })
  const bare = (name: string, more: Partial<PersonalizeInput>) =>
    row(name, starts.desk, { extra: () => more })
  const identical = {
    insecureNoIdentity: true,
    channel: 'ephemeral',
    leastChannel: 'unauthenticated',
  } as const
  return [
    form('none'),
    form('ephemeral'),
    form('module-proof'),
    form('mutual'),
    form('document-key', (life) => ({ papers: life.file('cash.papers') })),
    form('dh-signed'),
    form('signed-key'),
    bare('bare signature', { bareSignature: true }),
    bare('bare central key', { insecureCentralKeyBare: true }),
    bare('both bare', { bareSignature: true, insecureCentralKeyBare: true }),
    row('identical modules', starts.desk, { chip: 'identical', extra: () => identical }),
    row('credential', starts.desk, {
      chip: 'credential',
      extra: () => ({ ...identical, credential: true }),
    }),
    row('ticket', starts.ticketed),
    withApprovals('approvals', starts.ruled),
    withApprovals('approvals and ticket', starts.ruledAndTicketed),
    row('again after the end by command', starts.after('ended by command', starts.operating, endByCommand)),
    row('again after the end by hand', starts.after('ended by hand', starts.operating, endByHand)),
  ]
}

function withApprovals(name: string, start: () => Promise<Life>): FlowFrom {
  return {
    start,
    flow: {
      name: `personalize, ${name}`,
      chips: ['cash'],
      mayRemain: /^approvals\/requests\//,
      async run(life) {
        const unit = await life.party('unit')
        const order = orderOf(life, 'cash')
        const approvals = await approvedOnce(life, async () => {
          const { document } = await requestApproval(unit, {
            serial: order.serial,
            unit: parseCertificate(order.unit),
          })
          return document
        })
        await personalize(unit, life.module('cash'), { ...order, approvals })
      },
      told: (life) => toldOfUnit(life, 'cash'),
    },
  }
}

/** Whoever has the approvals in the hand does not ask for others. */
async function approvedOnce(life: Life, ask: () => Promise<Uint8Array>): Promise<Uint8Array[]> {
  const names = ['asked', 'approved'] as const
  if (!life.exchange.has('approved')) {
    const documents = await approvalsOf(life, await ask())
    for (const [i, name] of names.entries()) life.exchange.set(name, documents[i]!)
  }
  return names.map((name) => life.file(name))
}

/** One certificate in module and record, one number of the ticket, and the central system works with the module. */
async function toldOfUnit(life: Life, chip: ChipName) {
  const unit = await life.party('unit')
  const operating = await readData(plain(life.module(chip)), certificateIds.operating.tag)
  const records = await readRecords(unit, serials[chip])
  const issued = records.filter((record) => record.issued !== undefined)
  const used = issued.filter(
    (record) => record.receipt !== undefined && equal(record.issued!.operating, operating!),
  )
  assert.equal(used.length, 1, 'the module has what one record keeps')
  await inSession(life, chip)
  const certificates = issued.map((record) => record.issued!.operating).filter((bytes) => bytes[0] === 0x30)
  return {
    issued: issued.length,
    ticket: (await currentTicket(unit))?.used,
    numbers: certificates.map((bytes) => parseCertificate(bytes).ticket?.number),
    approvals: (await unit.store.list('approvals/given/')).length,
  }
}

function knownUnit(life: Life) {
  return { point: life.file('unit.point'), customer }
}

async function inSession(life: Life, chip: ChipName): Promise<void> {
  const central = await life.party('central')
  await session(central, life.module(chip), { unit: knownUnit(life), serial: serials[chip] }, async () => {})
}

/** The same with the unit's key in a signing card. */
export function personalizationsByCard(starts: Starts): FlowFrom[] {
  const personalizing = (name: string, extra: Extra = () => ({})): FlowFrom => ({
    start: starts.cardReady,
    flow: {
      name: `personalize by card, ${name}`,
      chips: ['cash', 'card'],
      async run(life) {
        const unit = await life.party('unit')
        const card = life.module('card')
        const approvals = await approvedOnce(life, async () => {
          const { document } = await orderByCard(unit, card, { serial: serials.cash })
          return document
        })
        await personalizeByCard(unit, life.module('cash'), {
          ...{ serial: serials.cash, root: life.file('root'), card, approvals },
          ...extra(life),
        })
      },
      told: toldOfCard,
    },
  })
  return [
    personalizing('module-proof'),
    personalizing('document-key', (life) => ({ papers: life.file('cash.papers') })),
  ]
}

/** From a card of the factory to one that certifies. */
export function cards(starts: Starts): FlowFrom[] {
  return [
    {
      start: starts.centralOnly,
      flow: { name: 'issue card', chips: ['card'], run: issueTheCard, told: requestOfCard },
    },
    {
      start: starts.cardCertified,
      flow: { name: 'init card', chips: ['card'], run: initTheCard, told: logOfCard },
    },
    {
      start: starts.after('documents', starts.cardCertified, async (life) => {
        await initTheCard(life)
        await makeDocuments(life)
      }),
      flow: { name: 'roster and ticket into the card', chips: ['card'], run: takeDocuments, told: logOfCard },
    },
  ]
}

/** The request is the one that the card's key is in, and the central system keeps the same. */
async function requestOfCard(life: Life): Promise<unknown> {
  const kept = await (await life.party('central')).store.read('cards/0000000000000204.request')
  assert.ok(kept !== undefined && equal(kept, life.file('card.request')))
  return (await (await life.party('central')).store.list('cards/')).length
}

async function logOfCard(life: Life) {
  const unit = await life.party('unit')
  const { log, state } = await readLogOfCard(unit, life.module('card'), { root: life.file('root') })
  return {
    entries: log.entries.map(({ body }) => body.kind),
    certificates: log.certificates.map(({ role }) => role),
    used: state.ticket?.used,
  }
}

/** The card has certified the module once, and it is the certificate that module and record have. */
async function toldOfCard(life: Life) {
  const unit = await life.party('unit')
  const { log } = await readLogOfCard(unit, life.module('card'), { root: life.file('root') })
  const [made, ...others] = log.certificates.filter(({ role }) => role === 'module-operating')
  assert.equal(others.length, 0)
  const operating = await readData(plain(life.module('cash')), certificateIds.operating.tag)
  assert.deepEqual(operating, made!.certificate.encoded)
  const told = await toldOfUnit(life, 'cash')
  return { ...told, ...(await logOfCard(life)) }
}

/** What is done with a module that operates. */
export function atWork(starts: Starts) {
  const chips = ['cash']
  const of = (flow: Omit<Flow, 'chips'>): FlowFrom => ({ start: starts.operating, flow: { ...flow, chips } })
  return {
    endByCommand: of({ name: 'depersonalize by command', run: endByCommand }),
    endByHand: of({ name: 'depersonalize by hand', run: endByHand }),
    limitedKey: of({ name: 'limited key', run: limitedKey, told: useLimitedKey, anew: true }),
    withdrawal: of({ name: 'withdrawal', run: withdraw, told: toldOfPayments }),
    disabling: of({ name: 'disable', run: disableModule, told: toldOfDisabled }),
  }
}

async function endByCommand(life: Life): Promise<void> {
  const central = await life.party('central')
  await depersonalize(central, life.module('cash'), { unit: knownUnit(life), serial: serials.cash })
}

/** The operator of the cash machine has the module in the hand. */
async function endByHand(life: Life): Promise<void> {
  const terminal = await life.party('terminal')
  const transport = life.module('cash')
  const began = await plain(transport).send('GET DATA', { p1: 0xdf, p2: 0x20 })
  // Whoever sees that the module operates no more lays no hand on it, unless a run was broken off.
  if (
    began[1] !== personalizationStates.operating.code &&
    (await terminal.store.list('intents/')).length === 0
  )
    return
  await depersonalizeByHand(terminal, {
    ...{ transport, serial: serials.cash },
    carryOut: () => erase(life.moduleInHand('cash').parts),
  })
}

async function limitedKey(life: Life): Promise<void> {
  await giveLimitedKey(await life.party('central'), life.module('cash'), {
    ...{ unit: knownUnit(life), serial: serials.cash, place: limitedKeyPlace, limits: { uses: 5 } },
  })
}

/** Both sides have the same key. */
async function useLimitedKey(life: Life): Promise<unknown> {
  const message = new TextEncoder().encode('debit 5000')
  const { number, mac } = await protectMessage(life.module('cash'), { place: limitedKeyPlace, message })
  const central = await life.party('central')
  await checkModuleMessage(central, { serial: serials.cash, place: limitedKeyPlace, number, mac, message })
  return number
}

/** In the middle of an open session, whose next message is refused. */
async function disableModule(life: Life): Promise<void> {
  const central = await life.party('central')
  const decide = () => disable(central, { kind: 'serial', id: serials.cash, reason: 'stolen' })
  // A decision that stands already leaves no session to be opened; said again, it is settled.
  if ((await disablings(central)).length > 0) return void (await decide())
  const unit = knownUnit(life)
  await session(central, life.module('cash'), { unit, serial: serials.cash }, async (open) => {
    await tellTime(central, open)
    await decide()
    await assert.rejects(tellTime(central, open), { code: 'key-disabled' })
  })
}

async function toldOfDisabled(life: Life): Promise<unknown> {
  await assert.rejects(inSession(life, 'cash'), { code: 'key-disabled' })
  return (await disablings(await life.party('central'))).length
}

const withdrawal = { account: 'DE02120300', amount: 5000, currency: 'EUR' }

/** The cash machine pays when its module says so, and counts it; the central system counts what it grants. */
async function withdraw(life: Life): Promise<void> {
  const line = life.module('cash')
  const number = await requestPayment(line, withdrawal)
  life.exchange.set(`number ${countOf(life, 'number ')}`, number)
  const central = await life.party('central')
  await session(central, line, { unit: knownUnit(life), serial: serials.cash }, (open) =>
    payment(open, () => {
      life.exchange.set(`granted ${countOf(life, 'granted ')}`, number)
      return true
    }),
  )
  const { pay } = await paymentOutcome(line, number)
  assert.equal(pay, true)
  life.exchange.set(`paid ${countOf(life, 'paid ')}`, number)
}

function countOf(life: Life, prefix: string): number {
  return [...life.exchange.keys()].filter((name) => name.startsWith(prefix)).length
}

/** Paid once, granted at least as often; and no number that was ever asked for is answered with an order again. */
async function toldOfPayments(life: Life): Promise<unknown> {
  const [paid, granted] = [countOf(life, 'paid '), countOf(life, 'granted ')]
  assert.ok(granted >= paid)
  for (let at = 0; at < countOf(life, 'number '); at++) {
    await assert.rejects(paymentOutcome(life.module('cash'), life.file(`number ${at}`)), RefusedError)
  }
  await inSession(life, 'cash')
  return { paid }
}

/** Every step of a whole life that talks to a chip, as it is done before a unit and after it. */
export async function* stepsOfALife(): AsyncGenerator<FlowFrom> {
  const life = Life.begin({ crypto: nodeCrypto, programs: readPrograms() })
  for (const stage of stages) {
    const { chip, name, check } = stage
    if (chip !== undefined && stage.faults !== false) {
      const copy = life.clone()
      const flow: Flow = {
        ...{ name, chips: [chip], run: stage.run, ...(check && { told: (end: Life) => check(end) }) },
        ...unlike[name],
      }
      yield { start: async () => copy, flow }
    }
    life.seed(name)
    await stage.run(life)
    life.powerDown()
  }
}

/** Steps that differ from the others. */
const unlike: Readonly<Record<string, Partial<Flow>>> = {
  'install-t': { anew: true },
  'export-key': { mayRepeat: ['key-exported'] },
  'later-customize cash': {
    chips: ['cash', 'sam'],
    mayRepeat: ['customized-later', 'session-keys-given'],
  },
}
