import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { ascii, concat, encodeHex } from '@sealwright/core/bytes'
import { kcvCmac, portableCrypto, withHandle } from '@sealwright/core/crypto'
import { scriptedEntropy } from '@sealwright/core/testing'
import { type KeyVault, memoryVault } from '@sealwright/roles/ports'
import { nodeCrypto } from '../crypto/index.ts'
import { fileKeyVault, keptFileKeyVault, parseKeyFile, serializeKeyFile } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-keys-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const freshFolder = (): string => join(folder, String(count++))
const world = (crypto = nodeCrypto) => ({ crypto, entropy: scriptedEntropy(`vault ${count++}`) })

const vaults: Record<string, () => KeyVault> = {
  memory: () => memoryVault(portableCrypto, scriptedEntropy(`vault ${count++}`)),
  file: () => fileKeyVault(freshFolder(), world()),
  'file, kept in memory': () => keptFileKeyVault(freshFolder(), world()),
}

for (const [name, open] of Object.entries(vaults)) {
  suite(`vault in ${name}`, () => {
    test('signs with a P-256 pair over the concatenation of the parts', async () => {
      const vault = open()
      const point = await vault.createPair('a')
      assert.deepEqual(await vault.publicPoint('a'), point)
      const signature = await vault.sign('a', ascii('one'), ascii('two'))
      withHandle(nodeCrypto.ecPublicKey(point), (key) => {
        assert.ok(key.verify(signature, ascii('onetwo')))
        assert.ok(!key.verify(signature, ascii('onetwO')))
      })
    })

    test('signs with an Ed25519 pair', async () => {
      const vault = open()
      const publicKey = await vault.createPair('log', 'ed25519')
      assert.equal(publicKey.length, 32)
      const signature = await vault.sign('log', ascii('one'), ascii('two'))
      assert.ok(nodeCrypto.ed25519Verify(publicKey, ascii('onetwo'), signature))
    })

    test('agrees on the same secret from both sides', async () => {
      const vault = open()
      const a = await vault.createPair('a')
      const b = await vault.createPair('b')
      assert.deepEqual(await vault.agree('a', b), await vault.agree('b', a))
    })

    test('lends a secret and wipes the buffer after', async () => {
      const vault = open()
      await vault.importSecret('s', ascii('secret'))
      let lent: Uint8Array | undefined
      const length = await vault.useSecret('s', async (secret) => {
        assert.deepEqual(secret, ascii('secret'))
        lent = secret
        return secret.length
      })
      assert.equal(length, 6)
      assert.deepEqual(lent, new Uint8Array(6))
      await assert.rejects(
        vault.useSecret('s', (secret) => {
          lent = secret
          throw new Error('stop')
        }),
        /stop/,
      )
      assert.deepEqual(lent, new Uint8Array(6))
      assert.deepEqual(await vault.useSecret('s', (secret) => secret.slice()), ascii('secret'))
    })

    test('makes random secrets', async () => {
      const vault = open()
      await vault.createSecret('a', 32)
      await vault.createSecret('b', 32)
      const [a, b] = [
        await vault.useSecret('a', (secret) => secret.slice()),
        await vault.useSecret('b', (secret) => secret.slice()),
      ]
      assert.equal(a.length, 32)
      assert.notDeepEqual(a, b)
    })

    test('never replaces a key, and a missing one is an error with a code', async () => {
      const vault = open()
      const point = await vault.createPair('a')
      await assert.rejects(vault.createPair('a'), { code: 'key-exists' })
      await assert.rejects(vault.createPair('a', 'ed25519'), { code: 'key-exists' })
      await assert.rejects(vault.importSecret('a', ascii('x')), { code: 'key-exists' })
      assert.deepEqual(await vault.publicPoint('a'), point)
      await assert.rejects(vault.sign('b', ascii('x')), { code: 'key-missing' })
      await assert.rejects(
        vault.useSecret('b', () => {}),
        { code: 'key-missing' },
      )
      await vault.remove('a')
      assert.equal(await vault.has('a'), false)
      assert.notDeepEqual(await vault.createPair('a'), point)
    })

    test('uses a key only as what it is', async () => {
      const vault = open()
      await vault.createPair('p')
      await vault.createPair('e', 'ed25519')
      await vault.createSecret('s', 16)
      await assert.rejects(
        vault.useSecret('p', () => {}),
        { code: 'usage' },
      )
      await assert.rejects(vault.sign('s', ascii('x')), { code: 'usage' })
      await assert.rejects(vault.agree('e', await vault.publicPoint('p')), { code: 'usage' })
    })

    test('lists names, kinds and check values, and nothing else', async () => {
      const vault = open()
      const point = await vault.createPair('p')
      await vault.createSecret('k/16', 16)
      await vault.createSecret('pin', 6)
      const checkValue = await vault.useSecret('k/16', (secret) =>
        withHandle(nodeCrypto.aes(secret), kcvCmac),
      )
      assert.deepEqual(await vault.list(), [
        { name: 'k/16', kind: 'secret', checkValue },
        { name: 'p', kind: 'p256', checkValue: nodeCrypto.sha256(point).slice(0, 8) },
        { name: 'pin', kind: 'secret' },
      ])
      assert.equal((await vault.list('k/')).length, 1)
    })
  })
}

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
