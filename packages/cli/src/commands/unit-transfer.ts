import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { takeTransfer, transfer } from '@sealwright/roles/unit'
import type { Command } from 'commander'
import { type Context, certificateOf, customerOf, fields, report, requireSerial } from '../framework/index.ts'

export function registerTransfer(unit: Command, context: Context): void {
  context.verb(unit, {
    name: 'transfer',
    summary: 'release a module to another customer',
    about:
      'The first personalization fixes whose a module is. For another customer it takes this release, signed by a unit of the present one, after it was depersonalized; then units of the other customer may personalize it, and yours no more. A release does not end. A unit that works with two people signs none.',
    reads: ['--certificate FILE: your certificate'],
    writes: ['--out FILE: the release, for whoever has the module'],
    examples: [
      'unit transfer --serial 0102030405060708 --to "Other Bank" --certificate certs/unit.pem --out exchange/cash.transfer',
    ],
    options: [
      { flags: '--serial <hex>', text: 'the module, 16 hex digits', required: true },
      {
        flags: '--to <text>',
        text: 'the customer that is to have it: a name (hashed), or 32 hex digits',
        required: true,
      },
      { flags: '--certificate <file>', text: "the unit's certificate", required: true },
      { flags: '--out <file>', text: 'the release', required: true },
    ],
    async run(step) {
      const ports = step.party('unit')
      const serial = requireSerial(step.option('serial'))
      const to = customerOf(step.option('to'), ports.crypto)
      const file = step.option('certificate')
      const document = await transfer(ports, { serial, to, unit: certificateOf(step.readFile(file), file) })
      step.replaceFile(step.option('out'), document)
      return report({ serial, to }, ...fields({ module: encodeHex(serial), to: encodeHex(to) }))
    },
  })

  context.verb(unit, {
    name: 'take-transfer <release>',
    summary: 'bring a release to a module that awaits personalization',
    about:
      'The module checks that a unit of the customer it belongs to has signed, for it and with a number higher than before. From then on it belongs to the customer that is named. The same release again changes nothing.',
    reads: ['RELEASE: from `unit transfer`', "--root FILE: the manufacturer's root"],
    writes: ['your outbox: the entry for the log'],
    examples: [
      'unit take-transfer exchange/cash.transfer --module chips/cash.chip --root certs/manufacturer-root.pem',
    ],
    module: 'required',
    options: [
      {
        flags: '--root <file>',
        text: "the manufacturer's root certificate, by which the module's own word is checked",
      },
      { flags: '--insecure-accept-test', text: 'work under a root that is marked as a test root' },
      {
        flags: '--insecure-no-identity',
        text: 'one of many identical modules, which has no word of its own: believe the line',
      },
    ],
    async run(step) {
      const document = step.readFile(step.argument(0))
      const blind = step.flag('insecure-no-identity')
      if (blind === (step.optional('root') !== undefined)) {
        throw new UsageError('give --root, or --insecure-no-identity for a module without identity')
      }
      const { serial, to } = await takeTransfer(step.party('unit'), await step.module(), {
        document,
        insecureAcceptTest: step.flag('insecure-accept-test'),
        ...(blind ? {} : { root: certificateOf(step.readFile(step.option('root')), step.option('root')) }),
      })
      return report({ serial, to }, ...fields({ module: encodeHex(serial), 'belongs to': encodeHex(to) }))
    },
  })
}
