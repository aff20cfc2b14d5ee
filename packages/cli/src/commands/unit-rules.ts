import { encodeHex } from '@sealwright/core/bytes'
import { parseCertificate } from '@sealwright/core/x509'
import {
  currentTicket,
  requestApproval,
  type TicketCount,
  takeRoster,
  takeTicket,
  ticketRecord,
} from '@sealwright/roles/unit'
import type { Command } from 'commander'
import {
  type Context,
  certificateOf,
  fields,
  type Report,
  report,
  requireSerial,
  type Step,
  timeText,
} from '../framework/index.ts'
import { approvalRequestReport } from './approval-request.ts'
import { issueTicketVerb } from './central-ticket.ts'
import { centralOptions, centralSource } from './person.ts'

/** What is said wherever a rule is kept by this computer alone. */
export const keptByHost =
  'This computer keeps this rule, no card does: whoever controls it, or has a copy of its files, can sign without.'

export function registerRules(unit: Command, context: Context): void {
  const certificate = {
    flags: '--certificate <file>',
    text: "the unit's certificate",
    required: true,
  } as const

  context.verb(unit, {
    name: 'roster <file>',
    summary: 'take the newest roster: from then on two people approve',
    about: `Checks the roster and keeps it. From the first one on \`unit personalize\` needs two approvals by persons in it. An older one is refused. ${keptByHost}`,
    reads: [
      "FILE: from the central system; --central FILE: the central system's request, by which it is checked",
    ],
    examples: [
      'unit roster exchange/people.roster --central exchange/central.request --central-fingerprint-file exchange/central.fingerprint',
    ],
    options: centralOptions,
    async run(step) {
      const taken = await takeRoster(step.party('unit'), {
        roster: step.readFile(step.argument(0)),
        ...centralSource(step),
      })
      const { number, until, persons } = taken
      const counting = persons.filter(({ revoked }) => revoked === undefined).map(({ id }) => id)
      return report(
        { number, until: timeText(until), persons: counting, enforcedBy: 'host' },
        ...fields({ roster: number, until: timeText(until), persons: counting.join(' ') || 'nobody' }),
        keptByHost,
      )
    },
  })

  context.verb(unit, {
    name: 'request-approval',
    summary: 'write what two people are to approve, for one module',
    about:
      'Makes the random number of one run, keeps it, and writes the request: this module, for this customer and this central system, by this unit, until then. One person signs it with `sealwright person request`, another one with `sealwright person approve`. Their approvals count once, for this run.',
    writes: ['--out FILE: the request'],
    examples: [
      'unit request-approval --serial 0000000000000001 --certificate certs/unit.pem --out exchange/cash.approval-request',
    ],
    options: [
      {
        flags: '--serial <hex>',
        text: "the order: the module's serial number, 16 hex digits",
        required: true,
      },
      certificate,
      { flags: '--hours <number>', text: 'how long approvals count (default: 24)' },
      { flags: '--out <file>', text: 'the request', required: true },
    ],
    async run(step) {
      const hours = step.number('hours')
      const { request, document } = await requestApproval(step.party('unit'), {
        serial: requireSerial(step.option('serial')),
        unit: parseCertificate(certificateFrom(step)),
        ...(hours === undefined ? {} : { hours }),
      })
      step.writeFile(step.option('out'), document)
      return approvalRequestReport(request)
    },
  })

  const ticket = context.group(
    unit,
    'ticket',
    'work offline within a count and a time',
    `A ticket of the central system says how many modules this unit may personalize, and until when. ${keptByHost}`,
  )

  context.verb(ticket, {
    name: 'take <file>',
    summary: 'take the newest ticket: from then on every certificate counts',
    about: `Checks the ticket and keeps it with its count. From the first one on each operating certificate carries the ticket and its number, and nothing is signed beyond it. ${keptByHost}`,
    reads: ['FILE: from the central system'],
    examples: [
      'unit ticket take exchange/unit.ticket --certificate certs/unit.pem --central exchange/central.request --central-fingerprint-file exchange/central.fingerprint',
    ],
    options: [certificate, ...centralOptions],
    run: async (step) =>
      told(
        await takeTicket(step.party('unit'), {
          ticket: step.readFile(step.argument(0)),
          unit: certificateFrom(step),
          ...centralSource(step),
        }),
      ),
  })

  context.verb(ticket, {
    name: 'show',
    summary: 'how much of the ticket is left',
    about: 'Shows the ticket that was taken last, and how many of its numbers are given away.',
    examples: ['unit ticket show'],
    async run(step) {
      const count = await currentTicket(step.party('unit'))
      return count === undefined
        ? report({ ticket: null }, 'no ticket was taken: this unit personalizes without a limit')
        : told(count)
    },
  })

  context.verb(ticket, {
    name: 'record',
    summary: 'write what the central system merges',
    about:
      'Writes your tickets with their counts, and every operating certificate that you made. `sealwright central ticket merge` finds gaps and double use in the records of all units.',
    writes: ['--out FILE: the record'],
    examples: ['unit ticket record --certificate certs/unit.pem --out exchange/unit.ticket-record'],
    options: [certificate, { flags: '--out <file>', text: 'the record', required: true }],
    async run(step) {
      const made = await ticketRecord(step.party('unit'), { unit: certificateFrom(step) })
      step.replaceFile(step.option('out'), made.bytes)
      const { tickets, certificates } = made
      return report({ tickets, certificates }, ...fields({ tickets, certificates }))
    },
  })

  context.verb(ticket, issueTicketVerb('unit ticket'))
}

function told({ ticket, used }: TicketCount): Report {
  const { id, number, count, until } = ticket
  const left = count - used
  return report(
    { ticket: id, number, count, used, left, until: timeText(until), enforcedBy: 'host' },
    ...fields({ ticket: encodeHex(id), number, 'left of it': `${left} of ${count}`, until: timeText(until) }),
    keptByHost,
  )
}

function certificateFrom(step: Step): Uint8Array {
  const file = step.option('certificate')
  return certificateOf(step.readFile(file), file)
}
