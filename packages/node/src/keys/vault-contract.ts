import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ascii } from '@sealwright/core/bytes'
import { kcvCmac, withHandle } from '@sealwright/core/crypto'
import type { KeyVault } from '@sealwright/roles/ports'
import { nodeCrypto } from '../crypto/index.ts'

/** What every vault holds to, wherever it keeps its keys. @param open an empty one for each test */
export function vaultContract(name: string, open: () => KeyVault | Promise<KeyVault>): void {
  suite(`vault in ${name}`, () => {
    test('signs with a P-256 pair over the concatenation of the parts', async () => {
      const vault = await open()
      const point = await vault.createPair('a')
      assert.deepEqual(await vault.publicPoint('a'), point)
      const signature = await vault.sign('a', ascii('one'), ascii('two'))
      withHandle(nodeCrypto.ecPublicKey(point), (key) => {
        assert.ok(key.verify(signature, ascii('onetwo')))
        assert.ok(!key.verify(signature, ascii('onetwO')))
      })
    })

    test('signs with an Ed25519 pair', async () => {
      const vault = await open()
      const publicKey = await vault.createPair('log', 'ed25519')
      assert.equal(publicKey.length, 32)
      const signature = await vault.sign('log', ascii('one'), ascii('two'))
      assert.ok(nodeCrypto.ed25519Verify(publicKey, ascii('onetwo'), signature))
    })

    test('agrees on the same secret from both sides', async () => {
      const vault = await open()
      const a = await vault.createPair('a')
      const b = await vault.createPair('b')
      assert.deepEqual(await vault.agree('a', b), await vault.agree('b', a))
    })

    test('lends a secret and wipes the buffer after', async () => {
      const vault = await open()
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
      const vault = await open()
      await vault.createSecret('a', 32)
      await vault.createSecret('b', 32)
      const [a, b] = [
        await vault.useSecret('a', (secret) => secret.slice()),
        await vault.useSecret('b', (secret) => secret.slice()),
      ]
      assert.equal(a.length, 32)
      assert.notDeepEqual(a, b)
    })

    test('makes MACs under a secret that need not be lent', async () => {
      const vault = await open()
      await vault.createSecret('m', 16, 'mac')
      const mac = await vault.mac('m', ascii('one'), ascii('two'))
      assert.equal(mac.length, 16)
      assert.deepEqual(await vault.mac('m', ascii('onetwo')), mac)
      assert.notDeepEqual(await vault.mac('m', ascii('onetwO')), mac)
      await vault.importSecret('i', new Uint8Array(32).fill(7))
      withHandle(nodeCrypto.aes(new Uint8Array(32).fill(7)), (key) => key.cmac(ascii('x')))
      assert.deepEqual(
        await vault.mac('i', ascii('x')),
        withHandle(nodeCrypto.aes(new Uint8Array(32).fill(7)), (key) => key.cmac(ascii('x'))),
      )
      await assert.rejects(vault.createSecret('n', 20, 'mac'), { code: 'usage' })
      await vault.createSecret('n', 20)
      await assert.rejects(vault.mac('n', ascii('x')), { code: 'usage' })
      await assert.rejects(vault.mac('none', ascii('x')), { code: 'key-missing' })
    })

    test('never replaces a key, and a missing one is an error with a code', async () => {
      const vault = await open()
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
      const vault = await open()
      await vault.createPair('p')
      await vault.createPair('e', 'ed25519')
      await vault.createSecret('s', 16)
      await assert.rejects(
        vault.useSecret('p', () => {}),
        { code: 'usage' },
      )
      await assert.rejects(vault.sign('s', ascii('x')), { code: 'usage' })
      await assert.rejects(vault.agree('e', await vault.publicPoint('p')), { code: 'usage' })
      await assert.rejects(vault.mac('p', ascii('x')), { code: 'usage' })
    })

    test('a point that is not on the curve reaches no private key', async () => {
      const vault = await open()
      const point = await vault.createPair('p')
      const off = point.slice()
      off[64]! ^= 1
      await assert.rejects(vault.agree('p', off), { code: 'authentication-failed' })
    })

    test('a name that leads elsewhere is refused', async () => {
      const vault = await open()
      for (const bad of ['../x', '/x', 'A', 'a//b', '', 'a/', 'x'.repeat(200)]) {
        await assert.rejects(vault.createPair(bad), { code: 'usage' }, bad)
        await assert.rejects(vault.has(bad), { code: 'usage' }, bad)
        await assert.rejects(vault.remove(bad), { code: 'usage' }, bad)
      }
    })

    test('lists names, kinds and check values, and nothing else', async () => {
      const vault = await open()
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
