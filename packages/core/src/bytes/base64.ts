import { DecodeError } from '../errors/index.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Standard base64 with padding, on one line (RFC 4648 section 4). */
export function encodeBase64(bytes: Uint8Array): string {
  let out = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    out += alphabet[group >> 18]! + alphabet[(group >> 12) & 63]!
    out += left > 1 ? alphabet[(group >> 6) & 63]! : '='
    out += left > 2 ? alphabet[group & 63]! : '='
  }
  return out
}

/** Decodes standard base64. Missing padding, blanks and stray bits behind the end are a DecodeError. */
export function decodeBase64(text: string): Uint8Array {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const digits = text.slice(0, text.length - padding)
  if (text.length % 4 !== 0) throw new DecodeError('base64: expected whole groups of four')
  const out = new Uint8Array((text.length / 4) * 3 - padding)
  let bits = 0
  let held = 0
  let length = 0
  for (const digit of digits) {
    const value = alphabet.indexOf(digit)
    if (value < 0) throw new DecodeError('base64: a character that is not of the alphabet')
    held = ((held << 6) | value) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      out[length++] = (held >> bits) & 0xff
    }
  }
  if ((held & ((1 << bits) - 1)) !== 0) throw new DecodeError('base64: stray bits behind the end')
  return out
}
