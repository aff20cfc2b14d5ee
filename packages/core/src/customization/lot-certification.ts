import { ascii, equal, Reader, requireFormatVersion, Writer } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import { type IdentityRequest, parseIdentityRequest, serializeIdentityRequest } from './identity-request.ts'

const requestsMagic = ascii('SWLQ')
const certificatesMagic = ascii('SWLC')
const requestLength = 139

/** The identity requests of a lot, for the manufacturer: "SWLQ"(4) ‖ version(1) ‖ count(4) ‖ requests, 139 bytes each. */
export function serializeLotRequests(requests: readonly IdentityRequest[]): Uint8Array {
  const w = new Writer().bytes(requestsMagic).u8(1).u32(requests.length)
  for (const request of requests) w.bytes(serializeIdentityRequest(request))
  return w.finish()
}

export function parseLotRequests(bytes: Uint8Array): IdentityRequest[] {
  const r = new Reader(bytes, 'requests of a lot')
  if (!equal(r.take(4, 'magic'), requestsMagic)) throw r.fail('not the requests of a lot')
  requireFormatVersion('lot requests', r.u8('version'))
  const count = r.u32('count')
  const requests: IdentityRequest[] = []
  for (let i = 0; i < count; i++) requests.push(parseIdentityRequest(r.take(requestLength, 'request')))
  r.end()
  return requests
}

/** A certificate among many, with the serial number that it is looked up by: what it certifies stands in itself. */
export interface LotCertificate {
  /** 8 bytes. */
  readonly serial: Uint8Array
  /** DER. */
  readonly certificate: Uint8Array
}

/** The identity certificates of a lot: "SWLC"(4) ‖ version(1) ‖ count(4) ‖ certificates: serial(8) ‖ length(2) ‖ DER. */
export function serializeLotCertificates(certificates: readonly LotCertificate[]): Uint8Array {
  const w = new Writer().bytes(certificatesMagic).u8(1).u32(certificates.length)
  for (const { serial, certificate } of certificates) {
    if (serial.length !== 8 || certificate.length === 0) {
      throw new UsageError('a certificate of a lot: expected a serial number of 8 bytes, and a certificate')
    }
    w.bytes(serial).u16(certificate.length).bytes(certificate)
  }
  return w.finish()
}

export function parseLotCertificates(bytes: Uint8Array): LotCertificate[] {
  const r = new Reader(bytes, 'certificates of a lot')
  if (!equal(r.take(4, 'magic'), certificatesMagic)) throw r.fail('not the certificates of a lot')
  requireFormatVersion('lot certificates', r.u8('version'))
  const count = r.u32('count')
  const certificates: LotCertificate[] = []
  for (let i = 0; i < count; i++) {
    const serial = r.take(8, 'serial number')
    const length = r.u16('length of a certificate')
    if (length === 0) throw r.fail('a certificate without bytes')
    certificates.push({ serial, certificate: r.take(length, 'certificate') })
  }
  r.end()
  return certificates
}
