import { equal } from '../bytes/index.ts'
import {
  parseDocument,
  prepareDocument,
  readDocument,
  type SignedDocument,
  type UnsignedDocument,
  verifyDocument,
} from '../cbor/index.ts'
import { withHandle } from '../crypto/index.ts'
import { AuthError, DecodeError, PeerError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { type Certificate, parseCertificate, requirePath } from '../x509/index.ts'
import { parseOperatorDocument, type Reservation } from './operator-document.ts'
import { parseResourceReceipt, type ResourceReceipt, verifyResourceReceipt } from './receipt.ts'

/** What the operator gives the supplier (ACT): payload of an `activation` document. */
export interface Activation {
  /** Serial number of the module, 8 bytes. */
  readonly module: Uint8Array
  readonly resource: number
  /** The module's operating certificate and the unit's that signed it, DER. */
  readonly operating: Uint8Array
  readonly unit: Uint8Array
  /** The reservation as the module took it, and the module's receipt for it. */
  readonly reservation: Uint8Array
  readonly reserved: Uint8Array
  /** The document that made the resource usable, and the module's receipt for it. */
  readonly release: Uint8Array
  readonly released: Uint8Array
  /** The operator's certificate by the authority, DER. */
  readonly operator: Uint8Array
}

/** What a supplier takes an activation with: its own key, and what it pinned before. */
export interface ActivationTrust {
  /** The supplier's public key, 65 bytes. */
  readonly supplierPoint: Uint8Array
  readonly manufacturerRoot: Certificate
  readonly authority: Certificate
  /** Seconds since 1970. */
  readonly at: number
}

/** An activation that holds: the module has this supplier's key in this resource, and says so itself. */
export interface CheckedActivation {
  readonly module: Uint8Array
  readonly resource: number
  /** The module's operating public key, 65 bytes. */
  readonly modulePoint: Uint8Array
  readonly operating: Certificate
  readonly operator: Certificate
  readonly reservation: Reservation
  readonly receipt: ResourceReceipt
}

/** The activation without its signature, which the operator's key makes. */
export function prepareActivation(
  activation: Activation,
  operatorPoint: Uint8Array,
  crypto: Crypto,
): UnsignedDocument {
  return prepareDocument('activation', { ...activation }, operatorPoint, crypto)
}

export function parseActivation(bytes: Uint8Array): {
  readonly activation: Activation
  readonly signed: SignedDocument
} {
  const signed = parseDocument(bytes)
  if (signed.type !== 'activation') throw new DecodeError(`expected an activation, got a ${signed.type}`)
  const r = readDocument(signed)
  const activation = {
    module: r.bytes('module', 8),
    resource: r.uint('resource', 0xff),
    operating: r.bytes('operating'),
    unit: r.bytes('unit'),
    reservation: r.bytes('reservation'),
    reserved: r.bytes('reserved'),
    release: r.bytes('release'),
    released: r.bytes('released'),
    operator: r.bytes('operator'),
  }
  r.end()
  return { activation, signed }
}

/**
 * The supplier's check before it opens a channel (C6): the module's certificates up to the pinned manufacturer's root, its receipts for
 * the reservation and the release, the reservation naming the supplier's own key, the operator's certificate up to the pinned authority.
 * A certificate that does not hold is a PeerError `certificate-refused`,
 * anything else that does not fit a PeerError `not-trusted`; a wrong signature is an AuthError.
 */
export function checkActivation(
  bytes: Uint8Array,
  trust: ActivationTrust,
  crypto: Crypto,
): CheckedActivation {
  const { activation, signed } = parseActivation(bytes)
  const { module, resource } = activation
  const { at } = trust
  const operator = pathLeaf([parseCertificate(activation.operator)], trust.authority, 'operator', at, crypto)
  requireSigned(signed, operator.publicPoint, crypto)
  const chain = [parseCertificate(activation.operating), parseCertificate(activation.unit)]
  const operating = pathLeaf(chain, trust.manufacturerRoot, 'module-operating', at, crypto, module)

  const reserved = parseOperatorDocument(activation.reservation)
  const released = parseOperatorDocument(activation.release)
  for (const { document, signed: inner } of [reserved, released]) {
    requireSigned(inner, operator.publicPoint, crypto)
    if (!equal(document.module, module) || document.resource !== resource) {
      throw notTrusted(`the ${document.type} is for another module or resource than the activation`)
    }
  }
  const reservation = reserved.document
  if (reservation.type !== 'reservation' || released.document.type !== 'release') {
    throw notTrusted('the activation does not hold a reservation and its release')
  }
  if (!equal(reservation.supplier, trust.supplierPoint)) {
    throw notTrusted("the reservation names another supplier's key")
  }
  const receipt = requireReceipt(activation.reserved, activation.reservation, module, operating, crypto)
  const later = requireReceipt(activation.released, activation.release, module, operating, crypto)
  const same =
    later.resource === receipt.resource && later.start === receipt.start && later.end === receipt.end
  if (receipt.resource !== resource || receipt.state !== 'reserved' || later.state !== 'active' || !same) {
    throw notTrusted("the module's receipts do not say that this resource was reserved and released")
  }
  if (receipt.end - receipt.start !== reservation.size) {
    throw notTrusted("the area in the module's receipt has another size than the reservation")
  }
  const modulePoint = operating.publicPoint
  return { module, resource, modulePoint, operating, operator, reservation, receipt: later }
}

/** The leaf of a chain that holds up to what was pinned; otherwise a PeerError `certificate-refused` that says why. */
export function pathLeaf(
  chain: readonly Certificate[],
  anchor: Certificate,
  role: keyof typeof pathNames,
  at: number,
  crypto: Crypto,
  serial?: Uint8Array,
): Certificate {
  const input = { chain, anchor, role, at, insecureAcceptTest: anchor.test }
  return requirePath(
    { ...input, ...(serial === undefined ? {} : { serial }) },
    [...pathNames[role], `pinned ${anchor.role ?? 'root'}`],
    crypto,
  )
}

/** What to call the certificates of a chain, leaf first. */
const pathNames = {
  'module-operating': ["module's operating certificate", "unit's certificate"],
  operator: ["operator's certificate"],
  supplier: ["supplier's certificate"],
} as const

/** What a party was given does not fit what it knows. */
export function notTrusted(reason: string): PeerError {
  return new PeerError(reason, { code: 'not-trusted' })
}

function requireSigned(document: SignedDocument, point: Uint8Array, crypto: Crypto): void {
  const holds = withHandle(crypto.ecPublicKey(point), (key) =>
    verifyDocument(document, document.type, key, crypto),
  )
  if (!holds) throw new AuthError()
}

function requireReceipt(
  bytes: Uint8Array,
  document: Uint8Array,
  module: Uint8Array,
  operating: Certificate,
  crypto: Crypto,
): ResourceReceipt {
  const receipt = parseResourceReceipt(bytes)
  const holds = withHandle(crypto.ecPublicKey(operating.publicPoint), (key) =>
    verifyResourceReceipt(key, module, crypto.sha256(document), receipt),
  )
  if (!holds) throw new AuthError()
  return receipt
}
