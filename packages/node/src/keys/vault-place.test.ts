import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, concat } from '@sealwright/core/bytes'
import { decodeVaultPlace, encodeVaultPlace, parseVaultPlace, serializeVaultPlace } from './index.ts'

const address = 'pkcs11:token=unit;object=a%2Fb?module-path=/usr/lib/m.so'

test('where a vault lies is read from its file, which has one form', () => {
  for (const text of ['file', 'passphrase', address]) {
    const bytes = serializeVaultPlace(decodeVaultPlace(text))
    assert.deepEqual(serializeVaultPlace(parseVaultPlace(bytes)), bytes)
    assert.equal(encodeVaultPlace(parseVaultPlace(bytes)), text)
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parseVaultPlace(bytes.subarray(0, length)), { code: 'bytes-malformed' })
    }
    assert.throws(() => parseVaultPlace(concat(bytes, ascii(' '))), { code: 'bytes-malformed' })
  }
  for (const bad of [
    '[]',
    'null',
    '{"format":1}',
    '{"format":1,"place":"x"}\n',
    '{"format":1,"place":7}\n',
  ]) {
    assert.throws(() => parseVaultPlace(ascii(bad)), { code: 'bytes-malformed' }, bad)
  }
  assert.throws(() => parseVaultPlace(ascii('{"format":2,"place":"cloud"}\n')), { code: 'format-newer' })
})

test('a place on the command line must say which token, and which module reaches it', () => {
  for (const bad of ['', 'disk', 'pkcs11:', 'pkcs11:object=x?module-path=/m.so', 'pkcs11:token=x']) {
    assert.throws(() => decodeVaultPlace(bad), { code: 'usage' }, bad)
  }
  assert.throws(
    () => decodeVaultPlace('pkcs11:token=x?module-path=/m.so&pin-value=1234'),
    (error: Error) => {
      assert.ok(!error.message.includes('1234'))
      return true
    },
  )
})
