import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { fingerprint } from '@sealwright/core/personalization'
import { depersonalize, insecureCertifyUnit, key, payment, session } from '@sealwright/roles/central'
import { paymentOutcome, requestPayment } from '@sealwright/roles/terminal'
import type { Command } from 'commander'
import {
  type Context,
  certificateFile,
  fields,
  report,
  requiredFingerprint,
  requireSerial,
  type Step,
} from '../framework/index.ts'
import { registerCards } from './central-card.ts'
import { registerDisable } from './central-disable.ts'
import { registerLimitedKeys } from './central-limited-key.ts'
import { registerPeople } from './central-people.ts'
import { registerPinReset } from './central-pins.ts'
import { registerTickets } from './central-ticket.ts'
import { sessionInput, unitOptions } from './central-unit.ts'
import { registerUnits } from './central-units.ts'
import { fingerprintFile, fingerprintOptions } from './certified-party.ts'

export function register(program: Command, context: Context): void {
  const central = context.group(
    program,
    'central',
    'talk to modules in operation',
    'The central system is the host that modules talk to in operation. It trusts the modules that its units have certified, and each module trusts the one central system that it was given.',
  )

  context.verb(central, {
    name: 'key',
    summary: "make the session key and the request for the units' certificates",
    about:
      'Makes the key with which the central system proves itself to modules, when there is none yet, and the request from which units certify it. Tell the units the fingerprint by another way than the file goes.',
    writes: ['--out FILE: the request, for the units', 'your vault: the key'],
    examples: ['central key --out exchange/central.request --fingerprint-out exchange/central.fingerprint'],
    options: [
      { flags: '--out <file>', text: 'the request', required: true },
      { flags: '--fingerprint-out <file>', text: 'the fingerprint as text, to be brought by another way' },
      { flags: '--name <text>', text: 'the name in the certificate (default: central system)' },
    ],
    async run(step) {
      const name = step.optional('name') ?? 'central system'
      const made = await key(step.party('central'), { name })
      step.replaceFile(step.option('out'), made.document)
      const told = step.optional('fingerprint-out')
      if (told !== undefined) step.replaceFile(told, fingerprintFile(made.fingerprint))
      return report(
        { name, fingerprint: made.fingerprint },
        ...fields({ 'central system': name, fingerprint: encodeHex(made.fingerprint) }),
      )
    },
  })

  context.verb(central, {
    name: 'insecure-certify-unit <request>',
    summary: 'certify the unit that will certify you: plausible only',
    about:
      "Circular certification: you sign the unit's key, the unit signs yours. A module whose product allows it takes this without the manufacturer, and says of itself *plausible only*: whoever makes two keys can do the same. Use `manufacturer certify-unit` unless you know why not.",
    reads: ['REQUEST: from the unit'],
    writes: ["--out FILE: the unit's certificate, PEM"],
    examples: [
      'central insecure-certify-unit exchange/unit.request --fingerprint-file exchange/unit.fingerprint --out certs/unit-circular.pem',
    ],
    options: [
      { flags: '--out <file>', text: 'the certificate', required: true },
      { flags: '--name <text>', text: 'your name, as in `central key` (default: central system)' },
      ...fingerprintOptions,
      { flags: '--insecure-test-root', text: 'mark the certificate as made with test keys' },
    ],
    async run(step) {
      const ports = step.party('central')
      const certificate = await insecureCertifyUnit(ports, {
        name: step.optional('name') ?? 'central system',
        request: step.readFile(step.argument(0)),
        fingerprint: requiredFingerprint(step, 'fingerprint'),
        test: step.flag('insecure-test-root'),
      })
      step.replaceFile(step.option('out'), certificateFile(certificate.encoded))
      const shown = {
        unit: certificate.subject.commonName,
        fingerprint: encodeHex(fingerprint(certificate.publicPoint, ports.crypto)),
      }
      return report(shown, ...fields({ ...shown, trust: 'plausible only' }))
    },
  })

  context.verb(central, {
    name: 'session',
    summary: 'set up a session with a module; with --withdraw a cash withdrawal in it',
    about:
      "Checks the module's operating certificate against the public key of the unit that you name, or of the units that you have enrolled, and sets up a session in which both prove who they are. The unit's key must have come to you by a way that protects its integrity: enrol it with `central enrol-unit`, compare the fingerprint that is shown, or give the one you were told. Where units are enrolled no other is taken. With --withdraw the cash machine's part is played here as well: it lays the payment before you through its module and pays what the module says.",
    reads: ["--unit FILE: the certificate of the unit that you trust for this module's personalization"],
    examples: [
      'central session --module chips/cash.chip --unit certs/unit.pem',
      'central session --module chips/cash.chip --unit certs/unit.pem --withdraw 5000 --account DE02120300000000202051',
    ],
    module: 'required',
    options: [
      ...unitOptions,
      { flags: '--serial <hex>', text: 'the module that must answer, 16 hex digits' },
      { flags: '--withdraw <amount>', text: "ask for a payment, in the currency's smallest unit" },
      { flags: '--account <text>', text: 'account to be debited, letters and digits' },
      { flags: '--currency <code>', text: 'ISO 4217 letters (default: EUR)' },
      { flags: '--decline', text: 'refuse the payment asked for' },
    ],
    async run(step) {
      const ports = step.party('central')
      const input = sessionInput(step)
      const wanted = withdrawal(step)
      const serial = step.optional('serial')
      const transport = await step.module()
      const number = wanted && (await requestPayment(transport, wanted))
      const found = await session(
        ports,
        transport,
        {
          ...input,
          ...(serial === undefined ? {} : { serial: requireSerial(serial) }),
        },
        async (open) => ({
          serial: open.serial,
          certificate: open.operating.certificate?.serialNumber,
          unitFingerprint: fingerprint(open.unit.point, ports.crypto),
          decided: wanted && (await payment(open, () => !step.flag('decline'))),
        }),
      )
      const outcome = number && (await paymentOutcome(transport, number))
      const paid = outcome === undefined ? undefined : outcome.pay ? outcome.amount : 0
      return report(
        {
          serial: found.serial,
          certificate: found.certificate,
          unitFingerprint: found.unitFingerprint,
          ...(found.decided && outcome ? { payment: { ...found.decided.request, paid } } : {}),
        },
        ...fields({
          session: `with ${encodeHex(found.serial)}, both sides proven, all messages protected`,
          certificate:
            found.certificate === undefined ? 'a signature without the key' : encodeHex(found.certificate),
          'unit fingerprint': encodeHex(found.unitFingerprint),
          'cash machine':
            paid === undefined ? undefined : `pays ${paid} of ${wanted?.amount} ${wanted?.currency}`,
        }),
      )
    },
  })

  registerCards(central, context)
  registerUnits(central, context)
  registerDisable(central, context)
  registerPeople(central, context)
  registerTickets(central, context)
  registerLimitedKeys(central, context)
  registerPinReset(central, context)

  context.verb(central, {
    name: 'depersonalize',
    summary: 'have a module erase what personalization gave it',
    about:
      'In a session with the module that you name: it erases its operating key, its certificates, your key, and the keys that were loaded into it, blocks its resources, and awaits personalization again. Its last signature with the operating key says so. Nobody else can do this over the line; by hand: `module depersonalize`. Broken off, run it again.',
    reads: ["--unit FILE: the certificate of the unit that you trust for this module's personalization"],
    writes: ['your store: what was asked for', 'your outbox'],
    examples: [
      'central depersonalize --module chips/cash.chip --serial 0102030405060708 --unit certs/unit.pem --irreversible',
    ],
    module: 'required',
    options: [
      { flags: '--serial <hex>', text: 'the module that is meant, 16 hex digits', required: true },
      ...unitOptions,
      { flags: '--irreversible', text: 'say that you know: the operating key and the loaded keys are gone' },
    ],
    async run(step) {
      if (!step.flag('irreversible')) {
        throw new UsageError(
          'the operating key and the keys that were loaded are erased: add --irreversible when you mean it',
        )
      }
      const ports = step.party('central')
      const input = { ...sessionInput(step), serial: requireSerial(step.option('serial')) }
      const { serial, certificateDigest, already, number } = await depersonalize(
        ports,
        await step.module(),
        input,
      )
      return report(
        { serial, certificateDigest, already, event: number },
        ...fields({
          module: `${encodeHex(serial)} awaits personalization`,
          event: `${number}, depersonalized`,
          'certificate, SHA-256': encodeHex(certificateDigest),
        }),
        ...(already ? ['An earlier run had done it already; the module repeated its receipt.'] : []),
      )
    },
  })
}

function withdrawal(step: Step) {
  const amount = step.number('withdraw')
  const account = step.optional('account')
  if (amount === undefined) {
    if (account !== undefined) throw new UsageError('--account goes with --withdraw')
    return undefined
  }
  if (account === undefined) throw new UsageError('--withdraw needs --account')
  return { account, amount, currency: step.optional('currency') ?? 'EUR' }
}
