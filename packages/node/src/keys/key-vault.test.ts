import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ascii, concat, encodeHex } from '@sealwright/core/bytes'
import { portableCrypto, withHandle } from '@sealwright/core/crypto'
import { scriptedEntropy } from '@sealwright/core/testing'
import { type KeyVault, memoryVault } from '@sealwright/roles/ports'
import { nodeCrypto } from '../crypto/index.ts'
import {
  fileKeyVault,
  keptFileKeyVault,
  makePassphraseVault,
  parseKeyFile,
  serializeKeyFile,
} from './index.ts'
import { vaultContract } from './vault-contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-keys-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const freshFolder = (): string => join(folder, String(count++))
const world = (crypto = nodeCrypto) => ({ crypto, entropy: scriptedEntropy(`vault ${count++}`) })

const vaults: Record<string, () => KeyVault | Promise<KeyVault>> = {
  memory: () => memoryVault(portableCrypto, scriptedEntropy(`vault ${count++}`)),
  file: () => fileKeyVault(freshFolder(), world()),
  'file, kept in memory': () => keptFileKeyVault(freshFolder(), world()),
  'file under a passphrase': async () => {
    const { vault } = await makePassphraseVault(freshFolder(), ascii('words'), {
      ...world(),
      cost: { logN: 10, r: 1, p: 1 },
    })
    return vault
  },
}

for (const [name, open] of Object.entries(vaults)) vaultContract(`vault in ${name}`, open)

test('keys outlive the process that made them', async () => {
  const where = freshFolder()
  const first = fileKeyVault(where, world())
  const point = await first.createPair('a')
  await first.importSecret('a.p256', ascii('secret'))
  const second = fileKeyVault(where, world(portableCrypto))
  assert.deepEqual(await second.publicPoint('a'), point)
  assert.deepEqual(await second.useSecret('a.p256', (secret) => secret.slice()), ascii('secret'))
})

test('key files are readable by their owner only, and OpenSSL reads the pairs', async () => {
  const where = freshFolder()
  const vault = fileKeyVault(where, world())
  const point = await vault.createPair('a')
  const publicKey = await vault.createPair('l', 'ed25519')
  assert.equal(statSync(where).mode & 0o777, 0o700)
  const spki = (file: string): Buffer => {
    const path = join(where, file)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    const key = createPrivateKey({ key: readFileSync(path), format: 'der', type: 'pkcs8' })
    return createPublicKey(key).export({ format: 'der', type: 'spki' })
  }
  assert.ok(spki('a.p256.der').subarray(-65).equals(point))
  assert.ok(spki('l.ed25519.der').subarray(-32).equals(publicKey))
})

test('a key file that was cut, lengthened or changed is refused', async () => {
  const { crypto, entropy } = world()
  const secret = entropy.bytes(32)
  for (const kind of ['p256', 'ed25519'] as const) {
    const bytes = serializeKeyFile(crypto, { kind, secret })
    assert.deepEqual(parseKeyFile(kind, bytes), { kind, secret })
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parseKeyFile(kind, bytes.subarray(0, length)), { code: 'bytes-malformed' })
    }
    assert.throws(() => parseKeyFile(kind, concat(bytes, Uint8Array.of(0))), { code: 'bytes-malformed' })
    const other = bytes.slice()
    other[3]! ^= 1
    assert.throws(() => parseKeyFile(kind, other), { code: 'bytes-malformed' })
  }
  assert.throws(() => parseKeyFile('secret', Uint8Array.of(2, 1)), { code: 'format-newer' })
  assert.throws(() => parseKeyFile('secret', Uint8Array.of(0, 1)), { code: 'bytes-malformed' })
  assert.throws(() => parseKeyFile('secret', new Uint8Array(0)), { code: 'bytes-malformed' })
})

test('a damaged key file names no key byte in its error', async () => {
  const where = freshFolder()
  const vault = fileKeyVault(where, world())
  await vault.createPair('a')
  const path = join(where, 'a.p256.der')
  const bytes = readFileSync(path)
  const secret = encodeHex(bytes.subarray(36, 68))
  writeFileSync(path, bytes.subarray(0, -1))
  await assert.rejects(vault.sign('a', ascii('x')), (error: Error) => {
    assert.ok(
      !`${error.message}${error.stack}${JSON.stringify(error)}`.toUpperCase().includes(secret.slice(0, 8)),
    )
    return true
  })
})

test('what a vault keeps in memory is forgotten when it is told so, and read again', async () => {
  const at = freshFolder()
  const vault = keptFileKeyVault(at, world())
  const point = await vault.createPair('a')
  await vault.importSecret('s', ascii('secret'))
  await vault.useSecret('s', (secret) => secret.fill(0))
  assert.equal(await vault.useSecret('s', (secret) => secret.length), 6)
  assert.deepEqual(await vault.useSecret('s', (secret) => secret.slice()), ascii('secret'))
  const signature = await vault.sign('a', ascii('one'))
  withHandle(nodeCrypto.ecPublicKey(point), (key) => assert.ok(key.verify(signature, ascii('one'))))
  rmSync(at, { recursive: true })
  assert.deepEqual(await vault.publicPoint('a'), point)
  vault.forget()
  await assert.rejects(vault.sign('a', ascii('one')), { code: 'key-missing' })
  await assert.rejects(
    vault.useSecret('s', () => {}),
    { code: 'key-missing' },
  )
})
