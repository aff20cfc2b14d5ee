import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, concat, equal } from '../bytes/index.ts'
import { portableCrypto as crypto, privateScalar } from '../crypto/index.ts'
import { AuthError } from '../errors/index.ts'
import { scriptedEntropy } from '../testing/index.ts'
import {
  customizationChannelKeys,
  documentChannelKeys,
  imageSignedInput,
  openImage,
  sealImage,
  serializeCustomizationImage,
  signCustomizationImage,
} from './index.ts'

const entropy = scriptedEntropy('customization image')
const client = crypto.ecPrivateKey(privateScalar(crypto, entropy.bytes(48)))
const image = signCustomizationImage({ version: 1, form: 'eeprom', program: ascii('a program') }, client)
const plaintext = serializeCustomizationImage(image)
const key = entropy.bytes(32)
const hash = crypto.sha256(plaintext)
const sealed = sealImage(crypto, key, entropy.bytes(16), plaintext)

test('an image opens with its key and its hash, and holds nothing of the program in the clear', () => {
  assert.deepEqual(openImage(crypto, { key, hash }, sealed, client.publicPoint), image)
  assert.equal(includes(sealed, ascii('a program')), false)
  assert.equal(includes(plaintext, ascii('a program')), true)
})

test('wrong key, wrong hash, own result of a wrong key, foreign signature and nonsense all fail alike', () => {
  const own = entropy.bytes(32)
  const nonsense = crypto.aes(own).ctr(sealed.subarray(0, 16), sealed.subarray(16))
  const foreign = crypto.ecPrivateKey(privateScalar(crypto, entropy.bytes(48)))
  const theirs = serializeCustomizationImage(
    signCustomizationImage({ version: 1, form: 'eeprom', program: ascii('evil') }, foreign),
  )
  const otherForm = serializeCustomizationImage({ ...image, form: 'ram' })
  const flip = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
  const cases: [Uint8Array, Uint8Array, Uint8Array][] = [
    [flip(key, 0), hash, sealed],
    [key, flip(hash, 31), sealed],
    [own, crypto.sha256(nonsense), sealed],
    [own, crypto.sha256(theirs), sealImage(crypto, own, new Uint8Array(16), theirs)],
    [own, crypto.sha256(otherForm), sealImage(crypto, own, new Uint8Array(16), otherForm)],
    [key, hash, flip(sealed, 20)],
    [key, hash, sealed.subarray(0, 16)],
    [key, hash, new Uint8Array(0)],
  ]
  for (const [someKey, someHash, some] of cases) {
    assert.throws(
      () => openImage(crypto, { key: someKey, hash: someHash }, some, client.publicPoint),
      (error) => error instanceof AuthError && error.message === 'authentication failed',
    )
  }
})

test('the signature covers label, version, form and program', () => {
  const expected = concat(ascii('CST1'), Uint8Array.of(1, 0), ascii('a program'))
  assert.deepEqual(imageSignedInput(image), expected)
})

test('channel keys differ by number, serial number, purpose and key', () => {
  const serial = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1)
  const other = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2)
  const sets = [
    customizationChannelKeys(crypto, key, serial),
    customizationChannelKeys(crypto, key, other),
    documentChannelKeys(crypto, key, serial),
    documentChannelKeys(crypto, key.subarray(0, 16), serial),
    documentChannelKeys(crypto, hash, serial),
  ]
  const all = sets.flatMap(({ enc, mac, dek }) => [enc, mac, dek])
  assert.deepEqual(
    all.map(({ length }) => length),
    [32, 32, 32, 32, 32, 32, 32, 32, 32, 16, 16, 16, 32, 32, 32],
  )
  for (const [i, one] of all.entries())
    assert.equal(
      all.findIndex((another) => equal(one, another)),
      i,
    )
  // CMAC(key, 01 ‖ "CSK1" ‖ 00 ‖ serial ‖ 01 ‖ 0100) ‖ CMAC(key, 02 ‖ …), written out.
  const input = concat(ascii('CSK1'), Uint8Array.of(0), serial, Uint8Array.of(1, 0x01, 0x00))
  const handle = crypto.aes(key)
  const block = (i: number) => handle.cmac(Uint8Array.of(i), input)
  assert.deepEqual(sets[0]!.enc, concat(block(1), block(2)))
})

function includes(bytes: Uint8Array, pattern: Uint8Array): boolean {
  for (let at = 0; at + pattern.length <= bytes.length; at++) {
    if (equal(bytes.subarray(at, at + pattern.length), pattern)) return true
  }
  return false
}
