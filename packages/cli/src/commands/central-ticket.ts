import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import type { Merged } from '@sealwright/core/tickets'
import type { Certificate } from '@sealwright/core/x509'
import { pemToCertificates } from '@sealwright/core/x509'
import { issueTicket, mergeRecords, ticketsOf } from '@sealwright/roles/central'
import type { Command } from 'commander'
import {
  type Context,
  certificateOf,
  failing,
  fields,
  fingerprintOption,
  type Report,
  report,
  requireTime,
  table,
  timeText,
  type Verb,
} from '../framework/index.ts'

/** `issue` signs as the central system, whichever group it stands in. */
export function issueTicketVerb(group: string): Verb {
  return {
    name: 'issue',
    summary: 'the central system lets a unit personalize so many modules until then',
    about:
      "Signs a ticket as the central system, for a unit that it knows: the unit may make so many operating certificates, and none after the end. A ticket takes the place of the unit's ticket before, whatever is left of that. A signing card counts by itself; a unit whose key lies in a file or an HSM counts in its own store, and a copy of that store counts once more: `sealwright central ticket merge` shows it.",
    reads: ["--unit FILE: the unit's certificate from the manufacturer"],
    writes: ['--out FILE: the ticket, for the unit'],
    examples: [
      `${group} issue --unit certs/unit.pem --unit-fingerprint-file exchange/unit.fingerprint --count 20 --until 2099-12-31 --out exchange/unit.ticket`,
    ],
    options: [
      { flags: '--unit <file>', text: "the unit's certificate", required: true },
      {
        flags: '--unit-fingerprint <hex>',
        text: "fingerprint of the unit's key as you were told it (needed until units are enrolled)",
      },
      { flags: '--unit-fingerprint-file <file>', text: 'the same as a file that came by another way' },
      { flags: '--count <number>', text: 'how many certificates, 1 to 65535', required: true },
      {
        flags: '--until <time>',
        text: 'the last day, 2027-06-30, or moment, 2027-06-30T12:00:00Z',
        required: true,
      },
      { flags: '--out <file>', text: 'the ticket', required: true },
    ],
    async run(step) {
      const unit = step.option('unit')
      const told = fingerprintOption(step, 'unit-fingerprint')
      const { ticket, document } = await issueTicket(step.party('central'), {
        unit: certificateOf(step.readFile(unit), unit),
        ...(told === undefined ? {} : { fingerprint: told }),
        count: step.number('count')!,
        until: requireTime(step.option('until')),
      })
      step.writeFile(step.option('out'), document)
      const { id, number, count, until } = ticket
      return report(
        { ticket: id, unit: ticket.unit, number, count, until: timeText(until) },
        ...fields({
          ticket: encodeHex(id),
          number,
          "unit's key": encodeHex(ticket.unit),
          certificates: count,
          until: timeText(until),
        }),
      )
    },
  }
}

export function registerTickets(central: Command, context: Context): void {
  const ticket = context.group(
    central,
    'ticket',
    'let units work offline within a count and a time',
    'A ticket says how many modules one unit may personalize, and until when. Later the records of units are merged: gaps and double use are shown.',
  )
  context.verb(ticket, issueTicketVerb('central ticket'))

  context.verb(ticket, {
    name: 'list',
    summary: 'the tickets that you have issued',
    about: 'Lists all tickets, those of one unit in the order of their numbers.',
    examples: ['central ticket list'],
    async run(step) {
      const tickets = (await ticketsOf(step.party('central'))).map((one) => one.ticket)
      return report(
        {
          tickets: tickets.map((one) => ({
            ...one,
            issued: timeText(one.issued),
            until: timeText(one.until),
          })),
        },
        ...table(
          ['ticket', "unit's key", 'number', 'certificates', 'until'],
          tickets.map(({ id, unit, number, count, until }) => [
            encodeHex(id),
            encodeHex(unit),
            String(number),
            String(count),
            timeText(until),
          ]),
        ),
      )
    },
  })

  context.verb(ticket, {
    name: 'merge <files...>',
    summary: "lay units' records beside the tickets: gaps and double use",
    about:
      'Reads the records of units, and certificates that were found elsewhere: in modules, in the log of a signing card. Logs that you have acknowledged count with them. Shows for each ticket how many certificates were found, which numbers are missing, which were used twice, and what no ticket allows. A missing number is a run that was broken off, or a certificate that somebody keeps back. A number that was used twice tells that the store of a unit was copied or put back. The exit status is 7 when something does not fit.',
    reads: [
      'FILES: from `sealwright unit ticket record`, logs of signing cards, and certificates, PEM or DER',
    ],
    examples: ['central ticket merge exchange/unit.ticket-record certs/cash-operating.pem'],
    async run(step) {
      const records: Uint8Array[] = []
      const certificates: Uint8Array[] = []
      for (const file of step.list(0)) {
        const bytes = step.readFile(file)
        if (bytes[0] === 0x30) certificates.push(bytes)
        else if (bytes[0] === 0x2d) certificates.push(...pemToCertificates(new TextDecoder().decode(bytes)))
        else records.push(bytes)
      }
      if (records.length + certificates.length === 0) throw new UsageError('name at least one file')
      return mergedReport(await mergeRecords(step.party('central'), { records, certificates }))
    },
  })
}

/** What a certificate is to the one who looks for it. */
function named(certificate: Certificate): { module: string; certificate: Uint8Array; number?: number } {
  const { subject, serialNumber, ticket } = certificate
  return {
    module: subject.serialNumber ?? subject.commonName,
    certificate: serialNumber,
    ...(ticket === undefined ? {} : { number: ticket.number }),
  }
}

function mergedReport(merged: Merged): Report {
  const accounts = merged.accounts.map(({ ticket, found, gaps, doubles, beyond, late }) => ({
    ticket: ticket.id,
    unit: ticket.unit,
    number: ticket.number,
    count: ticket.count,
    until: timeText(ticket.until),
    found,
    gaps,
    doubles: doubles.map(({ number, certificates }) => ({ number, certificates: certificates.map(named) })),
    beyond: beyond.map(named),
    late: late.map(named),
  }))
  const strays = {
    unknown: merged.unknown.map(named),
    without: merged.without.map(named),
    foreign: merged.foreign.map(named),
  }
  const lines = accounts.flatMap((one) => [
    `ticket ${encodeHex(one.ticket)}, number ${one.number} of unit ${encodeHex(one.unit)}: ${one.found} certificates found, ${one.count} allowed until ${one.until}`,
    ...one.gaps.map(([first, last]) => `  gap: ${first === last ? first : `${first} to ${last}`}`),
    ...one.doubles.map(
      ({ number, certificates }) =>
        `  used twice: number ${number}, by modules ${certificates.map(({ module }) => module).join(' and ')}`,
    ),
    ...one.beyond.map((item) => `  beyond the count: number ${item.number}, module ${item.module}`),
    ...one.late.map((item) => `  after the end: number ${item.number}, module ${item.module}`),
  ])
  const strayTexts = {
    unknown: 'under a ticket that was never issued here',
    without: 'without a ticket',
    foreign: 'signed by no known unit, or by another one than the ticket names',
  } as const
  for (const [kind, text] of Object.entries(strayTexts)) {
    for (const { module } of strays[kind as keyof typeof strays]) lines.push(`${text}: module ${module}`)
  }
  const gaps = accounts.flatMap((one) => one.gaps)
  const wrong = accounts.flatMap((one) => [...one.doubles, ...one.beyond, ...one.late])
  const fits = gaps.length + wrong.length + Object.values(strays).flat().length === 0
  const found = report(
    { tickets: accounts, ...strays },
    ...lines,
    fits ? 'everything fits' : 'something does not fit',
  )
  return fits ? found : failing('tickets-differ', found)
}
