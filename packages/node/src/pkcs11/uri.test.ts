import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Pkcs11Uri, parsePkcs11Uri, serializePkcs11Uri } from './uri.ts'

const keys = ['token', 'manufacturer', 'serial', 'model', 'object', 'modulePath', 'pinSource'] as const

test('an address that was written is read as it was meant', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 })
  const uri = fc
    .record(Object.fromEntries(keys.map((key) => [key, text])), { requiredKeys: [] })
    .filter((one) => Object.keys(one).length > 0)
  fc.assert(
    fc.property(uri, (one) => {
      const written = serializePkcs11Uri(one as Pkcs11Uri)
      assert.match(written, /^pkcs11:[\x21-\x7e]*$/)
      assert.deepEqual(parsePkcs11Uri(written), { ...one })
      assert.equal(serializePkcs11Uri(parsePkcs11Uri(written)), written)
    }),
  )
})

test('addresses of RFC 7512, section 3, as far as they name a token', () => {
  assert.deepEqual(parsePkcs11Uri('pkcs11:object=my-pubkey;token=The%20Software%20PKCS%2311%20Softtoken'), {
    object: 'my-pubkey',
    token: 'The Software PKCS#11 Softtoken',
  })
  assert.deepEqual(
    parsePkcs11Uri('pkcs11:token=My%20token%25%20created%20by%20Joe?pin-source=file:/etc/token'),
    {
      token: 'My token% created by Joe',
      pinSource: 'file:/etc/token',
    },
  )
  assert.deepEqual(parsePkcs11Uri('pkcs11:token=A%20name%20with%20a%20substring%20%25%3B;object=%c4%8dert'), {
    token: 'A name with a substring %;',
    object: 'čert',
  })
})

test('what names nothing, is not known, stands twice or spells no text is refused', () => {
  const bad = [
    '',
    'pkcs11',
    'pkcs11:',
    'pkcs11:?',
    'PKCS11:token=a',
    'pkcs11:token=',
    'pkcs11:token',
    'pkcs11:=a',
    'pkcs11:token=a;',
    'pkcs11:token=a?',
    'pkcs11:token=a?module-path=/m?x',
    'pkcs11:token=a;token=b',
    'pkcs11:token=%',
    'pkcs11:token=%C4',
    'pkcs11:toString=a',
    'pkcs11:slot-id=1',
    'pkcs11:module-path=/m',
    'pkcs11:token=a?token=b',
  ]
  for (const text of bad) assert.throws(() => parsePkcs11Uri(text), { code: 'bytes-malformed' }, text)
})

test('a PIN in an address is refused, and does not stand in the error', () => {
  for (const text of ['pkcs11:token=a?pin-value=4711', 'pkcs11:pin-value=4711']) {
    assert.throws(
      () => parsePkcs11Uri(text),
      (error: Error & { code: string }) =>
        error.code === 'usage' && !JSON.stringify(error.message).includes('4711'),
    )
  }
})
