/** CRC-32 (IEEE 802.3) and CRC-32C (Castagnoli) over the same bytes, 8 bytes together. Finds accidents, not attackers. */
export function checksum(bytes: Uint8Array): Uint8Array {
  let ieee = 0xffffffff
  let castagnoli = 0xffffffff
  for (const byte of bytes) {
    ieee = ieeeTable[(ieee ^ byte) & 0xff]! ^ (ieee >>> 8)
    castagnoli = castagnoliTable[(castagnoli ^ byte) & 0xff]! ^ (castagnoli >>> 8)
  }
  const out = new Uint8Array(8)
  const view = new DataView(out.buffer)
  view.setUint32(0, ~ieee >>> 0)
  view.setUint32(4, ~castagnoli >>> 0)
  return out
}

const ieeeTable = table(0xedb88320)
const castagnoliTable = table(0x82f63b78)

function table(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    return crc >>> 0
  })
}
