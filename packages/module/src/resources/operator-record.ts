import { type Reader, Writer } from '@sealwright/core/bytes'
import { resourceReceiptLength } from '@sealwright/core/resources'

/** The last document of one operator, kept in DEF for good: the number only rises, and the same document gives the same receipt. */
export interface OperatorRecord {
  /** First 16 bytes of SHA-256 of the operator's public point. */
  readonly keyId: Uint8Array
  readonly number: number
  /** The operator's time, seconds since 1970. */
  readonly time: number
  /** SHA-256 of the document, 32 bytes. */
  readonly document: Uint8Array
  readonly receipt: Uint8Array
}

/** key id(16) ‖ number(4) ‖ time(4) ‖ document(32) ‖ receipt(110), behind the form byte of an entry. */
export function serializeOperatorRecord(record: OperatorRecord): Uint8Array {
  const { keyId, number, time, document, receipt } = record
  return new Writer().bytes(keyId).u32(number).u32(time).bytes(document).bytes(receipt).finish()
}

export function parseOperatorRecord(r: Reader): OperatorRecord {
  return {
    keyId: r.take(16, 'key id'),
    number: r.u32('number'),
    time: r.u32('time'),
    document: r.take(32, 'document'),
    receipt: r.take(resourceReceiptLength, 'receipt'),
  }
}
