import type { DocumentName, InterfaceName } from '../catalog/index.ts'
import {
  type DocumentFields,
  type MapReader,
  parseDocument,
  prepareDocument,
  readDocument,
  type SignedDocument,
  type UnsignedDocument,
} from '../cbor/index.ts'
import { DecodeError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { type AgreementNumber, agreementFields, readAgreement } from './agreement.ts'
import { readApplicationId, readPlaces, readPoint, readPositive, readResource } from './fields.ts'
import { readInterfaces } from './rights.ts'

/** What every document of an operator says that OPERATE carries. */
interface OperatorHeader {
  /** Serial number of the module it is for, 8 bytes. */
  readonly module: Uint8Array
  /** Rises with every document of this operator for this module. */
  readonly number: number
  /** The operator's time, seconds since 1970; in the module it never goes back. */
  readonly time: number
  /** 1 to 255. */
  readonly resource: number
}

/** Creates a resource (RES). */
export interface Reservation extends OperatorHeader {
  readonly type: 'reservation'
  /** 5 to 16 bytes. */
  readonly aid: Uint8Array
  /** The supplier's public key, 65 bytes. */
  readonly supplier: Uint8Array
  /** First address of the area; the module chooses when it is not there, and the receipt tells. */
  readonly start?: number
  /** Bytes of the area. */
  readonly size: number
  readonly interfaces: readonly InterfaceName[]
  /** Key places that `mac` and `cipher` reach. */
  readonly places: readonly number[]
  /** Units that one call of the program may spend. */
  readonly budget: number
  readonly agreement: AgreementNumber
}

/** Makes a resource unusable, usable again, or erases it. */
export interface ResourceOrder extends OperatorHeader {
  readonly type: 'block' | 'release' | 'deletion'
}

export type OperatorDocument = Reservation | ResourceOrder

/** Units for one call unless the operator says otherwise, and the highest number of them. */
export const callBudget = { usual: 20_000_000, highest: 0x3fff_ffff } as const

/** The document without its signature, which the operator's key makes. */
export function prepareOperatorDocument(
  document: OperatorDocument,
  operatorPoint: Uint8Array,
  crypto: Crypto,
): UnsignedDocument {
  const { type, ...fields } = document
  const payload: DocumentFields =
    type === 'reservation'
      ? { ...fields, agreement: agreementFields((document as Reservation).agreement) }
      : (fields as DocumentFields)
  return prepareDocument(type, payload, operatorPoint, crypto)
}

/** Parses what OPERATE carries. The signature is not checked. A field that is not known is a DecodeError: limits are not built yet. */
export function parseOperatorDocument(bytes: Uint8Array): {
  readonly document: OperatorDocument
  readonly signed: SignedDocument
} {
  const signed = parseDocument(bytes)
  const r = readDocument(signed)
  const header = {
    module: r.bytes('module', 8),
    number: readPositive(r, 'number'),
    time: r.uint('time'),
    resource: readResource(r),
  }
  const document =
    signed.type === 'reservation'
      ? { type: signed.type, ...header, ...readReservation(r) }
      : { type: orderType(signed.type), ...header }
  r.end()
  return { document, signed }
}

function readReservation(r: MapReader): Omit<Reservation, keyof OperatorHeader | 'type'> {
  const start = r.optional('start', () => r.uint('start'))
  const granted = readInterfaces(r)
  const places = readPlaces(r)
  const needsPlaces = granted.some((name) => name === 'mac' || name === 'cipher')
  if (places.length > 0 && !needsPlaces) throw r.fail('places go with the interfaces mac or cipher')
  return {
    aid: readApplicationId(r),
    supplier: readPoint(r, 'supplier'),
    ...(start === undefined ? {} : { start }),
    size: readPositive(r, 'size'),
    interfaces: granted,
    places,
    budget: readPositive(r, 'budget', callBudget.highest),
    agreement: readAgreement(r),
  }
}

function orderType(type: DocumentName): ResourceOrder['type'] {
  if (type === 'block' || type === 'release' || type === 'deletion') return type
  throw new DecodeError(`expected a document of an operator, got a ${type}`)
}
