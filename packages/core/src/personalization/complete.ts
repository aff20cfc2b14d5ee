import { ascii, Reader, u32, Writer } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'

/** COMPLETE: three certificates in DER, each behind its length (2 bytes). */
export interface CompleteRequest {
  readonly operating: Uint8Array
  readonly central: Uint8Array
  readonly unit: Uint8Array
}

/** What COMPLETE answers: the event it became, and the new operating key's signature. */
export interface CompleteReceipt {
  readonly number: number
  /** Event chain after it, 32 bytes. */
  readonly chain: Uint8Array
  readonly signature: Uint8Array
}

export function parseCompleteRequest(bytes: Uint8Array): CompleteRequest {
  const r = new Reader(bytes, 'COMPLETE')
  const next = (field: string): Uint8Array => r.take(r.u16(`length of ${field}`), field)
  const request = {
    operating: next('operating certificate'),
    central: next("central system's certificate"),
    unit: next("unit's certificate"),
  }
  r.end()
  return request
}

export function serializeCompleteRequest({ operating, central, unit }: CompleteRequest): Uint8Array {
  const w = new Writer()
  for (const certificate of [operating, central, unit]) w.u16(certificate.length).bytes(certificate)
  return w.finish()
}

export function parseCompleteReceipt(bytes: Uint8Array): CompleteReceipt {
  const r = new Reader(bytes, 'receipt of COMPLETE')
  const receipt = {
    number: r.u32('event number'),
    chain: r.take(32, 'chain'),
    signature: r.take(64, 'signature'),
  }
  r.end()
  return receipt
}

export function serializeCompleteReceipt({ number, chain, signature }: CompleteReceipt): Uint8Array {
  return new Writer().u32(number).bytes(chain).bytes(signature).finish()
}

/** What the operating key signs: "CPL1" ‖ serial ‖ SHA-256 of COMPLETE's data ‖ event number ‖ chain. */
export function completeInput(
  serial: Uint8Array,
  requestDigest: Uint8Array,
  { number, chain }: Pick<CompleteReceipt, 'number' | 'chain'>,
): Uint8Array[] {
  return [ascii(labels.complete.text), serial, requestDigest, u32(number), chain]
}
