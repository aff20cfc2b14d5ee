import { ascii, concat, equal, Reader, u16, u32 } from '../bytes/index.ts'
import { labels, statusWords } from '../catalog/index.ts'
import type { AesKey } from '../ports/index.ts'
import type { DownloadContext } from './derivation.ts'

/** What IMPORT KEY answers: KCV(5, CMAC) ‖ ACK(16). It convinces the loader that made the message, nobody else. */
export interface KeyReceipt {
  readonly checkValue: Uint8Array
  readonly acknowledgement: Uint8Array
}

/** ACK = CMAC(K_A, "ACK1" ‖ SN ‖ R ‖ REF2 ‖ XCTR ‖ KCV ‖ SW). */
export function acknowledge(
  key: AesKey,
  { serial, random, destination, counter }: DownloadContext,
  checkValue: Uint8Array,
  sw: number = statusWords.success.sw,
): Uint8Array {
  const label = ascii(labels.acknowledgement.text)
  return key.cmac(label, serial, random, u32(destination), u32(counter), checkValue, u16(sw))
}

export function verifyReceipt(key: AesKey, context: DownloadContext, receipt: KeyReceipt): boolean {
  return equal(acknowledge(key, context, receipt.checkValue), receipt.acknowledgement)
}

export function parseKeyReceipt(bytes: Uint8Array): KeyReceipt {
  const r = new Reader(bytes, 'key receipt')
  const receipt = { checkValue: r.take(5, 'KCV'), acknowledgement: r.take(16, 'ACK') }
  r.end()
  return receipt
}

export function serializeKeyReceipt({ checkValue, acknowledgement }: KeyReceipt): Uint8Array {
  return concat(checkValue, acknowledgement)
}
