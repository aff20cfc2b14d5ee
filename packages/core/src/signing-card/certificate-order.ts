import { Reader, Writer } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'

/** ORDER CERTIFICATE: which module is to be personalized, and at what time. The answer is the data of its BEGIN, whose nonce and salt the card makes. */
export interface CertificateOrder {
  /** Serial number of the module, 8 bytes. */
  readonly serial: Uint8Array
  /** Seconds since 1970. It counts only when two people have approved, and never goes back. */
  readonly time: number
}

/** serial(8) ‖ time(4). */
export function serializeCertificateOrder({ serial, time }: CertificateOrder): Uint8Array {
  if (serial.length !== 8) throw new UsageError(`serial number: expected 8 bytes, got ${serial.length}`)
  return new Writer().bytes(serial).u32(time).finish()
}

export function parseCertificateOrder(bytes: Uint8Array): CertificateOrder {
  const r = new Reader(bytes, 'ORDER CERTIFICATE')
  const order = { serial: r.take(8, 'serial number'), time: r.u32('time') }
  r.end()
  return order
}

/** ISSUE CERTIFICATE: everything that the card needs to decide by itself. */
export interface IssueRequest {
  /** The nonce of the card's answer to ORDER CERTIFICATE, 16 bytes. */
  readonly nonce: Uint8Array
  /** The answer of the module's BEGIN, 129 bytes. */
  readonly answer: Uint8Array
  /** The module's identity certificate, DER. */
  readonly identity: Uint8Array
  /** Documents by which people approve. */
  readonly approvals: readonly Uint8Array[]
}

/** nonce(16) ‖ answer of BEGIN(129) ‖ length(2) ‖ identity certificate ‖ (length(2) ‖ approval) for each. */
export function serializeIssueRequest({ nonce, answer, identity, approvals }: IssueRequest): Uint8Array {
  if (nonce.length !== 16 || answer.length !== 129) {
    throw new UsageError('expected a nonce of 16 bytes and an answer of 129')
  }
  const w = new Writer().bytes(nonce).bytes(answer)
  for (const part of [identity, ...approvals]) w.u16(part.length).bytes(part)
  return w.finish()
}

export function parseIssueRequest(bytes: Uint8Array): IssueRequest {
  const r = new Reader(bytes, 'ISSUE CERTIFICATE')
  const nonce = r.take(16, 'nonce')
  const answer = r.take(129, 'answer of BEGIN')
  const identity = r.take(r.u16('length'), 'identity certificate')
  const approvals: Uint8Array[] = []
  while (r.remaining > 0) approvals.push(r.take(r.u16('length'), 'approval'))
  return { nonce, answer, identity, approvals }
}
