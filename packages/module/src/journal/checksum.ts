/** CRC-32 (IEEE 802.3) and CRC-32C (Castagnoli) over the same bytes, 8 bytes together. Finds accidents, not attackers. */
export function checksum(bytes: Uint8Array): Uint8Array {
  const a = crc(ieee, bytes)
  const b = crc(castagnoli, bytes)
  return Uint8Array.of(a >>> 24, a >>> 16, a >>> 8, a, b >>> 24, b >>> 16, b >>> 8, b)
}

/** Four bytes a step: a table for each of them, one behind the other. */
function crc(tables: Uint32Array, bytes: Uint8Array): number {
  let sum = 0xffffffff
  let i = 0
  for (const end = bytes.length - 3; i < end; i += 4) {
    sum ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    sum =
      tables[0x300 | (sum & 0xff)]! ^
      tables[0x200 | ((sum >>> 8) & 0xff)]! ^
      tables[0x100 | ((sum >>> 16) & 0xff)]! ^
      tables[sum >>> 24]!
  }
  for (; i < bytes.length; i++) sum = tables[(sum ^ bytes[i]!) & 0xff]! ^ (sum >>> 8)
  return ~sum
}

const ieee = tablesOf(0xedb88320)
const castagnoli = tablesOf(0x82f63b78)

function tablesOf(polynomial: number): Uint32Array {
  const tables = new Uint32Array(0x400)
  for (let byte = 0; byte < 0x100; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    tables[byte] = crc
  }
  for (let i = 0x100; i < 0x400; i++) {
    const before = tables[i - 0x100]!
    tables[i] = (before >>> 8) ^ tables[before & 0xff]!
  }
  return tables
}
