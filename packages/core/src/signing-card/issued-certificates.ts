import { equal } from '../bytes/index.ts'
import { DecodeError } from '../errors/index.ts'
import type { BeginRequest } from '../personalization/index.ts'
import type { Crypto } from '../ports/index.ts'
import { type Certificate, moduleSerialText, type TicketNumber, tbsOfProfile } from '../x509/index.ts'

/** What a unit states of a module's operating key. Together with the unit's certificate it gives the signed bytes, whoever puts them together. */
export interface OperatingStatement {
  /** Of the certificate, 16 bytes, the first 40 to 7F. */
  readonly certificateNumber: Uint8Array
  /** Serial number of the module, 8 bytes. */
  readonly serial: Uint8Array
  readonly begin: BeginRequest
  /** The module's new key, 65 bytes. */
  readonly point: Uint8Array
  /** The central system's key, 65 bytes. */
  readonly centralPoint: Uint8Array
  readonly ticket?: TicketNumber
}

/** The bytes of an operating certificate that the unit's key signs. It begins at BEGIN's time and ends with the unit's certificate. */
export function operatingTbs(unit: Certificate, statement: OperatingStatement, crypto: Crypto): Uint8Array {
  const { certificateNumber, serial, begin, point, centralPoint, ticket } = statement
  return tbsOfProfile(
    {
      role: 'module-operating',
      serialNumber: certificateNumber,
      subject: { commonName: 'module', serialNumber: moduleSerialText(serial) },
      publicPoint: point,
      notBefore: begin.time,
      notAfter: unit.notAfter,
      issuer: unit,
      binding: {
        nonce: begin.nonce,
        customer: customerOf(unit),
        centralKeyHash: crypto.sha256(centralPoint),
      },
      ...(ticket === undefined ? {} : { ticket }),
    },
    crypto,
  )
}

/** What a unit states of the central system's key. */
export interface CentralStatement {
  readonly certificateNumber: Uint8Array
  /** Common name. */
  readonly name: string
  readonly point: Uint8Array
}

/** The bytes of the central system's certificate under a unit's, valid as long as that. */
export function centralTbs(
  unit: Certificate,
  { certificateNumber, name, point }: CentralStatement,
  crypto: Crypto,
): Uint8Array {
  return tbsOfProfile(
    {
      role: 'central-system',
      serialNumber: certificateNumber,
      subject: { commonName: name },
      publicPoint: point,
      notBefore: unit.notBefore,
      notAfter: unit.notAfter,
      issuer: unit,
    },
    crypto,
  )
}

/** A positive number of 16 bytes made of 16 random ones. */
export function certificateNumber(random: Uint8Array): Uint8Array {
  const number = random.slice()
  number[0] = (number[0]! & 0x7f) | 0x40
  return number
}

/** Whether a number of a certificate has the form that `certificateNumber` gives. */
export function isCertificateNumber(number: Uint8Array): boolean {
  return number.length === 16 && equal(number, certificateNumber(number))
}

function customerOf({ customer }: Certificate): Uint8Array {
  if (customer === undefined) throw new DecodeError("the unit's certificate names no customer")
  return customer
}
