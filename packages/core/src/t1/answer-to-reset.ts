import { concat, Reader } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import { longestInformation } from './block.ts'
import { type ErrorDetection, epilogue } from './error-detection.ts'

/** What a module says of itself at reset: how long a block it takes, and its historical bytes. */
export interface AnswerToReset {
  /** Longest information field that the module takes, 1 to 254 bytes (IFSC). */
  readonly ifs: number
  readonly detection: ErrorDetection
  readonly historical: Uint8Array
}

/**
 * Parses an answer to reset (ISO/IEC 7816-3, 8.2) of the one form that modules here give: T=1 alone, with the bytes for IFSC and epilogue,
 * 3B 8k 81 51 IFSC EDC ‖ historical(k) ‖ TCK. Others are a DecodeError.
 */
export function parseAnswerToReset(bytes: Uint8Array): AnswerToReset {
  const r = new Reader(bytes, 'answer to reset')
  const initial = r.u8('TS')
  const format = r.u8('T0')
  if (initial !== 0x3b || format >>> 4 !== 0x8) throw r.fail('not the form of a T=1 module')
  if (r.u8('TD1') !== 0x81 || r.u8('TD2') !== 0x51) throw r.fail('not the interface bytes of a T=1 module')
  const ifs = r.u8('TA3')
  if (ifs < 1 || ifs > longestInformation) throw r.fail('no information field size')
  const check = r.u8('TC3')
  if (check > 1) throw r.fail('reserved bits of TC3 are set')
  const historical = r.take(format & 0x0f, 'historical bytes')
  r.u8('TCK')
  r.end()
  // Over all bytes from T0 to TCK the exclusive-or is 0.
  if (epilogue(bytes.subarray(1), 'lrc')[0] !== 0) throw r.fail('wrong TCK')
  return { ifs, detection: check === 1 ? 'crc' : 'lrc', historical }
}

export function serializeAnswerToReset({ ifs, detection, historical }: AnswerToReset): Uint8Array {
  if (historical.length > 15 || ifs < 1 || ifs > longestInformation)
    throw new UsageError('an answer to reset has an IFS of 1 to 254 and at most 15 historical bytes')
  const checked = concat(
    Uint8Array.of(0x80 | historical.length, 0x81, 0x51, ifs, detection === 'crc' ? 1 : 0),
    historical,
  )
  return concat(Uint8Array.of(0x3b), checked, epilogue(checked, 'lrc'))
}
