import { concat, wipe } from '../bytes/index.ts'
import { pad80, withHandle } from '../crypto/index.ts'
import { UsageError } from '../errors/index.ts'
import type { AesKey, Crypto } from '../ports/index.ts'
import { type Attributes, serializeAttributes } from './attributes.ts'
import { type DownloadContext, type DownloadKeys, downloadKeys } from './derivation.ts'
import { type Header, serializeHeader } from './header.ts'
import { serializeKeyMessage } from './message.ts'
import { type KeySigner, signatureInput } from './signature.ts'
import { type Suite, suiteRow } from './suite.ts'

export interface SealRequest {
  readonly crypto: Crypto
  readonly suite: Suite
  /** T in profile `shared`, TU in profile `diversified`. */
  readonly storedKey: AesKey
  readonly context: DownloadContext
  readonly attributes: Attributes
  /** TA, or TA' where the entry says so. */
  readonly key: Uint8Array
  readonly signer: KeySigner
}

/** The loader's side of one download: P = R ‖ ATTR ‖ TA ‖ SAS, C = CBC(K_E, 0, P padded), CAS = CMAC(K_M, HDR ‖ C). */
export function sealKey(request: SealRequest): Uint8Array {
  const { crypto, suite, storedKey, context, attributes, key } = request
  if (storedKey.length !== suiteRow(suite).keyLength) {
    throw new UsageError("the transport key is not of the suite's length")
  }
  requireLengths(suite, attributes, key)
  return withHandle(downloadKeys(crypto, storedKey, context), (keys) => sealKeyUnder(keys, request))
}

/** The same under the keys of the download, for a loader whose T stays in a token. */
export function sealKeyUnder(
  keys: DownloadKeys,
  { suite, context, attributes, key, signer }: Omit<SealRequest, 'crypto' | 'storedKey'>,
): Uint8Array {
  requireLengths(suite, attributes, key)
  const signature = signer.sign(...signatureInput(context, attributes, key))
  const plaintext = concat(context.random, serializeAttributes(attributes), key, signature)
  const padded = pad80(plaintext)
  try {
    const cryptogram = keys.encryption.cbcEncrypt(new Uint8Array(16), padded)
    const { random: _, ...addressing } = context
    const header: Header = { suite, ...addressing, length: cryptogram.length }
    const certificate = keys.check.cmac(serializeHeader(header), cryptogram)
    return serializeKeyMessage({ header, cryptogram, certificate })
  } finally {
    wipe(plaintext, padded, signature)
  }
}

function requireLengths(suite: Suite, attributes: Attributes, key: Uint8Array): void {
  if (key.length > suiteRow(suite).keyLength) {
    throw new UsageError('a key cannot travel under a shorter transport key')
  }
  if (attributes.keyLength !== key.length) throw new UsageError('the attributes name another key length')
}
