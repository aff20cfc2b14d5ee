import { concat, u16, u32 } from '@sealwright/core/bytes'
import { pad80, withHandle } from '@sealwright/core/crypto'
import { DecodeError } from '@sealwright/core/errors'
import { downloadKeys, isSuite, parseAttributes, signatureInput } from '@sealwright/core/key-download'
import type { Crypto } from '@sealwright/core/ports'
import type { Module } from '@sealwright/module'
import { readRandom, storedTransportKeys } from '@sealwright/module/key-download'
import { stamp } from './stamping-crypto.ts'

/**
 * The message of IMPORT KEY that a loader would send to this module now, with what it says chosen freely: `content` is suite(2) ‖ XCTR(4) ‖
 * attributes(8) ‖ key. Certificate and signature are right for it; without an R or a transport key the content goes out as it is.
 */
export function sealedKeyMessage(crypto: Crypto, parts: Module['parts'], content: Uint8Array): Uint8Array {
  const outstanding = readRandom(parts)
  const serial = parts.serial()
  const [transport] = storedTransportKeys(parts)
  if (outstanding === undefined || serial === undefined || transport === undefined || content.length < 14) {
    return content
  }
  const suite = (content[0]! << 8) | content[1]!
  const counter = new DataView(content.buffer, content.byteOffset).getUint32(2)
  const { random, source, destination } = outstanding
  const context = { serial, random, source, destination, counter }
  const attributes = content.subarray(6, 14)
  const key = content.subarray(14)
  const signer = isSuite(suite) ? transport.signatureCheck(suite) : undefined
  let signature = stamp
  try {
    if (signer !== undefined && 'sign' in signer) {
      const sign = signer.sign as (...given: Uint8Array[]) => Uint8Array
      signature = sign(...signatureInput(context, parseAttributes(attributes), key))
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    signature = new Uint8Array(16)
  }
  return withHandle(downloadKeys(crypto, transport.key, context), (keys) => {
    const plaintext = pad80(concat(random, attributes, key, signature))
    const cryptogram = keys.encryption.cbcEncrypt(new Uint8Array(16), plaintext)
    const header = concat(
      u16(suite),
      serial,
      ...[source, destination, counter].map(u32),
      u16(cryptogram.length),
    )
    return concat(header, cryptogram, keys.check.cmac(header, cryptogram))
  })
}
