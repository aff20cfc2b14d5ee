import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { DecodeError } from '@sealwright/core/errors'
import { readPrivateKeyFile } from './index.ts'

const pair = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey

test('a private key of another program is read from PEM and DER, PKCS#8 and SEC 1', () => {
  const key = pair('P-256')
  const expected = Buffer.from(key.export({ format: 'jwk' }).d!, 'base64url')
  for (const type of ['pkcs8', 'sec1'] as const) {
    assert.deepEqual(Buffer.from(readPrivateKeyFile(key.export({ format: 'der', type }))), expected)
    const pem = Buffer.from(key.export({ format: 'pem', type }))
    assert.deepEqual(Buffer.from(readPrivateKeyFile(pem)), expected)
  }
})

test('another curve, another kind, an encrypted key and what is none are refused', () => {
  const der = (key: ReturnType<typeof pair>) => key.export({ format: 'der', type: 'pkcs8' })
  const encrypted = Buffer.from(
    pair('P-256').export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }),
  )
  const wrong = [
    der(pair('P-384')),
    der(generateKeyPairSync('ed25519').privateKey),
    encrypted,
    Buffer.from('no key'),
    der(pair('P-256')).subarray(0, 60),
    new Uint8Array(0),
  ]
  for (const bytes of wrong) assert.throws(() => readPrivateKeyFile(bytes), DecodeError)
})
