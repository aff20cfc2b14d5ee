import { equal } from '../bytes/index.ts'
import type { Certification } from '../catalog/index.ts'
import { withHandle } from '../crypto/index.ts'
import { AuthError, DecodeError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import {
  type Binding,
  type Certificate,
  checkPath,
  type PathInput,
  type PathReason,
  parseCertificate,
  pathReasons,
} from '../x509/index.ts'
import { bareCertificateReason, isBareCertificate, parseBareCertificate } from './bare-certificate.ts'
import type { CompleteRequest } from './complete.ts'
import { type Policy, type PolicyName, strictPolicy } from './policy.ts'

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
  /** Variants that the product allows; none unless given. */
  readonly policy?: Policy
}

export interface CheckedCertificates {
  readonly unit: Certificate
  /** The central system's public key, 65 bytes. */
  readonly centralPoint: Uint8Array
  /** Absent where the key came without one. */
  readonly central: Certificate | undefined
  /** What the trust in the central system rests on. */
  readonly certification: Certification
}

/** Why certificates whose chain holds do not fit one another or the module, each with a text for people. */
export const bindingReasons = {
  'other-key': 'it is not for the key that BEGIN made',
  'other-begin': 'it was made for another BEGIN',
  'other-central': 'it names another central system than the one beside it',
  'own-key': "it shows the module's own key",
  'central-public-key': 'its key is not a point of the curve',
  'other-customer': 'it works for another customer than the first personalization',
  policy: "it is of a form that the module's policy does not allow",
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

type Failure = Pick<CompleteFailure, 'certificate' | 'reason'> & { readonly text?: string }

/** Roles and chain of all three certificates up to the manufacturer's key (B8). Malformed bytes are a DecodeError. */
export function checkCertificates(
  request: CompleteRequest,
  expected: CompleteExpectation,
  crypto: Crypto,
): CompleteResult {
  const fail = ({ certificate, reason, text }: Failure): CompleteResult => {
    const explanation = text ?? bindingReasons[reason as BindingReason]
    return { ok: false, certificate, reason, text: explanation }
  }
  const unit = parseCertificate(request.unit)
  const central = isBarePoint(request.central) ? undefined : parseCertificate(request.central)
  const centralPoint = central?.publicPoint ?? request.central
  const form = formFailure(request, expected.policy ?? strictPolicy)
  if (form !== undefined) return fail(form)
  const curve = centralFailure(centralPoint, expected, crypto)
  if (curve !== undefined) return fail(curve)

  let certification: Certification = 'chain'
  let failure = pathFailure([unit], 'unit', expected.manufacturerPoint, expected, crypto)
  if (failure !== undefined && expected.policy?.has('circular-certification')) {
    // The other way round the central system vouches for the unit that vouches for it: plausible, and no more.
    certification = 'plausible only'
    failure = pathFailure([unit], 'unit', centralPoint, expected, crypto)
  }
  if (failure !== undefined) return fail(failure)
  const anchor = certification === 'chain' ? expected.manufacturerPoint : centralPoint
  failure =
    operatingFailure(request.operating, unit, anchor, centralPoint, expected, crypto) ??
    (central && pathFailure([central, unit], 'central', anchor, expected, crypto))
  if (failure !== undefined) return fail(failure)
  if (expected.customer !== undefined && !equal(unit.customer!, expected.customer)) {
    return fail({ certificate: 'unit', reason: 'other-customer' })
  }
  return { ok: true, certificates: { unit, central, centralPoint, certification } }
}

/** Whether the central system's key stands there without a certificate: 65 bytes that begin with 04. */
function isBarePoint(bytes: Uint8Array): boolean {
  return bytes[0] === 0x04 && bytes.length === 65
}

function formFailure({ operating, central }: CompleteRequest, policy: Policy): Failure | undefined {
  const needs: [Failure['certificate'], boolean, PolicyName][] = [
    ['operating', isBareCertificate(operating), 'bare-signature'],
    ['central', isBarePoint(central), 'central-key-bare'],
  ]
  const found = needs.find(([, isBare, name]) => isBare && !policy.has(name))
  return found && { certificate: found[0], reason: 'policy' }
}

function centralFailure(
  centralPoint: Uint8Array,
  { point }: CompleteExpectation,
  crypto: Crypto,
): Failure | undefined {
  if (equal(centralPoint, point)) return { certificate: 'central', reason: 'own-key' }
  return isOnCurve(centralPoint, crypto)
    ? undefined
    : { certificate: 'central', reason: 'central-public-key' }
}

function pathFailure(
  chain: readonly Certificate[],
  certificate: CompleteFailure['certificate'],
  anchorPoint: Uint8Array,
  { time, test, serial }: CompleteExpectation,
  crypto: Crypto,
): Failure | undefined {
  const role = ({ unit: 'unit', operating: 'module-operating', central: 'central-system' } as const)[
    certificate
  ]
  const input: PathInput = {
    chain,
    anchor: { publicPoint: anchorPoint, role: 'manufacturer-root', test },
    role,
    at: time,
    insecureAcceptTest: test,
    ...(certificate === 'operating' ? { serial } : {}),
  }
  const result = checkPath(input, crypto)
  return result.ok ? undefined : { certificate, reason: result.reason, text: result.text }
}

function operatingFailure(
  bytes: Uint8Array,
  unit: Certificate,
  anchorPoint: Uint8Array,
  centralPoint: Uint8Array,
  expected: CompleteExpectation,
  crypto: Crypto,
): Failure | undefined {
  const certificate = 'operating'
  let binding: Binding | undefined
  if (isBareCertificate(bytes)) {
    const bare = parseBareCertificate(bytes)
    const { publicPoint, customer } = unit
    const signer = { point: publicPoint, customer }
    const reason = bareCertificateReason(bare, expected, signer, expected.time, crypto)
    if (reason !== undefined) return { certificate, reason, text: pathReasons[reason] }
    binding = bare.binding
  } else {
    const operating = parseCertificate(bytes)
    const failure = pathFailure([operating, unit], certificate, anchorPoint, expected, crypto)
    if (failure !== undefined) return failure
    if (!equal(operating.publicPoint, expected.point)) return { certificate, reason: 'other-key' }
    binding = operating.binding
  }
  if (binding === undefined || unit.customer === undefined) {
    throw new DecodeError('COMPLETE: a binding is missing')
  }
  if (!equal(binding.nonce, expected.nonce)) return { certificate, reason: 'other-begin' }
  if (!equal(binding.centralKeyHash, crypto.sha256(centralPoint)))
    return { certificate, reason: 'other-central' }
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
