/** What a hash of a PIN costs: scrypt (RFC 7914). */
export interface PinCost {
  readonly logN: number
  readonly r: number
  readonly p: number
}

/** scrypt: 32 bytes of a PIN and a salt of 16 bytes. The caller wipes the result. */
export type SlowHash = (pin: Uint8Array, salt: Uint8Array, cost: PinCost) => Promise<Uint8Array>

/** 32 MiB and about a quarter of a second. */
export const usualPinCost: PinCost = { logN: 15, r: 8, p: 3 }

/** Whoever writes a record must not make its reader compute for hours, or fill the memory. */
export function isBearable({ logN, r, p }: PinCost): boolean {
  return logN >= 10 && logN <= 20 && r >= 1 && r <= 16 && p >= 1 && p <= 4 && 2 ** logN * r * 128 <= 2 ** 28
}
