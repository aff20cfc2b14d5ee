import { encodeHex, equal } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import { matterWords } from '@sealwright/core/people'
import { nodeCrypto } from '@sealwright/node/crypto'
import { type Consent, consent, init, readAsked, readRequest, show } from '@sealwright/roles/person'
import type { Command } from 'commander'
import {
  type Context,
  customerOf,
  fields,
  type Report,
  report,
  requiredFingerprint,
  requireSerial,
  type Step,
  timeText,
} from '../framework/index.ts'
import { fingerprintFile } from './certified-party.ts'

export function register(program: Command, context: Context): void {
  const person = context.group(
    program,
    'person',
    'ask for, or approve, what needs two people',
    'Some actions need two people: one asks, another one approves. Each has a device of their own, which is this party in a workspace of its own, and a key in it. The central system keeps the list of who is enrolled: the roster.',
  )

  context.verb(person, {
    name: 'init',
    summary: 'make your key and ask to be enrolled',
    about:
      'Makes your key, when there is none yet, and the request for your enrolment, signed with it. Tell the central system the fingerprint yourself, by another way than the file goes: it is how they know that the key is yours. One device belongs to one person.',
    writes: ['--out FILE: the request, for the central system', 'your vault: the key'],
    examples: [
      'person init --id anna --out exchange/anna.enrolment --fingerprint-out exchange/anna.fingerprint',
    ],
    options: [
      {
        flags: '--id <tag>',
        text: 'your name tag: 1 to 32 of a-z, 0-9, dot, hyphen, underscore',
        required: true,
      },
      { flags: '--out <file>', text: 'the request', required: true },
      { flags: '--fingerprint-out <file>', text: 'the fingerprint as text, to be brought by another way' },
    ],
    async run(step) {
      const made = await init(step.party('person'), { id: step.option('id') })
      // Signatures differ from run to run; the request for the same key is as good.
      step.replaceFile(step.option('out'), made.document)
      const told = step.optional('fingerprint-out')
      if (told !== undefined) step.replaceFile(told, fingerprintFile(made.fingerprint))
      return device(made)
    },
  })

  context.verb(person, {
    name: 'show',
    summary: 'whose device this is, and its fingerprint',
    about: 'Shows your name tag and the fingerprint of your key, as you tell it to the central system.',
    examples: ['person show'],
    run: async (step) => device(await show(step.party('person'))),
  })

  context.verb(person, {
    name: 'request <request>',
    summary: 'ask for an action: sign first',
    about:
      'Shows in words what the request asks for. With --out you sign it as the one who asks: another person has to approve it then. Without --out nothing is signed.',
    reads: ['REQUEST: from `sealwright unit request-approval`'],
    writes: ['--out FILE: what you ask for, signed'],
    examples: ['person request exchange/cash.approval-request --out exchange/cash.asked'],
    options: [{ flags: '--out <file>', text: 'sign, and write it here' }, ...meant],
    async run(step) {
      const ports = step.party('person')
      const shown = await readRequest(ports, step.readFile(step.argument(0)))
      return decided(step, shown, () => consent(ports, shown))
    },
  })

  context.verb(person, {
    name: 'approve <asked>',
    summary: 'approve what another person asks for: sign second',
    about:
      'Looks up in the roster who asks, checks that signature, and shows in words what is asked for. With --out you approve exactly that. Without --out nothing is signed. What you have asked for yourself you cannot approve.',
    reads: [
      'ASKED: from the person who asks',
      "--roster FILE: the newest roster; --central FILE: the central system's request, by which it is checked",
    ],
    writes: ['--out FILE: the approval'],
    examples: [
      'person approve exchange/cash.asked --roster exchange/people.roster --central exchange/central.request --central-fingerprint-file exchange/central.fingerprint --out exchange/cash.approved',
    ],
    options: [
      { flags: '--out <file>', text: 'sign, and write it here' },
      { flags: '--roster <file>', text: 'the newest roster', required: true },
      ...centralOptions,
      ...meant,
    ],
    async run(step) {
      const ports = step.party('person')
      const shown = await readAsked(ports, step.readFile(step.argument(0)), {
        roster: step.readFile(step.option('roster')),
        ...centralSource(step),
      })
      return decided(step, shown, () => consent(ports, shown))
    },
  })
}

/** How the central system is known where its documents are read. */
export const centralOptions = [
  { flags: '--central <file>', text: "the central system's request", required: true },
  { flags: '--central-fingerprint <hex>', text: 'fingerprint of its key as you were told it by another way' },
  { flags: '--central-fingerprint-file <file>', text: 'the same as a file that came by another way' },
] as const

export function centralSource(step: Step): { central: Uint8Array; centralFingerprint: Uint8Array } {
  return {
    central: step.readFile(step.option('central')),
    centralFingerprint: requiredFingerprint(step, 'central-fingerprint'),
  }
}

/** What a person knows from elsewhere, so that nobody has to compare long numbers by eye. */
const meant = [
  { flags: '--serial <hex>', text: 'the module that you mean: any other one is refused' },
  {
    flags: '--customer <text>',
    text: 'the customer that you mean, a name or 32 hex digits: any other one is refused',
  },
] as const

function requireMeant(step: Step, { request: { matter } }: Consent): void {
  const object: Readonly<Record<string, Uint8Array | number>> = matter.object
  const serial = step.optional('serial')
  const customer = step.optional('customer')
  const wanted = {
    ...(serial === undefined ? {} : { module: requireSerial(serial) }),
    ...(customer === undefined ? {} : { customer: customerOf(customer, nodeCrypto) }),
  }
  for (const [field, value] of Object.entries(wanted)) {
    const asked = object[field]
    if (asked instanceof Uint8Array && equal(asked, value)) continue
    throw new StateError(`this is about another ${field} than the one that you mean; nothing was signed`, {
      code: 'approval-refused',
      details: { reason: 'matter' },
    })
  }
}

async function decided(step: Step, shown: Consent, sign: () => Promise<Uint8Array>): Promise<Report> {
  const { request, requester, inTime } = shown
  const out = step.optional('out')
  requireMeant(step, shown)
  if (out !== undefined) step.replaceFile(out, await sign())
  const { matter, actor, nonce, until } = request
  return report(
    {
      action: matter.action,
      object: matter.object,
      actor,
      nonce,
      until: timeText(until),
      requester: requester?.id,
      signed: out !== undefined,
    },
    ...fields({
      ...Object.fromEntries(matterWords(matter)),
      'acting key': encodeHex(actor),
      'for this run': encodeHex(nonce),
      until: `${timeText(until)}${inTime ? '' : ' (it is over)'}`,
      'asked for by': requester?.id ?? 'you',
      signed: out === undefined ? 'no: name a file with --out to sign' : 'yes',
    }),
  )
}

function device({ id, fingerprint }: { readonly id: string; readonly fingerprint: Uint8Array }): Report {
  return report({ person: id, fingerprint }, ...fields({ person: id, fingerprint: encodeHex(fingerprint) }))
}
