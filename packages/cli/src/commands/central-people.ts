import { type ApprovableAction, approvableActions, type Duty, duties } from '@sealwright/core/catalog'
import { fingerprint } from '@sealwright/core/personalization'
import { enrol, type IssuedRoster, revoke, roster } from '@sealwright/roles/central'
import type { Command } from 'commander'
import {
  type Context,
  fields,
  type Report,
  report,
  requiredFingerprint,
  type Step,
  table,
  timeText,
} from '../framework/index.ts'
import { fingerprintOptions } from './certified-party.ts'

const out = {
  flags: '--out <file>',
  text: 'the roster, for units, cards and persons',
  required: true,
} as const
const days = { flags: '--days <number>', text: 'how long the roster counts (default: 90)' } as const

export function registerPeople(central: Command, context: Context): void {
  context.verb(central, {
    name: 'enrol <request>',
    summary: 'enrol a person, and sign the next roster',
    about:
      'Enrols the person whose request it is: compare the fingerprint with what the person says, and look at the person. The roster that is signed then takes the place of the one before. A name tag or key that was ever enrolled is not enrolled again; the same person with other duties is.',
    reads: ['REQUEST: from `sealwright person init`'],
    writes: ['--out FILE: the roster'],
    examples: [
      'central enrol exchange/anna.enrolment --fingerprint-file exchange/anna.fingerprint --duty request --out exchange/people.roster',
    ],
    options: [
      out,
      ...fingerprintOptions,
      {
        flags: '--duty <name>',
        text: 'what the person may do (may be repeated; default: both)',
        many: true,
        choices: Object.keys(duties),
      },
      {
        flags: '--action <name>',
        text: 'for which action (may be repeated; default: all)',
        many: true,
        choices: Object.keys(approvableActions),
      },
      days,
    ],
    async run(step) {
      const made = await enrol(step.party('central'), {
        request: step.readFile(step.argument(0)),
        fingerprint: requiredFingerprint(step, 'fingerprint'),
        duties: allUnless(step.many('duty') as Duty[], duties),
        actions: allUnless(step.many('action') as ApprovableAction[], approvableActions),
        ...daysOf(step),
      })
      return written(step, made)
    },
  })

  context.verb(central, {
    name: 'revoke <id>',
    summary: 'revoke a person, and sign the next roster',
    about:
      'From the next roster on nothing counts that this person signs. Give it to every unit and card at once: one that has not heard of it takes approvals by the earlier one until that ends.',
    writes: ['--out FILE: the roster'],
    examples: ['central revoke anna --out exchange/people.roster'],
    options: [out, days],
    run: async (step) =>
      written(step, await revoke(step.party('central'), { id: step.argument(0), ...daysOf(step) })),
  })

  context.verb(central, {
    name: 'roster',
    summary: 'show who is enrolled; with --days sign a new roster',
    about:
      'Shows the newest roster, and writes it with --out. A roster ends; with --days a new one of the same persons is signed.',
    writes: ['--out FILE: the roster'],
    examples: ['central roster', 'central roster --days 90 --out exchange/people.roster'],
    options: [{ ...out, required: false }, days],
    run: async (step) => written(step, await roster(step.party('central'), daysOf(step))),
  })

  function written(step: Step, { roster: made, document }: IssuedRoster): Report {
    const file = step.optional('out')
    if (file !== undefined) step.replaceFile(file, document)
    const { crypto } = step.party('central')
    const { number, until, persons } = made
    const shown = persons.map(({ id, point, duties: own, actions, revoked }) => ({
      id,
      duties: own,
      actions,
      fingerprint: fingerprint(point, crypto),
      ...(revoked === undefined ? {} : { revoked: timeText(revoked) }),
    }))
    return report(
      { number, until: timeText(until), persons: shown },
      ...fields({ roster: number, until: timeText(until) }),
      ...table(
        ['person', 'duties', 'actions', 'state'],
        shown.map((one) => [
          one.id,
          one.duties.join(' '),
          one.actions.join(' '),
          'revoked' in one ? `revoked ${one.revoked}` : 'enrolled',
        ]),
      ),
    )
  }
}

function daysOf(step: Step): { days?: number } {
  const number = step.number('days')
  return number === undefined ? {} : { days: number }
}

function allUnless<T extends string>(
  named: readonly T[],
  table_: Readonly<Record<T, unknown>>,
): readonly T[] {
  return named.length > 0 ? named : (Object.keys(table_) as T[])
}
