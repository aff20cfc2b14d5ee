/** The epilogue of a block (ISO/IEC 7816-3, 11.3.4): one byte of exclusive-or, or two of a cyclic redundancy code. */
export type ErrorDetection = 'lrc' | 'crc'

export const epilogueLength: Readonly<Record<ErrorDetection, number>> = { lrc: 1, crc: 2 }

/** The epilogue over prologue and information field. */
export function epilogue(covered: Uint8Array, kind: ErrorDetection): Uint8Array {
  return kind === 'lrc' ? Uint8Array.of(lrc(covered)) : crc(covered)
}

function lrc(bytes: Uint8Array): number {
  let sum = 0
  for (const byte of bytes) sum ^= byte
  return sum
}

/**
 * ISO/IEC 13239's 16 bits, complemented. The low byte goes first: characters are sent with their low bit first, and only in that order is the
 * code cyclic on the line, so that it notices every burst of up to 16 bits.
 */
function crc(bytes: Uint8Array): Uint8Array {
  let register = 0xffff
  for (const byte of bytes) {
    register ^= byte
    for (let bit = 0; bit < 8; bit++)
      register = (register & 1) === 0 ? register >>> 1 : (register >>> 1) ^ polynomial
  }
  const sum = ~register & 0xffff
  return Uint8Array.of(sum & 0xff, sum >>> 8)
}

/** x^16 + x^12 + x^5 + 1, low bit first. */
const polynomial = 0x8408
