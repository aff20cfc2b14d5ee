import { encodeHex } from '@sealwright/core/bytes'
import { acknowledgeLog, issueCard } from '@sealwright/roles/central'
import type { Command } from 'commander'
import { type Context, certificateOf, customerOf, fields, report } from '../framework/index.ts'
import { fingerprintFile } from './certified-party.ts'

export function registerCards(central: Command, context: Context): void {
  context.verb(central, {
    name: 'issue-card',
    summary: "issue a signing card: it makes the unit's key, for you alone",
    about:
      "Takes a module of the product signing-card and has it make the key of a unit, which never leaves it. The card vouches for the key with its identity, so you know the unit from the card itself. From then on it takes rosters, tickets and acknowledgements of yours only. Give the request to the manufacturer, and the certificate to the unit with the card: `sealwright unit card init`. Once in a card's life; again it gives the same request.",
    reads: [
      "--papers FILE: the card's papers, from its issuer; --root FILE: the root of the manufacturer who certified it",
    ],
    writes: ['--out FILE: the request, for the manufacturer', 'your store: the card and its key'],
    examples: [
      'central issue-card --module chips/unit-card.chip --papers exchange/unit-card.papers --root certs/manufacturer-root.pem --customer "Example Bank" --out exchange/unit.request --fingerprint-out exchange/unit.fingerprint',
    ],
    module: 'required',
    options: [
      { flags: '--papers <file>', text: "the card's papers; not needed again" },
      { flags: '--root <file>', text: "the manufacturer's root certificate", required: true },
      {
        flags: '--customer <text>',
        text: 'the customer that the unit works for: a name (hashed), or 32 hex digits',
        required: true,
      },
      { flags: '--name <text>', text: "the name in the unit's certificate (default: unit)" },
      { flags: '--central-name <text>', text: 'your name, as in `central key` (default: central system)' },
      { flags: '--capacity <number>', text: "entries of the card's log, 5 to 65535 (default: 200)" },
      { flags: '--out <file>', text: 'the request', required: true },
      { flags: '--fingerprint-out <file>', text: 'the fingerprint as text, to be brought by another way' },
      { flags: '--insecure-accept-test', text: 'take a card under a root that is marked as a test root' },
    ],
    async run(step) {
      const ports = step.party('central')
      const papers = step.optional('papers')
      const capacity = step.number('capacity')
      const root = step.option('root')
      const issued = await issueCard(ports, await step.module(), {
        root: certificateOf(step.readFile(root), root),
        name: step.optional('name') ?? 'unit',
        centralName: step.optional('central-name') ?? 'central system',
        customer: customerOf(step.option('customer'), ports.crypto),
        insecureAcceptTest: step.flag('insecure-accept-test'),
        ...(papers === undefined ? {} : { papers: step.readFile(papers) }),
        ...(capacity === undefined ? {} : { capacity }),
      })
      step.replaceFile(step.option('out'), issued.document)
      const told = step.optional('fingerprint-out')
      if (told !== undefined) step.replaceFile(told, fingerprintFile(issued.fingerprint))
      const { serial, fingerprint } = issued
      const made = issued.entries.length > 0
      return report(
        { card: serial, fingerprint, made },
        ...fields({
          card: encodeHex(serial),
          "the unit's key": made ? 'made in the card' : 'made in the card before',
          fingerprint: encodeHex(fingerprint),
        }),
      )
    },
  })

  context.verb(central, {
    name: 'acknowledge-log <log>',
    summary: 'take the log of a signing card that you have issued, and let the card overwrite it',
    about:
      'Joins the log with what you have of this card, checks its chain and every certificate in it, keeps it, and signs that you have it. The card that is given the acknowledgement overwrites what you have taken. A log with an entry missing or changed is refused.',
    reads: ['LOG: from `sealwright unit card log`'],
    writes: ['--out FILE: the acknowledgement, for `sealwright unit card take`', 'your store: the log'],
    examples: ['central acknowledge-log exchange/unit-card.log --out exchange/unit-card.acknowledgement'],
    options: [{ flags: '--out <file>', text: 'the acknowledgement', required: true }],
    async run(step) {
      const taken = await acknowledgeLog(step.party('central'), step.readFile(step.argument(0)))
      step.replaceFile(step.option('out'), taken.document)
      const { serial, log } = taken
      const certificates = log.certificates.filter(({ operating }) => operating !== undefined).length
      return report(
        { card: serial, entries: log.number, certificates, chain: log.chain },
        ...fields({
          card: encodeHex(serial),
          'entries taken': log.number,
          'certificates of modules': certificates,
        }),
      )
    },
  })
}
