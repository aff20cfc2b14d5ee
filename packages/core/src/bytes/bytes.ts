import { DecodeError, UsageError } from '../errors/index.ts'

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    out.set(part, offset)
    offset += part.length
  }
  return out
}

/** Copies so many bytes from one place to another. Short ones byte by byte: to make a view for them takes longer. */
export function copyBytes(from: Uint8Array, start: number, length: number, to: Uint8Array, at: number): void {
  if (length > 64) to.set(from.subarray(start, start + length), at)
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i]!
}

/** Compares without a branch on the content: the only comparison for secrets, MACs and cryptograms. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}

/**
 * Zeros for a secret to be written into. V8 keeps up to 64 bytes inside its heap, where the collector moves them and leaves the old place
 * as it was; behind an ArrayBuffer of their own they stay where they are, so that `wipe` meets the only copy.
 */
export function fixedBytes(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length))
}

/** Whether nothing but zeros stands there; not in constant time. Most of it by words: memories that were never written are long. */
export function allZero(bytes: Uint8Array): boolean {
  const { buffer, byteOffset, length } = bytes
  let at = 0
  if (byteOffset % 4 === 0) {
    if (length > 0 && bytes[0] !== 0) return false
    const words = new Uint32Array(buffer, byteOffset, length >>> 2)
    for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false
    at = 4 * words.length
  }
  for (; at < length; at++) if (bytes[at] !== 0) return false
  return true
}

/** Overwrites buffers that held secrets. */
export function wipe(...buffers: readonly (Uint8Array | undefined)[]): void {
  for (const buffer of buffers) buffer?.fill(0)
}

export function encodeHex(bytes: Uint8Array): string {
  let out = ''
  for (const byte of bytes) out += byte.toString(16).padStart(2, '0')
  return out.toUpperCase()
}

/** Decodes hex; blanks between bytes are allowed. Anything else is a DecodeError. */
export function decodeHex(text: string): Uint8Array {
  if (!/^\s*(?:[0-9a-fA-F]{2}\s*)*$/.test(text)) {
    throw new DecodeError('hex: expected pairs of hex digits')
  }
  const digits = text.replace(/\s+/g, '')
  const out = new Uint8Array(digits.length / 2)
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)
  return out
}

/** ASCII text as bytes; the labels of signed inputs and key derivations. Other characters are a UsageError. */
export function ascii(text: string): Uint8Array {
  const out = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) throw new UsageError(`ascii: expected characters below 80, ${code.toString(16)} came`)
    out[i] = code
  }
  return out
}

/** Text from ASCII bytes; a byte of 80 or above is a DecodeError. */
export function fromAscii(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) {
    if (byte > 0x7f) throw new DecodeError(`ascii: expected bytes below 80, ${byte.toString(16)} came`)
    text += String.fromCharCode(byte)
  }
  return text
}

/** Four bytes, big-endian; a number that does not fit is a UsageError. */
export function u32(value: number): Uint8Array {
  requireWidth(value, 4)
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
}

/** Two bytes, big-endian; a number that does not fit is a UsageError. */
export function u16(value: number): Uint8Array {
  requireWidth(value, 2)
  return Uint8Array.of(value >>> 8, value & 0xff)
}

/** Refuses what is no whole number of at most `width` bytes. */
export function requireWidth(value: number, width: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * width)) {
    throw new UsageError(`a number of ${width} bytes cannot hold ${value}`)
  }
}
