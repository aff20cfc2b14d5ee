import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { concat, decodeHex, encodeHex } from '@sealwright/core/bytes'
import { hkdf, portableCrypto } from '@sealwright/core/crypto'
import { isLowS, parseEcdsaSignature } from '@sealwright/core/der'
import { AuthError, DecodeError, UsageError } from '@sealwright/core/errors'
import type { Crypto } from '@sealwright/core/ports'
import { parseTlvs } from '@sealwright/core/tlv'
import { nodeCrypto } from './index.ts'

// C2SP/wycheproof, testvectors_v1 (Apache-2.0), read where it lies; the folder is not part of this repository.

const folder =
  process.env['WYCHEPROOF_DIR'] ??
  fileURLToPath(new URL('../../../../../shared/vectors/wycheproof', import.meta.url))
const present = existsSync(folder)

test('the Wycheproof folder is there, or this is not CI', (t) => {
  if (!present) t.diagnostic(`no folder ${folder}: NO Wycheproof vector ran; set WYCHEPROOF_DIR`)
  assert.ok(present || process.env['CI'] === undefined, `no folder ${folder}; set WYCHEPROOF_DIR`)
})

interface Case {
  readonly tcId: number
  readonly comment: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly [field: string]: string | number
}

interface Group {
  readonly keySize?: number
  readonly ivSize?: number
  readonly tagSize?: number
  readonly publicKey?: { readonly uncompressed: string }
  readonly tests: readonly Case[]
}

/**
 * Runs the groups of a file that `applies` lets through; `accepts` tells whether the backend takes the case.
 * At least so many cases must have run, so that none are left out unseen.
 */
function suite(
  topic: string,
  counts: { readonly valid: number; readonly invalid: number },
  accepts: (crypto: Crypto, one: Case, group: Group) => boolean,
  applies: (group: Group) => boolean = () => true,
  // `acceptable` are other encodings of good keys; the strict reading here is that there is one.
  shouldAccept: (one: Case) => boolean = ({ result }) => result === 'valid',
): void {
  for (const crypto of present ? [portableCrypto, nodeCrypto] : []) {
    test(`[R4a] Wycheproof ${topic}: ${crypto.name}`, (t) => {
      const file = JSON.parse(readFileSync(join(folder, `${topic}_test.json`), 'utf8'))
      const ran = { valid: 0, invalid: 0 }
      for (const group of file.testGroups.filter(applies) as Group[]) {
        for (const one of group.tests) {
          const expected = shouldAccept(one)
          assert.equal(accepts(crypto, one, group), expected, `tcId ${one.tcId}: ${one.comment}`)
          ran[expected ? 'valid' : 'invalid']++
        }
      }
      t.diagnostic(`${ran.valid} valid, ${ran.invalid} invalid`)
      assert.ok(ran.valid >= counts.valid && ran.invalid >= counts.invalid, JSON.stringify(ran))
    })
  }
}

suite('aes_cmac', { valid: 63, invalid: 248 }, (crypto, one, { tagSize }) => {
  const key = attempt(UsageError, () => crypto.aes(hex(one['key'])))
  return key !== undefined && sameHex(key.cmac(hex(one['msg'])).slice(0, tagSize! / 8), one['tag'])
})

suite('aes_cbc_pkcs5', { valid: 72, invalid: 144 }, (crypto, one) => {
  const key = crypto.aes(hex(one['key']))
  const [iv, message, ciphertext] = [hex(one['iv']), hex(one['msg']), hex(one['ct'])]
  if (one.result === 'valid') {
    const padding = 16 - (message.length % 16)
    const padded = concat(message, new Uint8Array(padding).fill(padding))
    assert.deepEqual(key.cbcEncrypt(iv, padded), ciphertext)
  }
  const padded = attempt(UsageError, () => key.cbcDecrypt(iv, ciphertext))
  const padding = padded?.at(-1)
  if (padded === undefined || padding === undefined || padding < 1 || padding > 16) return false
  if (padded.slice(-padding).some((byte) => byte !== padding)) return false
  return sameHex(padded.slice(0, -padding), one['msg'])
})

suite(
  'aes_gcm',
  { valid: 116, invalid: 81 },
  (crypto, one) => {
    const key = crypto.aes(hex(one['key']))
    const [nonce, associated] = [hex(one['iv']), hex(one['aad'])]
    const sealed = concat(hex(one['ct']), hex(one['tag']))
    if (one.result === 'valid') assert.deepEqual(key.gcmSeal(nonce, hex(one['msg']), associated), sealed)
    const opened = key.gcmOpen(nonce, sealed, associated)
    return opened !== undefined && sameHex(opened, one['msg'])
  },
  ({ ivSize, tagSize }) => ivSize === 96 && tagSize === 128,
)

suite('hmac_sha256', { valid: 66, invalid: 108 }, (crypto, one, { tagSize }) =>
  sameHex(crypto.hmacSha256(hex(one['key']), hex(one['msg'])).slice(0, tagSize! / 8), one['tag']),
)

suite('hkdf_sha256', { valid: 83, invalid: 3 }, (crypto, one) => {
  const length = Number(one['size'])
  const output = attempt(UsageError, () =>
    hkdf(crypto, hex(one['ikm']), hex(one['salt']), hex(one['info']), length),
  )
  return output !== undefined && sameHex(output, one['okm'])
})

suite('ecdh_secp256r1_ecpoint', { valid: 330, invalid: 25 }, (crypto, one) => {
  const peer = attempt(AuthError, () => crypto.ecPublicKey(hex(one['public'])))
  if (peer === undefined) return false
  const scalar = String(one['private']).padStart(64, '0').slice(-64)
  return sameHex(crypto.ecPrivateKey(hex(scalar)).agree(peer), one['shared'])
})

suite('ecdsa_secp256r1_sha256_p1363', { valid: 173, invalid: 89 }, (crypto, one, { publicKey }) =>
  crypto.ecPublicKey(hex(publicKey!.uncompressed)).verify(hex(one['sig']), hex(one['msg'])),
)

suite(
  'ecdsa_secp256r1_sha256',
  { valid: 80, invalid: 310 },
  (crypto, one, { publicKey }) => {
    const signature = attempt(DecodeError, () => parseEcdsaSignature(hex(one['sig'])))
    const key = crypto.ecPublicKey(hex(publicKey!.uncompressed))
    return signature !== undefined && key.verify(signature, hex(one['msg']))
  },
  undefined,
  // Signatures in DER are taken with a low s only.
  (one) => one.result === 'valid' && isLowS(rawSignature(hex(one['sig']))),
)

/** r‖s of an Ecdsa-Sig-Value known to be well formed. */
function rawSignature(bytes: Uint8Array): Uint8Array {
  const integers = parseTlvs(parseTlvs(bytes)[0]!.value)
  return concat(...integers.map(({ value }) => concat(new Uint8Array(32), value).slice(-32)))
}

/** The result, or undefined when the call throws this error; any other error is passed on. */
function attempt<T>(expected: new (...args: never[]) => Error, call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (error instanceof expected) return undefined
    throw error
  }
}

function hex(text: string | number | undefined): Uint8Array {
  assert.equal(typeof text, 'string')
  return decodeHex(String(text))
}

function sameHex(bytes: Uint8Array, text: string | number | undefined): boolean {
  return encodeHex(bytes) === String(text).toUpperCase()
}
