import { decodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import type { Crypto } from '@sealwright/core/ports'
import type { Step } from './step.ts'

/** A fingerprint as people tell it: 64 hex digits, blanks and colons as they like. Undefined when the option is not there. */
export function fingerprintOption(step: Step, name: string): Uint8Array | undefined {
  const text = step.optional(name)?.replace(/[\s:]/g, '')
  if (text === undefined) return undefined
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new UsageError(`--${name}: expected 64 hex digits`)
  return decodeHex(text)
}

/** A customer id: 32 hex digits are taken as they are, a name is the first 16 bytes of SHA-256 over its UTF-8. */
export function customerOf(text: string, crypto: Crypto): Uint8Array {
  if (/^[0-9a-fA-F]{32}$/.test(text)) return decodeHex(text)
  if (text.trim() === '') throw new UsageError('expected a customer, got nothing')
  return crypto.sha256(new TextEncoder().encode(text)).slice(0, 16)
}
