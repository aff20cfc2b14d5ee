import { equal } from '../bytes/index.ts'
import { withHandle } from '../crypto/index.ts'
import { AuthError, DecodeError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import {
  type Certificate,
  checkPath,
  type PathInput,
  type PathReason,
  parseCertificate,
} from '../x509/index.ts'
import type { CompleteRequest } from './complete.ts'

/** What the certificates of COMPLETE must fit. Both the module and the unit's own check before it sends use it. */
export interface CompleteExpectation {
  readonly serial: Uint8Array
  /** The pending public key, 65 bytes. */
  readonly point: Uint8Array
  /** BEGIN's nonce. */
  readonly nonce: Uint8Array
  /** BEGIN's time. */
  readonly time: number
  /** The manufacturer's public key that the module was given, 65 bytes. */
  readonly manufacturerPoint: Uint8Array
  /** The customer of the first personalization, if there was one. */
  readonly customer?: Uint8Array
  /** The module's OTP test bit: test certificates count only then, and only they do (X9). */
  readonly test: boolean
}

export interface CheckedCertificates {
  readonly operating: Certificate
  readonly central: Certificate
  readonly unit: Certificate
}

/** Why certificates whose chain holds do not fit one another or the module, each with a text for people. */
export const bindingReasons = {
  'other-key': 'it is not for the key that BEGIN made',
  'other-begin': 'it was made for another BEGIN',
  'other-central': 'it names another central system than the certificate beside it',
  'own-key': "it shows the module's own key",
  'central-public-key': 'its key is not a point of the curve',
  'other-customer': 'it works for another customer than the first personalization',
} as const

export type BindingReason = keyof typeof bindingReasons

/** Which certificate fails, and why. */
export interface CompleteFailure {
  readonly certificate: 'operating' | 'central' | 'unit'
  readonly reason: PathReason | BindingReason
  readonly text: string
}

export type CompleteResult =
  | { readonly ok: true; readonly certificates: CheckedCertificates }
  | ({ readonly ok: false } & CompleteFailure)

/** Roles and chain of all three certificates up to the manufacturer's key (B8). Malformed DER is a DecodeError. */
export function checkCertificates(
  request: CompleteRequest,
  expected: CompleteExpectation,
  crypto: Crypto,
): CompleteResult {
  const unit = parseCertificate(request.unit)
  const operating = parseCertificate(request.operating)
  const central = parseCertificate(request.central)
  const common = {
    anchor: {
      publicPoint: expected.manufacturerPoint,
      role: 'manufacturer-root',
      test: expected.test,
    },
    at: expected.time,
    insecureAcceptTest: expected.test,
  } as const
  const paths: readonly [CompleteFailure['certificate'], PathInput][] = [
    ['unit', { ...common, chain: [unit], role: 'unit' }],
    ['operating', { ...common, chain: [operating, unit], role: 'module-operating', serial: expected.serial }],
    ['central', { ...common, chain: [central, unit], role: 'central-system' }],
  ]
  for (const [certificate, input] of paths) {
    const result = checkPath(input, crypto)
    if (!result.ok) return { ok: false, certificate, reason: result.reason, text: result.text }
  }
  const certificates = { operating, central, unit }
  const failure = bindingFailure(certificates, expected, crypto)
  if (failure === undefined) return { ok: true, certificates }
  const [certificate, reason] = failure
  return { ok: false, certificate, reason, text: bindingReasons[reason] }
}

function bindingFailure(
  { operating, central, unit }: CheckedCertificates,
  expected: CompleteExpectation,
  crypto: Crypto,
): [CompleteFailure['certificate'], BindingReason] | undefined {
  const { binding } = operating
  if (binding === undefined || unit.customer === undefined)
    throw new DecodeError('COMPLETE: a binding is missing')
  if (!equal(operating.publicPoint, expected.point)) return ['operating', 'other-key']
  if (!equal(binding.nonce, expected.nonce)) return ['operating', 'other-begin']
  if (!equal(binding.centralKeyHash, crypto.sha256(central.publicPoint)))
    return ['operating', 'other-central']
  if (equal(central.publicPoint, expected.point)) return ['central', 'own-key']
  if (!isOnCurve(central.publicPoint, crypto)) return ['central', 'central-public-key']
  if (expected.customer !== undefined && !equal(unit.customer, expected.customer)) {
    return ['unit', 'other-customer']
  }
  return undefined
}

function isOnCurve(point: Uint8Array, crypto: Crypto): boolean {
  try {
    return withHandle(crypto.ecPublicKey(point), () => true)
  } catch (error) {
    if (error instanceof AuthError) return false
    throw error
  }
}
