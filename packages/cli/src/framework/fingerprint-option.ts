import { decodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import type { Crypto } from '@sealwright/core/ports'
import type { Step } from './step.ts'

/**
 * A fingerprint as people tell it: 64 hex digits, blanks and colons as they like, in `--NAME`, or in a file that came by another way in
 * `--NAME-file`. Undefined when neither option is there.
 */
export function fingerprintOption(step: Step, name: string): Uint8Array | undefined {
  const file = step.optional(`${name}-file`)
  const told = file === undefined ? step.optional(name) : new TextDecoder().decode(step.readFile(file))
  const text = told?.replace(/[\s:]/g, '')
  if (text === undefined) return undefined
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new UsageError(`${file ?? `--${name}`}: expected 64 hex digits`)
  return decodeHex(text)
}

/** The same where the key comes with nothing else that would vouch for it. */
export function requiredFingerprint(step: Step, name: string): Uint8Array {
  const told = fingerprintOption(step, name)
  if (told === undefined) throw new UsageError(`--${name} or --${name}-file: the key's fingerprint is needed`)
  return told
}

/** A customer id: 32 hex digits are taken as they are, a name is the first 16 bytes of SHA-256 over its UTF-8. */
export function customerOf(text: string, crypto: Crypto): Uint8Array {
  if (/^[0-9a-fA-F]{32}$/.test(text)) return decodeHex(text)
  if (text.trim() === '') throw new UsageError('expected a customer, got nothing')
  return crypto.sha256(new TextEncoder().encode(text)).slice(0, 16)
}
