import { ascii, concat, Reader, u32 } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import type { EcPublicKey } from '../ports/index.ts'
import type { CompleteReceipt } from './complete.ts'

/** DEPERSONALIZE: which module, and which personalization of it, is to end. serial(8) ‖ SHA-256 of the operating certificate(32). */
export interface DepersonalizeRequest {
  readonly serial: Uint8Array
  readonly certificateDigest: Uint8Array
}

/** The event it became, and the operating key's last signature: the layout of COMPLETE's receipt. */
export type DepersonalizeReceipt = CompleteReceipt

export function parseDepersonalizeRequest(bytes: Uint8Array): DepersonalizeRequest {
  const r = new Reader(bytes, 'DEPERSONALIZE')
  const request = {
    serial: r.take(8, 'serial number'),
    certificateDigest: r.take(32, 'digest of the certificate'),
  }
  r.end()
  return request
}

export function serializeDepersonalizeRequest({
  serial,
  certificateDigest,
}: DepersonalizeRequest): Uint8Array {
  return concat(serial, certificateDigest)
}

/** What the operating key signs before it is erased: "DPS1" ‖ serial ‖ SHA-256 of its certificate ‖ event number ‖ chain. */
export function depersonalizeInput(
  { serial, certificateDigest }: DepersonalizeRequest,
  { number, chain }: Pick<DepersonalizeReceipt, 'number' | 'chain'>,
): Uint8Array[] {
  return [ascii(labels.depersonalize.text), serial, certificateDigest, u32(number), chain]
}

/** Whether this operating key has said that it ended. */
export function verifyDepersonalize(
  operating: EcPublicKey,
  request: DepersonalizeRequest,
  receipt: DepersonalizeReceipt,
): boolean {
  return operating.verify(receipt.signature, ...depersonalizeInput(request, receipt))
}
