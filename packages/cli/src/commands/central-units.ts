import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { enrolledUnits, enrolUnit } from '@sealwright/roles/central'
import type { Command } from 'commander'
import { type Context, certificateOf, customerOf, fields, report, table } from '../framework/index.ts'
import { fingerprintOptions, toldFingerprint, trustVerb } from './certified-party.ts'

export function registerUnits(central: Command, context: Context): void {
  trustVerb(context, central, 'central')

  context.verb(central, {
    name: 'enrol-unit <certificate>',
    summary: "take a unit's key, over a way that protects it",
    about:
      "Whoever could slip you another unit's key could personalize modules that you talk to. So the key counts only with something that vouches for it: its fingerprint, which people tell each other by another way than the file goes; or the manufacturer's signature over key and customer, under the root that you pinned with `central trust`. From the first enrolled unit on no other unit's modules are taken. A signing card that you issued yourself needs neither: `central issue-card`.",
    reads: ["CERTIFICATE: the unit's certificate"],
    writes: ['your store: the unit'],
    examples: [
      'central enrol-unit certs/unit.pem --fingerprint-file exchange/unit.fingerprint',
      'central enrol-unit certs/unit.pem --customer "Example Bank"',
    ],
    options: [
      ...fingerprintOptions,
      {
        flags: '--customer <text>',
        text: 'your customer id, a name (hashed) or 32 hex digits: the certificate must be of it',
      },
      { flags: '--insecure-accept-test', text: 'take a unit that is marked as a test one' },
    ],
    async run(step) {
      const file = step.argument(0)
      const ports = step.party('central')
      const told = toldFingerprint(step)
      const customer = step.optional('customer')
      if ((told === undefined) === (customer === undefined)) {
        throw new UsageError('name what vouches for the key: --fingerprint, --fingerprint-file or --customer')
      }
      const unit = await enrolUnit(ports, {
        certificate: certificateOf(step.readFile(file), file),
        insecureAcceptTest: step.flag('insecure-accept-test'),
        ...(told === undefined ? {} : { fingerprint: told }),
        ...(customer === undefined ? {} : { customer: customerOf(customer, ports.crypto) }),
      })
      return report(
        { name: unit.name, fingerprint: unit.fingerprint, by: unit.by },
        ...fields({ unit: unit.name, fingerprint: encodeHex(unit.fingerprint), 'vouched for by': unit.by }),
      )
    },
  })

  context.verb(central, {
    name: 'units',
    summary: 'show the units that are enrolled',
    about: 'Shows whose modules are taken, and what vouched for each key.',
    examples: ['central units'],
    async run(step) {
      const units = await enrolledUnits(step.party('central'))
      if (units.length === 0) return report({ units: [] }, 'No unit is enrolled: each session names its own.')
      return report(
        { units: units.map(({ name, fingerprint, by }) => ({ name, fingerprint, by })) },
        ...table(
          ['unit', 'fingerprint', 'vouched for by'],
          units.map(({ name, fingerprint, by }) => [name, encodeHex(fingerprint), by]),
        ),
      )
    },
  })
}
