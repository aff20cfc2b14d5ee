import { equal, wipe } from '../bytes/index.ts'
import { kcvCmac, unpad80, withHandle } from '../crypto/index.ts'
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

/** The key that came out, with what was signed about it. */
export interface OpenedKey {
  readonly attributes: Attributes
  /** The caller wipes it. */
  readonly key: Uint8Array
  /** By CMAC, 5 bytes. */
  readonly checkValue: Uint8Array
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
  const holds = equal(expected, message.certificate)
  wipe(expected)
  if (holds) return { message, context, keys, [Symbol.dispose]: () => keys[Symbol.dispose]() }
  keys[Symbol.dispose]()
  return undefined
}

/**
 * Second half: decrypts and checks padding, R, ATTR, SAS, and what `allowed` says of attributes and check value. Undefined
 * for each failure, with the same calls made, so that they cannot be told apart (A9).
 * @param allowed the module's own policy (use of the place, version); runs on every path
 */
export function openMessage(
  crypto: Crypto,
  { message, context, keys }: CheckedMessage,
  signature: KeySignatureCheck,
  allowed: (key: Pick<OpenedKey, 'attributes' | 'checkValue'>) => boolean,
): OpenedKey | undefined {
  const { signatureLength } = suiteRow(message.header.suite)
  const padded = keys.encryption.cbcDecrypt(new Uint8Array(16), message.cryptogram)
  const plaintext = unpad80(padded) ?? new Uint8Array(0)
  try {
    const parsed = parsePlaintext(plaintext, signatureLength)
    const { attributes, key, sas, random } = parsed ?? substitute(signatureLength)
    const fresh = equal(random, context.random)
    const checkValue = withHandle(crypto.aes(key), kcvCmac)
    const signed = signature.verify(sas, ...signatureInput(context, attributes, key))
    const suits = allowed({ attributes, checkValue })
    if (parsed === undefined || !fresh || !signed || !suits) return undefined
    // A copy: the parts above are views of the buffer that is wiped here.
    return { attributes, key: key.slice(), checkValue }
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

/** The length of C in HDR leaves no room for a key longer than T. P = R(16) ‖ ATTR(8) ‖ key ‖ SAS as views, so that nothing of it outlives the buffer; undefined when it is none. */
function parsePlaintext(bytes: Uint8Array, signatureLength: number): Plaintext | undefined {
  const keyAt = 16 + attributesLength
  const length = bytes.length - keyAt - signatureLength
  const attributes = attributesOf(bytes.subarray(16, keyAt))
  if (attributes === undefined || attributes.keyLength !== length || ![16, 24, 32].includes(length))
    return undefined
  return {
    random: bytes.subarray(0, 16),
    attributes,
    key: bytes.subarray(keyAt, keyAt + length),
    sas: bytes.subarray(keyAt + length),
  }
}

function attributesOf(bytes: Uint8Array): Attributes | undefined {
  try {
    return parseAttributes(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

// What SAS is computed over when there is nothing to check it over: the calls are made all the same.
function substitute(signatureLength: number): Plaintext {
  return {
    random: new Uint8Array(16),
    attributes: { usage: 'K0', algorithm: 'A', mode: 'N', version: 0, exportability: 'N', keyLength: 16 },
    key: new Uint8Array(16),
    sas: new Uint8Array(signatureLength),
  }
}
