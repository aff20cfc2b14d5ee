// A process of its own: SoftHSM reads its configuration from the environment.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { equal } from '@sealwright/core/bytes'
import { withHandle } from '@sealwright/core/crypto'
import { serializeModulePapers } from '@sealwright/core/customization'
import {
  acknowledge,
  downloadKeys,
  type LoaderKeyOrder,
  parseKeyMessageFile,
  parseKeyReceiptFile,
  serializeKeyReceiptFile,
  unitTransportKey,
} from '@sealwright/core/key-download'
import { fixedClock, scriptedEntropy } from '@sealwright/core/testing'
import { fixtureTime } from '@sealwright/module/testing'
import { keepPapers } from '@sealwright/roles/custody'
import {
  exportFromVault,
  installTransportKey,
  listVault,
  makeSet,
  makeVaultKey,
  makeVaultSet,
  parseCounterFile,
  parseKeyFile,
  serializeCounterFile,
  serializeKeyFile,
  vaultLoaderLabel,
  verifyVaultReceipt,
} from '@sealwright/roles/loader'
import {
  type KeyVault,
  logSigningKey,
  memoryPorts,
  type PartyPorts,
  type Store,
} from '@sealwright/roles/ports'
import { importKey, prepareKey } from '@sealwright/roles/terminal'
import { nodeCrypto, nodeEntropy } from '../src/crypto/index.ts'
import { openToken, parsePkcs11Uri, tokenKeyVault } from '../src/pkcs11/index.ts'
import { makeSoftToken, needToken, tellWhyNoToken } from '../src/testing/index.ts'
import { type Bench, documentKey, fuel, keyAt, loader, powered, unit } from './key-download-bench.ts'

const order = (more: Partial<LoaderKeyOrder> = {}): LoaderKeyOrder => ({
  ...{ source: fuel.source, set: 1, diversified: true, exportsLeft: undefined },
  attributes: { usage: 'M6', algorithm: 'A', mode: 'C', version: 1, exportability: 'N', keyLength: 16 },
  modules: { rule: 'all-but', serials: [] },
  ...more,
})

const folder = mkdtempSync(join(tmpdir(), 'sealwright-vault-loader-'))
const before = process.env['SOFTHSM2_CONF']
const closing: (() => void)[] = []
after(() => {
  for (const close of closing) close()
  if (before === undefined) delete process.env['SOFTHSM2_CONF']
  else process.env['SOFTHSM2_CONF'] = before
  rmSync(folder, { recursive: true })
})

let count = 0
const vaults: Record<string, () => Promise<KeyVault | undefined>> = { memory: async () => undefined }
const missing = await tellWhyNoToken(import.meta.url)
test('a token can be had here, or this is not CI', () => needToken(missing))
if (missing === undefined) {
  const pin = 'loader-4711'
  const token = await makeSoftToken(join(folder, 'hsm'), { label: 'loader', pin, officerPin: 'officer-1' })
  vaults['an HSM through PKCS#11'] = async () => {
    const open = await openToken(parsePkcs11Uri(token.address), async () => new TextEncoder().encode(pin))
    closing.push(() => open.close())
    const prefix = `loader${count++}`
    return tokenKeyVault(
      open,
      { prefix, folder: join(folder, prefix) },
      { crypto: nodeCrypto, entropy: nodeEntropy },
    )
  }
}

async function world(vault: KeyVault | undefined, wrap = (store: Store): Store => store) {
  const clock = fixedClock(fixtureTime)
  const ports = async (party: 'loader' | 'terminal'): Promise<PartyPorts> =>
    memoryPorts(party, { clock, entropy: scriptedEntropy(`${party} ${count++}`), crypto: nodeCrypto })
  const plain = await ports('loader')
  const custodian: PartyPorts = { ...plain, store: wrap(plain.store), vault: vault ?? plain.vault }
  if (vault !== undefined) await vault.createPair(logSigningKey)
  const ei = unit({ bare: true })
  await keepPapers(
    custodian,
    serializeModulePapers({ version: 1, serial: ei.serial, product: 'test', documentKey }),
  )
  return { custodian, station: await ports('terminal'), ei }
}

const again = ({ fixture, medium }: Bench) =>
  powered(fixture, medium, nodeCrypto, scriptedEntropy(`again ${count++}`)).transport

async function download(w: Awaited<ReturnType<typeof world>>) {
  const { file: request } = await prepareKey(again(w.ei), { place: fuel.place, held: true })
  const exported = await exportFromVault(w.custodian, { request })
  const imported = await importKey(w.station, again(w.ei), exported.file)
  return { request, exported, imported }
}

for (const [name, open] of Object.entries(vaults)) {
  for (const suite of [0xa101, 0xa201] as const) {
    test(`[E3a] T, KS and a diversified key in ${name}: a module gets its key and proves it, suite ${suite.toString(16)}`, async () => {
      const w = await world(await open())
      const set = await makeVaultSet(w.custodian, { set: 1, suite })
      const keyLength = suite === 0xa101 ? 16 : 32
      const entry = await makeVaultKey(
        w.custodian,
        order({ attributes: { ...order().attributes, keyLength } }),
      )
      await installTransportKey(w.custodian, again(w.ei), { set: 1 })
      const { imported } = await download(w)
      const claim = await verifyVaultReceipt(w.custodian, imported.file)
      const inModule = await keyAt(powered(w.ei.fixture, w.ei.medium), fuel.place)
      assert.deepEqual(inModule, claim.checkValue)
      assert.ok(!equal(claim.checkValue, entry.checkValue), 'the module has a key of its own')
      // Done again, nothing is made anew.
      assert.deepEqual(await makeVaultSet(w.custodian, { set: 1, suite }), set)
      const known = await listVault(w.custodian)
      assert.deepEqual(known, { sets: [set], keys: [entry] })
      if (name === 'memory') return
      for (const secret of ['sets/1/1/transport', 'sets/1/1/signature', 'keys/00010a01']) {
        await assert.rejects(
          w.custodian.vault.useSecret(secret, () => {}),
          { code: 'key-stays-inside' },
        )
      }
    })
  }

  test(`[E3a] T that a whole set shares serves its downloads from ${name}, too`, async () => {
    const w = await world(await open())
    await makeVaultSet(w.custodian, { set: 1, profile: 'shared' })
    await makeVaultKey(w.custodian, order())
    const install = installTransportKey(w.custodian, again(w.ei), { set: 1 })
    if (name === 'memory') {
      await install
      const { imported } = await download(w)
      await verifyVaultReceipt(w.custodian, imported.file)
    } else {
      // What leaves the token for no module cannot be put into one.
      await assert.rejects(install, { code: 'key-stays-inside' })
    }
  })

  test(`a key that modules share is lent for the moment of the export only: ${name}`, async () => {
    const w = await world(await open())
    await makeVaultSet(w.custodian, { set: 1 })
    const entry = await makeVaultKey(w.custodian, order({ diversified: false }))
    await installTransportKey(w.custodian, again(w.ei), { set: 1 })
    const { imported } = await download(w)
    const claim = await verifyVaultReceipt(w.custodian, imported.file)
    assert.deepEqual(claim.checkValue, entry.checkValue)
  })

  test(`exports are counted before anything is encrypted, and modules that are blocked get none: ${name}`, async () => {
    let dies = false
    const w = await world(await open(), (store) => ({
      ...store,
      async write(file, bytes) {
        if (dies && file.startsWith('exports/')) throw new Error('the process died')
        return store.write(file, bytes)
      },
    }))
    await makeVaultSet(w.custodian, { set: 1 })
    await makeVaultKey(w.custodian, order({ exportsLeft: 2 }))
    await installTransportKey(w.custodian, again(w.ei), { set: 1 })
    const { file: request } = await prepareKey(again(w.ei), { place: fuel.place, held: true })
    const first = await exportFromVault(w.custodian, { request })
    dies = true
    await assert.rejects(exportFromVault(w.custodian, { request }), /died/)
    dies = false
    await assert.rejects(exportFromVault(w.custodian, { request }), { code: 'loader-key-withheld' })
    assert.equal(parseKeyMessageFile(first.file).message.header.counter, 1)
    await makeVaultKey(
      w.custodian,
      order({ source: 0x10a02, modules: { rule: 'all-but', serials: [w.ei.serial] } }),
    )
    await makeVaultKey(w.custodian, order({ source: 0x10a03, modules: { rule: 'only', serials: [] } }))
    for (const source of [2, 3]) {
      const changed = request.slice()
      const at = Buffer.from(request).indexOf(Buffer.from('00010a01', 'hex'))
      changed[at + 3] = source
      await assert.rejects(exportFromVault(w.custodian, { request: changed }), {
        code: 'loader-key-withheld',
      })
    }
  })

  test(`a receipt that was changed, or of another download, does not count: ${name}`, async () => {
    const w = await world(await open())
    await makeVaultSet(w.custodian, { set: 1 })
    await makeVaultKey(w.custodian, order())
    await installTransportKey(w.custodian, again(w.ei), { set: 1 })
    const { imported } = await download(w)
    const claim = parseKeyReceiptFile(imported.file)
    for (const change of [
      { counter: claim.counter + 1 },
      { checkValue: claim.checkValue.with(0, claim.checkValue[0]! ^ 1) },
      { acknowledgement: claim.acknowledgement.with(15, claim.acknowledgement[15]! ^ 1) },
      { request: { ...claim.request, random: new Uint8Array(16) } },
    ]) {
      await assert.rejects(
        verifyVaultReceipt(w.custodian, serializeKeyReceiptFile({ ...claim, ...change })),
        {
          code: 'authentication-failed',
        },
      )
    }
    await verifyVaultReceipt(w.custodian, imported.file)
    // The set got new keys since; modules that hold the former ones are served by them.
    const replaced = await makeVaultSet(w.custodian, { set: 1, replace: true })
    await verifyVaultReceipt(w.custodian, imported.file)
    const { file: request } = await prepareKey(again(w.ei), { place: fuel.place, held: true })
    const late = await exportFromVault(w.custodian, { request, generation: 'previous' })
    assert.equal(late.message.header.counter, claim.counter + 1, 'no two messages have one counter')
    const taken = await importKey(w.station, again(w.ei), late.file)
    await verifyVaultReceipt(w.custodian, taken.file)
    assert.equal((await listVault(w.custodian)).sets.length, 2)
    assert.equal(replaced.generation, 'present')
  })

  test(`what cannot be is refused, and nothing is made: ${name}`, async () => {
    const w = await world(await open())
    await assert.rejects(makeVaultKey(w.custodian, order()), { code: 'key-missing' })
    await assert.rejects(makeVaultSet(w.custodian, { set: 256 }), { code: 'usage' })
    await assert.rejects(makeVaultSet(w.custodian, { set: 1, suite: 0xa103 }), { code: 'usage' })
    assert.deepEqual(await listVault(w.custodian), { sets: [], keys: [] })
    await makeVaultSet(w.custodian, { set: 1 })
    await assert.rejects(makeVaultSet(w.custodian, { set: 1, suite: 0xa201 }), { code: 'usage' })
    const long = { ...order().attributes, keyLength: 32 }
    await assert.rejects(makeVaultKey(w.custodian, order({ attributes: long })), { code: 'usage' })
    await assert.rejects(makeVaultKey(w.custodian, order({ source: 0 })), { code: 'usage' })
    await makeVaultKey(w.custodian, order())
    await assert.rejects(makeVaultKey(w.custodian, order({ diversified: false })), { code: 'key-exists' })
    const { file: request } = await prepareKey(again(unit()), { place: fuel.place, held: true })
    await assert.rejects(exportFromVault(w.custodian, { request, generation: 'previous' }), {
      code: 'loader-key-missing',
    })
  })
}

test('a module that acknowledges another key than the one it was sent is not believed', async () => {
  const w = await world(undefined)
  await makeVaultSet(w.custodian, { set: 1 })
  await makeVaultKey(w.custodian, order())
  await installTransportKey(w.custodian, again(w.ei), { set: 1 })
  const { imported, exported } = await download(w)
  const claim = parseKeyReceiptFile(imported.file)
  const context = { ...claim.request, counter: exported.message.header.counter }
  // The module has K_A, and could put any check value under it.
  const forged = await w.custodian.vault.useSecret('sets/1/1/transport', (key) =>
    withHandle(nodeCrypto.aes(unitTransportKey(nodeCrypto.aes(key), w.ei.serial)), (TU) =>
      withHandle(downloadKeys(nodeCrypto, TU, context), (keys) => {
        const honest = acknowledge(keys.acknowledgement, context, claim.checkValue)
        assert.deepEqual(honest, claim.acknowledgement)
        const checkValue = new Uint8Array(5).fill(7)
        return { checkValue, acknowledgement: acknowledge(keys.acknowledgement, context, checkValue) }
      }),
    ),
  )
  await assert.rejects(verifyVaultReceipt(w.custodian, serializeKeyReceiptFile({ ...claim, ...forged })), {
    code: 'authentication-failed',
  })
  await verifyVaultReceipt(w.custodian, imported.file)
})

test('a loader card gets no key that stays in a token', async () => {
  const vault = await vaults['an HSM through PKCS#11']?.()
  if (vault === undefined) return
  const w = await world(vault)
  const card = loader({ keys: [] })
  const { nvm, objects } = card.module.parts
  nvm.transaction((tx) => objects.remove(tx, 'key-set', 1))
  await keepPapers(
    w.custodian,
    serializeModulePapers({ version: 1, serial: card.serial, product: 'test', documentKey }),
  )
  await makeVaultSet(w.custodian, { set: 1 })
  await assert.rejects(makeSet(w.custodian, again(card), { set: 1 }), { code: 'key-stays-inside' })
})

test('no key of a loader in an HSM lies in a file beside it', async () => {
  const vault = await vaults['an HSM through PKCS#11']?.()
  if (vault === undefined) return
  const w = await world(vault)
  await makeVaultSet(w.custodian, { set: 1 })
  const { checkValue } = await makeVaultKey(w.custodian, order({ diversified: false }))
  const shared = await vault.useSecret('keys/00010a01', (key) => Buffer.from(key))
  const all = [
    ...readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('tokens'))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name))),
    ...(await Promise.all(
      (
        await w.custodian.store.list()
      ).map(async (name) => Buffer.from((await w.custodian.store.read(name))!)),
    )),
  ]
  assert.ok(
    all.some((bytes) => bytes.includes(Buffer.from(checkValue))),
    'the search sees what is there',
  )
  assert.ok(!all.some((bytes) => bytes.includes(shared)))
})

test('the records of a loader in the vault have one form, and say what nothing enforces', () => {
  const entry = { ...order(), checkValue: new Uint8Array(5).fill(1) }
  assert.deepEqual(parseKeyFile(serializeKeyFile(entry)), entry)
  assert.equal(parseCounterFile(serializeCounterFile(77)), 77)
  for (const [bytes, parse] of [
    [serializeKeyFile(entry), parseKeyFile],
    [serializeCounterFile(77), parseCounterFile],
  ] as const) {
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parse(bytes.subarray(0, length)), { code: 'bytes-malformed' })
    }
    assert.throws(() => parse(Uint8Array.of(...bytes, 0)), { code: 'bytes-malformed' })
  }
  assert.match(vaultLoaderLabel, /counted by this program alone/)
})
