import { UsageError } from '@sealwright/core/errors'
import { parseCertificate } from '@sealwright/core/x509'
import type { KnownUnit } from '@sealwright/roles/central'
import { certificateOf, fingerprintOption, type Step } from '../framework/index.ts'

/** How the unit is named whose modules are spoken to. */
export const unitOptions = [
  {
    flags: '--unit <file>',
    text: "the unit's certificate; any enrolled unit's modules are taken unless given",
  },
  { flags: '--unit-fingerprint <hex>', text: "fingerprint of the unit's key as you were told it" },
  {
    flags: '--outside <file>',
    text: 'what the apparatus keeps, of a module that has certificates and keys outside',
  },
  { flags: '--insecure-accept-test', text: 'work with a unit and modules that are marked as test ones' },
] as const

/** What a session is checked against, from those options. */
export function sessionInput(step: Step) {
  const told = fingerprintOption(step, 'unit-fingerprint')
  const unit = knownUnit(step)
  const outside = step.optional('outside')
  return {
    ...(unit === undefined ? {} : { unit }),
    ...(outside === undefined ? {} : { outside: step.readFile(outside) }),
    insecureAcceptTest: step.flag('insecure-accept-test'),
    ...(told === undefined ? {} : { unitFingerprint: told }),
  }
}

function knownUnit(step: Step): KnownUnit | undefined {
  const file = step.optional('unit')
  if (file === undefined) return undefined
  const { publicPoint, customer, role, test } = parseCertificate(certificateOf(step.readFile(file), file))
  if (role !== 'unit')
    throw new UsageError(`${file}: expected a unit's certificate, got one of the role ${role}`)
  return { point: publicPoint, test, ...(customer === undefined ? {} : { customer }) }
}
