import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { rebuiltName } from '@sealwright/core/signing-card'
import type { SigningCard } from '@sealwright/roles/custody'
import {
  initCard,
  orderByCard,
  type PersonalizeByCardInput,
  readLogOfCard,
  showCard,
  takeByCard,
} from '@sealwright/roles/unit'
import type { Command } from 'commander'
import {
  type Context,
  certificateFile,
  certificateOf,
  fields,
  type Report,
  report,
  requireSerial,
  type Step,
  timeText,
  type VerbOption,
} from '../framework/index.ts'
import { approvalRequestReport } from './approval-request.ts'

/** What is said where a card keeps the rules. */
export const keptByCard =
  'The card checked this by itself: no computer, and no copy of one, signs without it.'

export const cardOption = {
  flags: '--card <module>',
  text: "the signing card, which has the unit's key: a chip file, tcp:HOST:PORT, or reader:NAME",
} as const satisfies VerbOption

const trust = [
  { flags: '--root <file>', text: "the manufacturer's root certificate", required: true },
  { flags: '--insecure-accept-test', text: 'work under a root that is marked as a test root' },
] as const satisfies readonly VerbOption[]

export function registerCard(unit: Command, context: Context): void {
  const card = context.group(
    unit,
    'card',
    'work with a signing card, which has the key and keeps the rules',
    "A signing card is a module of the product signing-card, which your central system has issued. The unit's key was made in it and never leaves it. It checks the module's identity, its answer, the approvals of two people and its ticket by itself, signs nothing else, and keeps a log of its own.",
  )

  context.verb(card, {
    name: 'init',
    summary: "give the card the manufacturer's certificate for the key in it",
    about:
      "Checks the certificate that the manufacturer made from the card's request, and stores it in the card, which checks it too and certifies the central system's key with it. A later certificate takes the place of the one before.",
    reads: ["--certificate FILE: the unit's certificate; --root FILE: the manufacturer's root"],
    examples: [
      'unit card init --module chips/unit-card.chip --certificate certs/unit.pem --root certs/manufacturer-root.pem',
    ],
    module: 'required',
    options: [{ flags: '--certificate <file>', text: "the unit's certificate", required: true }, ...trust],
    async run(step) {
      const certificate = certificateFrom(step, 'certificate')
      const ports = step.party('unit')
      return told(await initCard(ports, await step.module(), { certificate, ...trustOf(step) }))
    },
  })

  context.verb(card, {
    name: 'show',
    summary: 'which key, whose documents, what is left of ticket and log',
    about: 'Shows what the card says of itself. Nothing of it is secret.',
    examples: ['unit card show --module chips/unit-card.chip'],
    module: 'required',
    run: async (step) => told(await showCard(await step.module())),
  })

  context.verb(card, {
    name: 'take <file...>',
    summary: "give the card rosters, tickets and acknowledgements of the central system's",
    about:
      'Lays the documents before the card, in this order. It takes what the central system that issued it has signed, and nothing older than what it has. Each one that it takes stands in its log.',
    reads: ['FILE: from the central system'],
    examples: [
      'unit card take exchange/people.roster exchange/unit.ticket --module chips/unit-card.chip --root certs/manufacturer-root.pem',
    ],
    module: 'required',
    options: trust,
    async run(step) {
      const documents = step.list(0).map((file) => step.readFile(file))
      const ports = step.party('unit')
      return told(await takeByCard(ports, await step.module(), { documents, ...trustOf(step) }))
    },
  })

  context.verb(card, {
    name: 'order',
    summary: 'order a certificate for one module, and write what two people are to approve',
    about:
      'The card makes the random number and the salt of the run. One person signs the request with `sealwright person request`, another one with `sealwright person approve`; then `sealwright unit personalize --card` carries the order out. Another order for the same module takes the place of this one.',
    writes: ['--out FILE: the request', 'your store: the order'],
    examples: [
      'unit card order --module chips/unit-card.chip --serial 0000000000000001 --out exchange/cash.approval-request',
    ],
    module: 'required',
    options: [
      {
        flags: '--serial <hex>',
        text: "the order: the module's serial number, 16 hex digits",
        required: true,
      },
      { flags: '--hours <number>', text: 'how long approvals count, 1 to 168 (default: 24)' },
      { flags: '--out <file>', text: 'the request', required: true },
    ],
    async run(step) {
      const hours = step.number('hours')
      const serial = requireSerial(step.option('serial'))
      const ports = step.party('unit')
      const order = { serial, ...(hours === undefined ? {} : { hours }) }
      const { request, document } = await orderByCard(ports, await step.module(), order)
      // Another order is another request.
      step.replaceFile(step.option('out'), document)
      return approvalRequestReport(request)
    },
  })

  context.verb(card, {
    name: 'log',
    summary: "read the card's log, and make every certificate again from it alone",
    about:
      "Reads the log, which the card's identity key vouches for, checks its chain, and makes each certificate that the card has signed again, byte for byte. --out gives the log to the central system, which acknowledges it; a full card signs nothing before that.",
    writes: [
      '--out FILE: the log, for the central system',
      '--rebuild DIR: every certificate, PEM',
      '--ticket-record FILE: what `sealwright central ticket merge` takes',
    ],
    examples: [
      'unit card log --module chips/unit-card.chip --root certs/manufacturer-root.pem --out exchange/unit-card.log --rebuild rebuilt',
    ],
    module: 'required',
    options: [
      ...trust,
      { flags: '--out <file>', text: 'write the log here' },
      {
        flags: '--rebuild <dir>',
        text: 'write every certificate that comes out of the log into this folder',
      },
      { flags: '--ticket-record <file>', text: 'write the record of its tickets here' },
    ],
    async run(step) {
      const { serial, state, log, file, ticketRecord } = await readLogOfCard(
        step.party('unit'),
        await step.module(),
        trustOf(step),
      )
      const out = step.optional('out')
      if (out !== undefined) step.replaceFile(out, file)
      const folder = step.optional('rebuild')
      if (folder !== undefined) {
        for (const rebuilt of log.certificates) {
          const { encoded } = rebuilt.certificate
          step.writeFile(`${folder}/${rebuiltName(rebuilt)}.pem`, certificateFile(encoded))
        }
      }
      const record = step.optional('ticket-record')
      if (record !== undefined) {
        if (ticketRecord === undefined)
          throw new UsageError(
            'there is no ticket in the log that the card has: it took none, or the central system has acknowledged it. Give the log itself to `sealwright central ticket merge`',
          )
        step.replaceFile(record, ticketRecord)
      }
      const made = log.certificates.filter(({ operating }) => operating !== undefined)
      return report(
        {
          card: serial,
          entries: log.number,
          kept: state.log.kept,
          capacity: state.log.capacity,
          acknowledged: log.acknowledged,
          certificates: log.certificates.map(({ entry, role, certificate, operating }) => ({
            ...{ entry, role, serial: operating?.serial, number: certificate.serialNumber },
            ticket: operating?.ticket,
          })),
        },
        ...fields({
          card: encodeHex(serial),
          entries: `${log.number}, of which ${state.log.kept} lie in the card, which holds ${state.log.capacity}`,
          'taken by the central system': log.acknowledged,
          'certificates of modules': made.length,
        }),
        ...made.map(
          ({ entry, operating }) =>
            `entry ${entry}: module ${encodeHex(operating!.serial)}, number ${operating!.ticket.number} of the ticket ${encodeHex(operating!.ticket.id)}`,
        ),
      )
    },
  })
}

/** What `unit personalize` takes for a run with a card. */
export async function cardRunOf(
  step: Step,
): Promise<Pick<PersonalizeByCardInput, 'card' | 'root' | 'insecureAcceptTest'>> {
  for (const option of ['certificate', 'central', 'central-fingerprint', 'central-fingerprint-file']) {
    if (step.optional(option) !== undefined) {
      throw new UsageError(`--${option}: a card has its certificate and knows its central system`)
    }
  }
  for (const flag of [
    'bare-signature',
    'insecure-central-key-bare',
    'insecure-circular',
    'insecure-no-identity',
  ]) {
    if (step.flag(flag)) throw new UsageError(`--${flag}: a card signs no such form`)
  }
  return { card: await step.openModule(step.option('card')), ...trustOf(step) }
}

function trustOf(step: Step): { readonly root: Uint8Array; readonly insecureAcceptTest: boolean } {
  return { root: certificateFrom(step, 'root'), insecureAcceptTest: step.flag('insecure-accept-test') }
}

function certificateFrom(step: Step, option: string): Uint8Array {
  const file = step.option(option)
  return certificateOf(step.readFile(file), file)
}

function told({ serial, state, certificates }: SigningCard): Report {
  const { ticket, log, roster, time } = state
  const left = ticket && ticket.count - ticket.used
  const ready = certificates !== undefined && roster > 0 && ticket !== undefined
  return report(
    {
      card: serial,
      key: state.point,
      central: state.centralPoint,
      customer: state.customer,
      certified: certificates !== undefined,
      roster,
      ticket: ticket && { ...ticket, left, until: timeText(ticket.until) },
      log: { entries: log.number, kept: log.kept, capacity: log.capacity, chain: log.chain },
      time: time === 0 ? undefined : timeText(time),
      ready,
      enforcedBy: 'card',
    },
    ...fields({
      card: encodeHex(serial),
      customer: encodeHex(state.customer),
      certificate: certificates === undefined ? 'none yet' : "there, and the central system's under it",
      roster: roster === 0 ? 'none yet' : `number ${roster}`,
      ticket:
        ticket === undefined
          ? 'none yet'
          : `${encodeHex(ticket.id)}, ${left} of ${ticket.count} left, until ${timeText(ticket.until)}`,
      log: `${log.kept} of ${log.capacity} entries`,
      'latest time heard': time === 0 ? 'none' : timeText(time),
    }),
  )
}
