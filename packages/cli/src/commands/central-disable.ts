import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { type DisabledKey, fingerprint, isBareCertificate } from '@sealwright/core/personalization'
import { parseCertificate } from '@sealwright/core/x509'
import { type Decision, disable, disabledKeys, disablings, enable } from '@sealwright/roles/central'
import type { PartyPorts } from '@sealwright/roles/ports'
import type { Command } from 'commander'
import {
  type Context,
  certificateOf,
  fields,
  fingerprintOption,
  report,
  requireSerial,
  type Step,
  table,
} from '../framework/index.ts'

const which = [
  { flags: '--unit <file>', text: 'the certificate of the unit whose key it is' },
  { flags: '--unit-fingerprint <hex>', text: "the fingerprint of the unit's key" },
  { flags: '--operating <file>', text: "the module's operating certificate, whose key it is" },
  { flags: '--key-fingerprint <hex>', text: "the fingerprint of the module's operating key" },
  { flags: '--serial <hex>', text: 'the module, whatever its key: 16 hex digits' },
  { flags: '--reason <text>', text: 'why, in words: it stands in the chain' },
] as const

export function registerDisable(central: Command, context: Context): void {
  context.verb(central, {
    name: 'disable',
    summary: 'talk no more to modules under a key: a unit’s, or a module’s',
    about:
      'For a key that is lost or stolen. From the moment that this command ends no session is set up under that key, and the next message of an open one is refused, whatever process holds it. A unit’s key takes with it every module that it has certified, and no other. Each decision is a signed document in a chain that you keep; `central enable` takes it back.',
    writes: ['your store: the decision, signed, and what is disabled'],
    examples: [
      'central disable --unit certs/unit.pem --reason "laptop stolen"',
      'central disable --serial 0102030405060708 --reason "cash machine broken open"',
    ],
    options: which,
    run: (step) => decide(step, disable, 'disabled'),
  })

  context.verb(central, {
    name: 'enable',
    summary: 'talk again to modules under a key that was disabled',
    about: 'Takes back `central disable` for the same key. Both decisions stay in the chain.',
    writes: ['your store: the decision, signed'],
    examples: ['central enable --unit certs/unit.pem --reason "found again, never left the safe"'],
    options: which,
    run: (step) => decide(step, enable, 'enabled'),
  })

  context.verb(central, {
    name: 'disabled',
    summary: 'show what is disabled, and every decision about it',
    about:
      'Checks the chain of your decisions, link by link, and shows it. One that was changed, or left out, ends the command.',
    examples: ['central disabled'],
    async run(step) {
      const ports = step.partyBeside('central', lock)
      const now = await disabledKeys(ports)
      const chain = (await disablings(ports)).map(({ disabling }) => disabling)
      if (chain.length === 0) return report({ disabled: [], decisions: [] }, 'Nothing was ever disabled.')
      return report(
        { disabled: now, decisions: chain },
        ...table(
          ['number', 'when', 'decision', 'what', 'reason'],
          chain.map(({ number, at, action, kind, id, reason }) => [
            String(number),
            new Date(at * 1000).toISOString().slice(0, 19),
            `${action}d`,
            `${kind} ${encodeHex(id)}`,
            reason === '' ? '–' : reason,
          ]),
        ),
        `${now.length} disabled now.`,
      )
    },
  })
}

/** The one lock of whoever decides: a session may be open in another process. */
const lock = 'disabling'

async function decide(step: Step, how: typeof disable, done: string) {
  const ports = step.partyBeside('central', lock)
  const key = named(step, ports)
  const { disabling, already }: Decision = await how(ports, { ...key, reason: step.optional('reason') ?? '' })
  return report(
    { ...disabling, already },
    ...fields({
      [done]: `${key.kind} ${encodeHex(key.id)}`,
      decision: `${disabling.number}${already ? ', made before' : ''}`,
    }),
  )
}

function named(step: Step, { crypto }: PartyPorts): DisabledKey {
  const unitFile = step.optional('unit')
  const operatingFile = step.optional('operating')
  const serial = step.optional('serial')
  const told = {
    unit: fingerprintOption(step, 'unit-fingerprint') ?? (unitFile && keyOf(step, unitFile, 'unit', crypto)),
    module:
      fingerprintOption(step, 'key-fingerprint') ??
      (operatingFile && keyOf(step, operatingFile, 'module-operating', crypto)),
    serial: serial && requireSerial(serial),
  }
  const keys = Object.entries(told).filter((entry): entry is [DisabledKey['kind'], Uint8Array] =>
    Boolean(entry[1]),
  )
  const [first] = keys
  if (first === undefined || keys.length > 1) {
    throw new UsageError('name one of --unit, --unit-fingerprint, --operating, --key-fingerprint, --serial')
  }
  return { kind: first[0], id: first[1] }
}

function keyOf(
  step: Step,
  file: string,
  role: 'unit' | 'module-operating',
  crypto: PartyPorts['crypto'],
): Uint8Array {
  const bytes = step.readFile(file)
  if (isBareCertificate(bytes)) {
    throw new UsageError(`${file}: a signature without the key; name the key with --key-fingerprint`)
  }
  const certificate = parseCertificate(certificateOf(bytes, file))
  if (certificate.role !== role) {
    throw new UsageError(`${file}: expected a certificate of the role ${role}, got ${certificate.role}`)
  }
  return fingerprint(certificate.publicPoint, crypto)
}
