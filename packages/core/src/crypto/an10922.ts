import { concat, fixedBytes, wipe } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import type { AesKey, Crypto } from '../ports/index.ts'

/**
 * Diversifies an AES key (NXP AN10922, 2.2 to 2.4): 16, 24 or 32 bytes as the master key.
 * @param input 1..31 bytes that name the unit and the use
 */
export function diversify(crypto: Crypto, masterKey: Uint8Array, input: Uint8Array): Uint8Array {
  const key = crypto.aes(masterKey)
  try {
    return diversifyWith(key, input)
  } finally {
    key[Symbol.dispose]()
  }
}

/** As `diversify`, for a master key that is already a handle. */
export function diversifyWith(masterKey: AesKey, input: Uint8Array): Uint8Array {
  if (input.length < 1 || input.length > 31) {
    throw new UsageError(`AN10922: expected an input of 1..31 bytes, ${input.length} came`)
  }
  // A frame is 32 bytes long, always: with 16 bytes or more that is CMAC's own padding, with fewer it is not.
  const blocks = input.length < 16 ? shortFrames(masterKey, input) : longFrames(masterKey, input)
  return joined(masterKey.length, blocks)
}

/**
 * As `diversify`, for a master key that only makes MACs, because it stays in a token.
 * @param length bytes of the master key
 * @param input 16 to 31 bytes: with fewer a frame is no CMAC
 * @param mac AES-CMAC under the master key
 */
export async function diversifyByMac(
  length: 16 | 24 | 32,
  input: Uint8Array,
  mac: (...parts: readonly Uint8Array[]) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  if (input.length < 16 || input.length > 31) {
    throw new UsageError(`AN10922 by MACs: expected an input of 16..31 bytes, ${input.length} came`)
  }
  const blocks: Uint8Array[] = []
  for (const constant of constants[length]) blocks.push(await mac(Uint8Array.of(constant), input))
  return joined(length, blocks)
}

function joined(length: 16 | 24 | 32, blocks: readonly Uint8Array[]): Uint8Array {
  const key = fixedBytes(length)
  key.set(blocks[0]!)
  if (length === 24) key.set(overlap(blocks[0]!, blocks[1]!), 8)
  else if (length === 32) key.set(blocks[1]!, 16)
  wipe(...blocks)
  return key
}

function longFrames(key: AesKey, input: Uint8Array): Uint8Array[] {
  return constants[key.length].map((constant) => key.cmac(Uint8Array.of(constant), input))
}

function shortFrames(key: AesKey, input: Uint8Array): Uint8Array[] {
  const k2 = key.encryptBlock(new Uint8Array(16))
  double(k2)
  double(k2)
  const blocks = constants[key.length].map((constant) => {
    const frame = concat(
      Uint8Array.of(constant),
      input,
      Uint8Array.of(0x80),
      new Uint8Array(30 - input.length),
    )
    for (let i = 0; i < 16; i++) frame[16 + i]! ^= k2[i]!
    const block = key.cbcEncrypt(new Uint8Array(16), frame).subarray(16)
    wipe(frame)
    return block
  })
  wipe(k2)
  return blocks
}

/** AES-192: A[0..7] ‖ (A[8..15] xor B[0..7]) ‖ B[8..15]. What follows the first 8 bytes, made in B's place. */
function overlap(a: Uint8Array, b: Uint8Array): Uint8Array {
  for (let i = 0; i < 8; i++) b[i]! ^= a[8 + i]!
  return b
}

/** Multiplies by x in GF(2^128), in place, as for the subkeys of CMAC (RFC 4493, 2.3). */
function double(block: Uint8Array): void {
  const carry = block[0]! >>> 7
  for (let i = 0; i < 16; i++) block[i] = (block[i]! << 1) | ((block[i + 1] ?? 0) >>> 7)
  block[15]! ^= carry * 0x87
}

// AES-256 has 41 and 42 (21 and 22 belong to two-key TDEA).
const constants = { 16: [0x01], 24: [0x11, 0x12], 32: [0x41, 0x42] } as const
