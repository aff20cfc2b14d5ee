import { equal, Reader, wipe } from '../bytes/index.ts'
import { unpad80 } from '../crypto/index.ts'
import { DecodeError } from '../errors/index.ts'
import type { AesKey, Crypto } from '../ports/index.ts'
import { type Attributes, attributesLength, parseAttributes } from './attributes.ts'
import { type DownloadContext, type DownloadKeys, downloadKeys } from './derivation.ts'
import { serializeHeader } from './header.ts'
import type { KeyMessage } from './message.ts'
import { type KeySignatureCheck, signatureInput } from './signature.ts'
import { suiteRow } from './suite.ts'

/** A message whose CAS held. Nothing is decrypted yet. */
export interface CheckedMessage extends Disposable {
  readonly message: KeyMessage
  readonly context: DownloadContext
  readonly keys: DownloadKeys
}

/** The key that came out, with what was signed about it. The caller wipes `key`. */
export interface OpenedKey {
  readonly attributes: Attributes
  readonly key: Uint8Array
}

/**
 * First half of the module's side: derives the keys of this download and compares CAS in constant time. Undefined when it does not
 * hold; then nothing was decrypted (A8). The context holds the module's own SN, R, REF1 and REF2, and XCTR from HDR.
 */
export function checkMessage(
  crypto: Crypto,
  storedKey: AesKey,
  message: KeyMessage,
  context: DownloadContext,
): CheckedMessage | undefined {
  if (storedKey.length !== suiteRow(message.header.suite).keyLength) return undefined
  const keys = downloadKeys(crypto, storedKey, context)
  const expected = keys.check.cmac(serializeHeader(message.header), message.cryptogram)
  if (equal(expected, message.certificate)) {
    return { message, context, keys, [Symbol.dispose]: () => keys[Symbol.dispose]() }
  }
  keys[Symbol.dispose]()
  return undefined
}

/**
 * Second half: decrypts and checks padding, R, ATTR and SAS. Undefined for each failure, with the same calls made, so that they cannot
 * be told apart (A9). Slot policy and version are the caller's.
 */
export function openMessage(
  { message, context, keys }: CheckedMessage,
  signature: KeySignatureCheck,
): OpenedKey | undefined {
  const { signatureLength, keyLength } = suiteRow(message.header.suite)
  const padded = keys.encryption.cbcDecrypt(new Uint8Array(16), message.cryptogram)
  const plaintext = unpad80(padded) ?? new Uint8Array(0)
  try {
    const parsed = parsePlaintext(plaintext, signatureLength)
    const { attributes, key, sas, random } = parsed ?? substitute(signatureLength)
    const signed = signature.verify(sas, ...signatureInput(context, attributes, key))
    const sound = parsed !== undefined && equal(random, context.random) && key.length <= keyLength
    if (sound && signed) return { attributes, key }
    wipe(key)
    return undefined
  } finally {
    wipe(padded, plaintext)
  }
}

interface Plaintext {
  readonly random: Uint8Array
  readonly attributes: Attributes
  readonly key: Uint8Array
  readonly sas: Uint8Array
}

function parsePlaintext(bytes: Uint8Array, signatureLength: number): Plaintext | undefined {
  try {
    const r = new Reader(bytes, 'P')
    const random = r.take(16, 'R')
    const attributes = parseAttributes(r.take(attributesLength, 'ATTR'))
    const key = r.take(attributes.keyLength, 'key')
    const sas = r.take(signatureLength, 'SAS')
    r.end()
    if (![16, 24, 32].includes(key.length)) throw r.fail('no AES key')
    return { random, attributes, key, sas }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

// What SAS is computed over when there is nothing to check it over: the call is made all the same.
function substitute(signatureLength: number): Plaintext {
  return {
    random: new Uint8Array(16),
    attributes: { usage: 'K0', algorithm: 'A', mode: 'N', version: 0, exportability: 'N', keyLength: 16 },
    key: new Uint8Array(16),
    sas: new Uint8Array(signatureLength),
  }
}
