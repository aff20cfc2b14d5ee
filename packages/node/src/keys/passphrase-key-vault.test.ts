import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ascii, concat, equal } from '@sealwright/core/bytes'
import { scriptedEntropy } from '@sealwright/core/testing'
import { nodeCrypto } from '../crypto/index.ts'
import {
  changePassphrase,
  fileKeyVault,
  makePassphraseVault,
  openPassphraseVault,
  parseSealedKeyFile,
  parseVaultKeyFile,
  protectKeyFiles,
  serializeSealedKeyFile,
  serializeVaultKeyFile,
} from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-passphrase-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const freshFolder = (): string => join(folder, String(count++), 'keys')
/** Cheap to open: what it costs to guess is not what is tested. */
const cost = { logN: 10, r: 1, p: 1 }
const world = () => ({ crypto: nodeCrypto, entropy: scriptedEntropy(`passphrase ${count++}`), cost })
const words = ascii('right words')

test('[B3c] keys under a passphrase open with it alone, in a copy as well', async () => {
  const at = freshFolder()
  const first = await makePassphraseVault(at, words, world())
  const point = await first.vault.createPair('signing')
  await first.vault.importSecret('document/01', ascii('a secret of the module'))
  first.close()
  const copy = freshFolder()
  cpSync(at, copy, { recursive: true })
  for (const place of [at, copy]) {
    await assert.rejects(openPassphraseVault(place, ascii('right word'), world()), {
      code: 'keys-passphrase-wrong',
    })
    const { vault } = await openPassphraseVault(place, words, world())
    assert.equal(vault.place, 'passphrase')
    assert.deepEqual(await vault.publicPoint('signing'), point)
  }
})

test('[B3d] a copy of the disk without the passphrase has no byte of a private key or secret', async () => {
  const [bare, at] = [freshFolder(), freshFolder()]
  const plain = fileKeyVault(bare, world())
  await plain.createPair('signing')
  const secret = ascii('a secret of the module')
  await plain.importSecret('document/01', secret)
  const scalar = readFileSync(join(bare, 'signing.p256.der')).subarray(36, 68)
  const found = (where: string): boolean =>
    readdirSync(where, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)))
      .some((bytes) => bytes.includes(scalar) || bytes.includes(Buffer.from(secret)))
  assert.ok(found(bare), 'the search finds what lies in bare files')
  cpSync(bare, at, { recursive: true })
  await protectKeyFiles(at, words, world(), () => {})
  assert.ok(!found(at))
  await assert.rejects(fileKeyVault(at, world()).sign('signing', ascii('x')), { code: 'key-missing' })
})

test('[B3c] a sealed key file that was changed, cut or put in the place of another is refused', async () => {
  const at = freshFolder()
  const { vault } = await makePassphraseVault(at, words, world())
  await vault.createPair('a')
  await vault.createPair('b')
  const path = join(at, 'a.p256.der.sealed')
  const whole = readFileSync(path)
  const refused = async (bytes: Uint8Array, code = 'key-file-changed') => {
    writeFileSync(path, bytes)
    await assert.rejects(vault.sign('a', ascii('x')), { code })
  }
  for (let i = 5; i < whole.length; i += 7) {
    const changed = Buffer.from(whole)
    changed[i]! ^= 1
    await refused(changed)
  }
  await refused(concat(whole, Uint8Array.of(0)))
  await refused(whole.subarray(0, 20), 'bytes-malformed')
  await refused(readFileSync(join(at, 'b.p256.der.sealed')))
  // A secret must not pass for a pair, nor one vault's file for another's.
  await vault.importSecret('c', ascii('s'))
  renameSync(join(at, 'c.secret.sealed'), path)
  await assert.rejects(vault.sign('a', ascii('x')), { code: 'key-file-changed' })
  const other = freshFolder()
  await (await makePassphraseVault(other, words, world())).vault.createPair('a')
  await refused(readFileSync(join(other, 'a.p256.der.sealed')))
  writeFileSync(path, whole)
  assert.equal((await vault.sign('a', ascii('x'))).length, 64)
})

test('a passphrase is changed without touching a key; the old one no longer opens', async () => {
  const at = freshFolder()
  const { vault } = await makePassphraseVault(at, words, world())
  const point = await vault.createPair('a')
  const file = readFileSync(join(at, 'a.p256.der.sealed'))
  const other = ascii('other words')
  assert.throws(() => changePassphrase(at, { old: other, new: other }, world()), {
    code: 'keys-passphrase-wrong',
  })
  changePassphrase(at, { old: words, new: other }, world())
  await assert.rejects(openPassphraseVault(at, words, world()), { code: 'keys-passphrase-wrong' })
  const again = await openPassphraseVault(at, other, world())
  assert.deepEqual(await again.vault.publicPoint('a'), point)
  assert.deepEqual(readFileSync(join(at, 'a.p256.der.sealed')), file)
})

test('protecting that breaks off before its commit changes nothing, and after it is completed', async () => {
  const at = freshFolder()
  const bare = fileKeyVault(at, world())
  const point = await bare.createPair('a')
  await bare.importSecret('s', ascii('secret'))
  await assert.rejects(
    protectKeyFiles(at, words, world(), () => {
      throw new Error('the machine stopped')
    }),
    /stopped/,
  )
  assert.deepEqual(await fileKeyVault(at, world()).publicPoint('a'), point)
  assert.equal((await bare.list()).length, 2)
  // Run again it goes through; what a stop after the commit would leave is put back here.
  const before = readFileSync(join(at, 'a.p256.der'))
  assert.equal(await protectKeyFiles(at, words, world(), () => {}), 2)
  writeFileSync(join(at, 'a.p256.der'), before)
  const { vault } = await openPassphraseVault(at, words, world())
  assert.deepEqual(await vault.publicPoint('a'), point)
  assert.deepEqual(readdirSync(at).sort(), ['a.p256.der.sealed', 's.secret.sealed', 'vault.key'])
})

test('a folder without its vault key says what is lost', async () => {
  const at = freshFolder()
  await makePassphraseVault(at, words, world())
  rmSync(join(at, 'vault.key'))
  await assert.rejects(openPassphraseVault(at, words, world()), { code: 'vault-key-missing' })
})

test('what is closed seals and signs nothing more', async () => {
  const { vault, close } = await makePassphraseVault(freshFolder(), words, world())
  await vault.createPair('a')
  close()
  await assert.rejects(vault.sign('a', ascii('x')))
})

const wrapped = {
  cost: { logN: 15, r: 8, p: 3 },
  salt: new Uint8Array(16).fill(1),
  nonce: new Uint8Array(12).fill(2),
  sealed: new Uint8Array(48).fill(3),
}

test('sealed key files and vault keys have one form', () => {
  const sealed = { nonce: new Uint8Array(12).fill(4), sealed: new Uint8Array(17).fill(5) }
  const vaultKey = { vaultId: new Uint8Array(16).fill(6), wrapped }
  const pairs = [
    [serializeSealedKeyFile(sealed), sealed, parseSealedKeyFile, (x: never) => serializeSealedKeyFile(x)],
    [serializeVaultKeyFile(vaultKey), vaultKey, parseVaultKeyFile, (x: never) => serializeVaultKeyFile(x)],
  ] as const
  for (const [bytes, value, parse, serialize] of pairs) {
    assert.deepEqual(parse(bytes), value)
    assert.ok(equal(serialize(parse(bytes) as never), bytes))
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(
        () => parse(bytes.subarray(0, length)),
        (error: { code: string }) => ['bytes-malformed', 'key-file-changed'].includes(error.code),
      )
    }
  }
  assert.throws(() => parseVaultKeyFile(concat(serializeVaultKeyFile(vaultKey), Uint8Array.of(0))))
  const length = serializeVaultKeyFile(vaultKey).length
  for (let i = 5; i < length; i++) {
    const changed = serializeVaultKeyFile(vaultKey)
    changed[i]! ^= 0x10
    assert.throws(() => parseVaultKeyFile(changed), { code: 'key-file-changed' })
  }
})

test('a vault key that would take hours or all memory to open is refused', () => {
  for (const cost of [
    { logN: 30, r: 8, p: 1 },
    { logN: 15, r: 255, p: 1 },
    { logN: 15, r: 8, p: 200 },
  ]) {
    const bytes = serializeVaultKeyFile({
      vaultId: new Uint8Array(16),
      wrapped: { ...wrapped, cost },
    })
    assert.throws(() => parseVaultKeyFile(bytes), { code: 'bytes-malformed' })
  }
})
