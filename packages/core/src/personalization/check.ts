import { equal } from '../bytes/index.ts'
import { DecodeError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { type Certificate, checkPath, type PathResult, parseCertificate } from '../x509/index.ts'
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

/** Which certificate fails, and why. */
export interface CompleteFailure {
  readonly certificate: 'operating' | 'central' | 'unit'
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
  const path = (chain: readonly Certificate[], role: Parameters<typeof checkPath>[0]['role']): PathResult =>
    checkPath(
      {
        chain,
        anchor: { publicPoint: expected.manufacturerPoint, role: 'manufacturer-root', test: expected.test },
        role,
        at: expected.time,
        insecureAcceptTest: expected.test,
        ...(role === 'module-operating' ? { serial: expected.serial } : {}),
      },
      crypto,
    )
  const results = [
    ['unit', path([unit], 'unit')],
    ['operating', path([operating, unit], 'module-operating')],
    ['central', path([central, unit], 'central-system')],
  ] as const
  for (const [certificate, result] of results) {
    if (!result.ok) return { ok: false, certificate, text: result.text }
  }
  const reason = bindingReason({ operating, central, unit }, expected, crypto)
  return reason === undefined
    ? { ok: true, certificates: { operating, central, unit } }
    : { ok: false, ...reason }
}

function bindingReason(
  { operating, central, unit }: CheckedCertificates,
  expected: CompleteExpectation,
  crypto: Crypto,
): CompleteFailure | undefined {
  const { binding } = operating
  if (binding === undefined || unit.customer === undefined)
    throw new DecodeError('COMPLETE: a binding is missing')
  if (!equal(operating.publicPoint, expected.point)) {
    return { certificate: 'operating', text: 'it is not for the key that BEGIN made' }
  }
  if (!equal(binding.nonce, expected.nonce)) {
    return { certificate: 'operating', text: 'it was made for another BEGIN' }
  }
  if (!equal(binding.centralKeyHash, crypto.sha256(central.publicPoint))) {
    return {
      certificate: 'operating',
      text: 'it names another central system than the certificate beside it',
    }
  }
  if (equal(central.publicPoint, expected.point)) {
    return { certificate: 'central', text: "it shows the module's own key" }
  }
  if (expected.customer !== undefined && !equal(unit.customer, expected.customer)) {
    return { certificate: 'unit', text: 'it works for another customer than the first personalization' }
  }
  return undefined
}
