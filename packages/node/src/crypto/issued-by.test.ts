import 'reflect-metadata'
import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { test } from 'node:test'
import * as x509 from '@peculiar/x509'
import { DecodeError } from '@sealwright/core/errors'
import { issuedBy } from './index.ts'

const rsa = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: Uint8Array.of(1, 0, 1),
  modulusLength: 2048,
}
const ec = { name: 'ECDSA', hash: 'SHA-256', namedCurve: 'P-256' }

test('an authority of RSA issued what its name and key say, and nothing else', async () => {
  x509.cryptoProvider.set(webcrypto as never)
  const pair = (algorithm: typeof rsa | typeof ec) =>
    webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>
  const [authority, stranger, holder] = [await pair(rsa), await pair(rsa), await pair(ec)]
  const authorityCertificate = async (keys: webcrypto.CryptoKeyPair, name = 'CN=root') =>
    x509.X509CertificateGenerator.createSelfSigned({
      name,
      keys,
      signingAlgorithm: rsa,
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
    })
  const issue = async (key: webcrypto.CryptoKeyPair, issuer = 'CN=root') =>
    x509.X509CertificateGenerator.create({
      subject: 'CN=card',
      issuer,
      publicKey: holder.publicKey,
      signingKey: key.privateKey,
      signingAlgorithm: rsa,
    })
  const der = (one: x509.X509Certificate) => new Uint8Array(one.rawData)
  const root = await authorityCertificate(authority)
  const made = der(await issue(authority))
  for (const form of [der(root), new TextEncoder().encode(root.toString('pem'))]) {
    assert.equal(issuedBy(form)(made), true)
    assert.equal(issuedBy(form)(der(await issue(stranger))), false)
    assert.equal(issuedBy(form)(der(await issue(authority, 'CN=other'))), false)
    assert.equal(issuedBy(form)(Uint8Array.of(1, 2, 3)), false)
  }
  assert.throws(() => issuedBy(made), DecodeError)
  assert.throws(() => issuedBy(Uint8Array.of(0x30)), DecodeError)
})
