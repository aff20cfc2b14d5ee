import { concat } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import { DerReader } from './reader.ts'

// SEC 2 section 2.4.2: the order n of P-256.
const order = 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n

/** Ecdsa-Sig-Value (RFC 5480 appendix A) from raw r‖s of 64 bytes. */
export function serializeEcdsaSignature(raw: Uint8Array): Uint8Array {
  if (raw.length !== 64) throw new UsageError(`expected a signature of 64 bytes, got ${raw.length}`)
  const [r, s] = [integerOf(raw, 0), integerOf(raw, 32)]
  const out = new Uint8Array(6 + r.length + s.length)
  out[0] = 0x30
  out[1] = 4 + r.length + s.length
  writeInteger(out, 2, raw, r)
  writeInteger(out, 4 + r.length, raw, s)
  return out
}

/** Where the 32 bytes at `at` begin as an INTEGER without needless zeros, and how long it is with the zero that keeps it positive. */
function integerOf(raw: Uint8Array, at: number): { readonly from: number; readonly length: number } {
  let from = at
  while (from < at + 31 && raw[from] === 0) from++
  return { from, length: at + 32 - from + (raw[from]! >>> 7) }
}

function writeInteger(
  out: Uint8Array,
  at: number,
  raw: Uint8Array,
  { from, length }: { readonly from: number; readonly length: number },
): void {
  out[at] = 0x02
  out[at + 1] = length
  const padding = raw[from]! >>> 7
  out.set(raw.subarray(from, from + length - padding), at + 2 + padding)
}

/** Raw r‖s (64 bytes) of an Ecdsa-Sig-Value. r and s in 1..n-1 and s in the lower half, else DecodeError. */
export function parseEcdsaSignature(bytes: Uint8Array): Uint8Array {
  const outer = new DerReader(bytes, 'ECDSA signature')
  const r = outer.sequence('value')
  outer.end()
  const parts = [r.integer('r'), r.integer('s')] as const
  r.end()
  if (parts.some((part) => part.length > 32)) throw r.fail('r or s is longer than 32 bytes')
  const raw = concat(...parts.flatMap((part) => [new Uint8Array(32 - part.length), part]))
  if (!isLowS(raw)) throw r.fail('r or s is out of range, or s is not in the lower half')
  return raw
}

/** Whether raw r‖s is in range with s in the lower half, the only form that Sealwright's formats take. */
export function isLowS(raw: Uint8Array): boolean {
  if (raw.length !== 64) return false
  const [r, s] = [number(raw.subarray(0, 32)), number(raw.subarray(32))]
  return r > 0n && r < order && s > 0n && s <= order / 2n
}

/** The equivalent signature with s in the lower half, for signers (HSM, cards) that do not care. */
export function toLowS(raw: Uint8Array): Uint8Array {
  if (raw.length !== 64) throw new UsageError(`expected a signature of 64 bytes, got ${raw.length}`)
  const s = number(raw.subarray(32))
  if (s <= order / 2n) return raw.slice()
  const out = raw.slice()
  for (let i = 63, rest = order - s; i >= 32; i--, rest >>= 8n) out[i] = Number(rest & 0xffn)
  return out
}

function number(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}
