/**
 * Whether 32 bytes are the canonical encoding of y (y < p; RFC 8032, 5.1.3) of an Ed25519 point that has no small
 * order. Under a key of small order one signature fits many messages. Says nothing about the point lying on the curve.
 */
export function ed25519PointIsSound(point: Uint8Array): boolean {
  const y = littleEndian(point) & ((1n << 255n) - 1n)
  return y < fieldPrime && !smallOrder.has(y)
}

export function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

const fieldPrime = 2n ** 255n - 19n

/** y of the points of order 4, 1, 2, 8 and 8. */
const smallOrder: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  fieldPrime - 1n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
])
