import { existsSync } from 'node:fs'
import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { blankRecord, type CardRecord, parseCardFile, serializeCardFile } from '@sealwright/core/loyalty'
import { fuelKeyPlace } from '@sealwright/roles/issuer'
import { book } from '@sealwright/roles/terminal'
import type { Command } from 'commander'
import { type Context, fields, report, requireSerial, type Step } from '../framework/index.ts'

export function register(program: Command, context: Context): void {
  const terminal = context.group(
    program,
    'terminal',
    "use a module's keys: loyalty points of a filling station",
    "The terminal is the apparatus that a module sits in. Here it is a filling station's: a program in the module keeps loyalty points on customers' cards under the fuel's key, which came by key download.",
  )
  for (const kind of ['credit', 'debit'] as const) booking(terminal, context, kind)
}

function booking(terminal: Command, context: Context, kind: 'credit' | 'debit'): void {
  const about = {
    credit:
      "The module checks the card's record under the fuel's key, adds the points and makes the new record. A card that has no record yet is begun with --new-card.",
    debit:
      "The module checks the card's record under the fuel's key, takes the points off and makes the new record.",
  }[kind]
  context.verb(terminal, {
    name: kind,
    summary: kind === 'credit' ? "credit points to a customer's card" : "debit points from a customer's card",
    about: `${about} The file stands for the customer's card. Run again after a lost answer, it counts once: the module gives the same answer to the same record. A forged record is refused; an old copy of a card is not, for that a real card must protect what it keeps.`,
    reads: ["--card FILE: the customer's card"],
    writes: ["--card FILE: the new record, and the module's receipt on the screen"],
    examples: [
      kind === 'credit'
        ? 'terminal credit --module chips/terminal.chip --card exchange/customer.card --new-card 0000000000000042 --points 120'
        : 'terminal debit --module chips/terminal.chip --card exchange/customer.card --points 50',
    ],
    module: 'required',
    options: [
      { flags: '--card <file>', text: "the customer's card", required: true },
      { flags: '--points <number>', text: 'how many', required: true },
      {
        flags: '--fuel <number>',
        text: "key place of the fuel (default: the station's one fuel, 0x00200101)",
      },
      ...(kind === 'credit'
        ? [
            {
              flags: '--new-card <number>',
              text: 'begin this card, 16 hex digits, when there is no such file',
            },
          ]
        : []),
    ],
    async run(step) {
      const file = step.option('card')
      const record = cardOf(step, file)
      const points = step.number('points') ?? 0
      const place = step.number('fuel') ?? fuelKeyPlace
      const done = await book(await step.module(), { kind, record, points, place })
      step.replaceFile(file, serializeCardFile(done.record))
      const { number, balance } = done.record
      return report(
        { card: number, balance, points, receipt: done.receipt, receiptMac: done.receiptMac },
        ...fields({
          card: encodeHex(number),
          [kind === 'credit' ? 'credited' : 'debited']: points,
          balance,
          receipt: `${done.receipt}, ${encodeHex(done.receiptMac)}`,
        }),
      )
    },
  })
}

function cardOf(step: Step, file: string): CardRecord {
  const number = step.optional('new-card')
  if (number === undefined) return parseCardFile(step.readFile(file))
  if (existsSync(step.path(file))) throw new UsageError(`${file} is a card already`, { code: 'file-exists' })
  return blankRecord(requireSerial(number))
}
