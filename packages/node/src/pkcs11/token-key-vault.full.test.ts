// A process of its own: SoftHSM reads its configuration from the environment.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ascii, encodeHex } from '@sealwright/core/bytes'
import { withHandle } from '@sealwright/core/crypto'
import { isLowS, serializeEcdsaSignature } from '@sealwright/core/der'
import type { KeyVault } from '@sealwright/roles/ports'
import { nodeCrypto, nodeEntropy } from '../crypto/index.ts'
import { findProgram } from '../doctor/index.ts'
import { vaultContract } from '../keys/vault-contract.ts'
import { makeSoftToken, needToken, type SoftToken, tellWhyNoToken } from '../testing/index.ts'
import { tokenFailure } from './failures.ts'
import { listTokens, openToken, parsePkcs11Uri, tokenKeyVault } from './index.ts'
import type { OpenToken } from './token.ts'
import { attribute, find, naming, objectClass } from './token-object.ts'

const missing = await tellWhyNoToken(import.meta.url)
test('a token can be had here, or this is not CI', () => needToken(missing))
if (missing === undefined) await withToken()

async function withToken(): Promise<void> {
  // Not there on a machine without compiler.
  const { default: pkcs11js } = await import('pkcs11js')
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-token-'))
  const before = process.env['SOFTHSM2_CONF']
  after(() => {
    if (before === undefined) delete process.env['SOFTHSM2_CONF']
    else process.env['SOFTHSM2_CONF'] = before
    rmSync(folder, { recursive: true })
  })
  const pin = '4711 Kater'
  const token = await makeSoftToken(join(folder, 'hsm'), { label: 'unit', pin, officerPin: 'officer-0815' })
  const world = { crypto: nodeCrypto, entropy: nodeEntropy }
  const opened: OpenToken[] = []
  after(() => {
    for (const one of opened) one.close()
  })
  const open = async (of: SoftToken = token, with_ = pin): Promise<OpenToken> => {
    const found = await openToken(parsePkcs11Uri(of.address), async () => new TextEncoder().encode(with_))
    opened.push(found)
    return found
  }
  let count = 0
  const vaultIn = (session: OpenToken, prefix = `p${count++}`): KeyVault =>
    tokenKeyVault(session, { prefix, folder: join(folder, 'files', prefix) }, world)
  const fresh = async (): Promise<KeyVault> => vaultIn(await open())
  const holds = (point: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean =>
    withHandle(nodeCrypto.ecPublicKey(point), (key) => key.verify(signature, message))

  vaultContract('vault in a token (PKCS#11)', fresh)

  test('[B3b] pairs are made in the token, sensitive, not extractable; no call gives the private key away', async () => {
    const session = await open()
    const vault = vaultIn(session, 'stay')
    await vault.createPair('signing')
    await vault.createSecret('t', 32, 'mac')
    for (const [name, type] of [
      ['stay/signing', objectClass.private],
      ['stay/t', objectClass.secret],
    ] as const) {
      const [handle] = find(session, [{ type: attribute.class, value: type }, ...naming(name)])
      assert.throws(
        () => session.calls.C_GetAttributeValue(session.session, handle!, [{ type: attribute.value }]),
        /CKR_ATTRIBUTE_SENSITIVE|Pkcs11Error|0x11|17/,
      )
      assert.throws(() =>
        session.calls.C_SetAttributeValue(session.session, handle!, [
          { type: attribute.extractable, value: true },
        ]),
      )
      // Under a wrapping key of the attacker's own.
      const wrapping = session.calls.C_GenerateKey(session.session, { mechanism: 0x1080 }, [
        { type: attribute.valueLength, value: 32 },
        { type: 0x106, value: true },
      ])
      assert.throws(
        () =>
          session.calls.C_WrapKey(
            session.session,
            { mechanism: 0x210a },
            wrapping,
            handle!,
            Buffer.alloc(400),
          ),
        /CKR_KEY_UNEXTRACTABLE|CKR/,
      )
    }
    await assert.rejects(
      vault.useSecret('t', () => {}),
      { code: 'key-stays-inside' },
    )
  })

  test('[B3b] another program sees the key as one that never left, and verifies what it signs', async (t) => {
    const vault = vaultIn(await open(), 'seen')
    const point = await vault.createPair('signing')
    const message = ascii('what is signed')
    const files = ['message', 'signature', 'point.der'].map((name) => join(folder, name))
    writeFileSync(files[0]!, message)
    writeFileSync(files[1]!, serializeEcdsaSignature(await vault.sign('signing', message)))
    const spki = Buffer.from('3059301306072A8648CE3D020106082A8648CE3D030107034200', 'hex')
    writeFileSync(files[2]!, Buffer.concat([spki, point]))
    const openssl = spawnSync(
      'openssl',
      ['dgst', '-sha256', '-verify', files[2]!, '-keyform', 'DER', '-signature', files[1]!, files[0]!],
      { encoding: 'utf8' },
    )
    assert.match(openssl.stdout, /Verified OK/, openssl.stderr)
    if (findProgram('pkcs11-tool') === undefined) {
      t.diagnostic('pkcs11-tool (opensc) is not installed: the token was not looked at with it')
      assert.equal(process.env['CI'], undefined)
      return
    }
    const tool = (...args: string[]) =>
      spawnSync(
        'pkcs11-tool',
        ['--module', token.modulePath, '--token-label', 'unit', '--login', '--pin', 'env:TOKEN_PIN', ...args],
        { encoding: 'utf8', env: { ...process.env, TOKEN_PIN: pin } },
      )
    const listed = tool('--list-objects', '--type', 'privkey', '--label', 'seen/signing').stdout
    assert.match(listed, /seen\/signing/)
    assert.match(listed, /always sensitive.*never extractable.*local/)
  })

  test('[B3d] without the PIN the token signs nothing, and a wrong one is said in plain words without being shown', async () => {
    const address = parsePkcs11Uri(token.address)
    const session = await open()
    await vaultIn(session, 'locked').createPair('signing')
    session.close()
    for (const one of opened.splice(0)) one.close()
    const wrong = 'wrong-but-secret'
    await assert.rejects(
      openToken(address, async () => ascii(wrong)),
      (error: Error & { code: string; details: { tries: string } }) => {
        assert.equal(error.code, 'token-pin-wrong')
        assert.match(error.message, /the PIN is wrong.*few tries/)
        assert.equal(error.details.tries, 'few')
        assert.ok(!`${error.message}${error.stack}${JSON.stringify(error)}`.includes(wrong))
        return true
      },
    )
    // The next one is told how it stands before it is asked.
    let seen: string | undefined
    const again = await openToken(address, async ({ tries }) => {
      seen = tries
      return new TextEncoder().encode(pin)
    })
    assert.equal(seen, 'few')
    again.close()
    assert.equal((await listTokens(token.modulePath))[0]!.tries, 'untold', 'a right PIN sets the count back')
    // Nobody is logged in: private keys are not even seen.
    const calls = new pkcs11js.PKCS11()
    calls.load(token.modulePath)
    calls.C_Initialize()
    try {
      const plain = calls.C_OpenSession(calls.C_GetSlotList(true)[0]!, 4)
      calls.C_FindObjectsInit(plain, [{ type: attribute.class, value: objectClass.private }])
      assert.deepEqual(calls.C_FindObjects(plain, 10), [])
      calls.C_FindObjectsFinal(plain)
    } finally {
      calls.C_Finalize()
      calls.close()
    }
  })

  test('[B3d] a copy of the files opens no secret without the token, nor with another one', async () => {
    const vault = vaultIn(await open(), 'lent')
    await vault.importSecret('document', ascii('a secret of a module'))
    const at = join(folder, 'files', 'lent', 'document.secret.sealed')
    assert.ok(!readFileSync(at).includes('a secret of a module'))
    // Another token of the same name and prefix, with keys of its own.
    const other = await makeSoftToken(join(folder, 'hsm'), {
      label: 'other',
      pin,
      officerPin: 'officer-0815',
    })
    const theirs = vaultIn(await open(other), 'lent')
    await assert.rejects(
      theirs.useSecret('document', () => {}),
      { code: 'key-file-changed' },
    )
    await theirs.importSecret('second', ascii('x'))
    await assert.rejects(
      theirs.useSecret('document', () => {}),
      { code: 'key-file-changed' },
    )
    assert.equal(await vault.useSecret('document', (secret) => secret.length), 20)
  })

  test('a key that was brought into the token, or could leave it, is not used', async () => {
    const session = await open()
    const vault = vaultIn(session, 'planted')
    const point = await vault.createPair('own')
    const pair = session.calls.C_GenerateKeyPair(
      session.session,
      { mechanism: 0x1040 },
      [
        { type: attribute.token, value: true },
        { type: attribute.ecParams, value: Buffer.from('06082A8648CE3D030107', 'hex') },
        ...naming('planted/loose'),
      ],
      [
        { type: attribute.token, value: true },
        { type: attribute.private, value: true },
        { type: attribute.sensitive, value: true },
        { type: attribute.extractable, value: true },
        { type: attribute.sign, value: true },
        ...naming('planted/loose'),
      ],
    )
    assert.ok(pair.privateKey)
    session.calls.C_CreateObject(session.session, [
      { type: attribute.class, value: objectClass.private },
      { type: attribute.keyType, value: 3 },
      { type: attribute.token, value: true },
      { type: attribute.private, value: true },
      { type: attribute.sensitive, value: true },
      { type: attribute.extractable, value: false },
      { type: attribute.sign, value: true },
      { type: attribute.ecParams, value: Buffer.from('06082A8648CE3D030107', 'hex') },
      { type: attribute.value, value: Buffer.alloc(32, 9) },
      ...naming('planted/brought'),
    ])
    for (const name of ['loose', 'brought']) {
      await assert.rejects(vault.sign(name, ascii('x')), { code: 'token-key-exposed' })
      await assert.rejects(vault.has(name), { code: 'token-key-exposed' })
      await assert.rejects(vault.createPair(name), { code: 'token-key-exposed' })
      await vault.remove(name)
    }
    assert.deepEqual(await vault.publicPoint('own'), point)
  })

  test('signatures of a token have s in the lower half, as ours have', async () => {
    const vault = await fresh()
    await vault.createPair('a')
    // A token that does not care makes half of them so.
    for (let i = 0; i < 24; i++) assert.ok(isLowS(await vault.sign('a', Uint8Array.of(i))))
  })

  test('two keys of one label are not guessed between; half a pair is made whole', async () => {
    const session = await open()
    const vault = vaultIn(session, 'twice')
    await vault.createPair('a')
    const [handle] = find(session, [
      { type: attribute.class, value: objectClass.private },
      ...naming('twice/a'),
    ])
    const second = vaultIn(session, 'elsewhere')
    await second.createPair('b')
    const [stranger] = find(session, [
      { type: attribute.class, value: objectClass.private },
      ...naming('elsewhere/b'),
    ])
    session.calls.C_SetAttributeValue(session.session, stranger!, naming('twice/a'))
    await assert.rejects(vault.sign('a', ascii('x')), { code: 'token-key-ambiguous' })
    session.calls.C_DestroyObject(session.session, stranger!)
    assert.equal((await vault.sign('a', ascii('x'))).length, 64)
    // A process that was killed between the halves leaves the public one.
    session.calls.C_DestroyObject(session.session, handle!)
    assert.equal(await vault.has('a'), false)
    const point = await vault.createPair('a')
    assert.ok(holds(point, await vault.sign('a', ascii('x')), ascii('x')))
  })

  test('a public key that was swapped in the token is noticed before a signature goes out', async () => {
    const session = await open()
    const vault = vaultIn(session, 'swapped')
    await vault.createPair('a')
    await vault.createPair('b')
    const publicOf = (name: string) =>
      find(session, [{ type: attribute.class, value: objectClass.public }, ...naming(`swapped/${name}`)])[0]!
    session.calls.C_DestroyObject(session.session, publicOf('a'))
    const id = find(session, [
      { type: attribute.class, value: objectClass.private },
      ...naming('swapped/a'),
    ]).map(
      (handle) =>
        session.calls.C_GetAttributeValue(session.session, handle, [{ type: attribute.id }])[0]!.value,
    )[0] as Buffer
    session.calls.C_SetAttributeValue(session.session, publicOf('b'), naming('swapped/a', id))
    await assert.rejects(vault.sign('a', ascii('x')), { code: 'token-failed', message: /does not hold/ })
  })

  test('a token that is taken away is told of, nothing is taken for missing, and nothing is made', async () => {
    const gone = await makeSoftToken(join(folder, 'hsm'), { label: 'gone', pin, officerPin: 'officer-0815' })
    const vault = vaultIn(await open(gone), 'gone')
    const point = await vault.createPair('signing')
    const away = join(folder, 'away')
    renameSync(gone.tokens, away)
    try {
      const removed = { code: 'token-removed' }
      await assert.rejects(vault.sign('signing', ascii('x')), removed)
      await assert.rejects(vault.has('signing'), removed)
      await assert.rejects(vault.has('never'), removed)
      await assert.rejects(vault.list(), removed)
      await assert.rejects(vault.createPair('other'), removed)
    } finally {
      renameSync(away, gone.tokens)
    }
    for (const one of opened.splice(0)) one.close()
    const back = vaultIn(await open(gone), 'gone')
    assert.deepEqual(await back.publicPoint('signing'), point)
    assert.equal(await back.has('other'), false)
  })

  test('a module that is missing or none, and a token that is not there, are said in plain words', async () => {
    const address = (path: string, name = 'unit') =>
      parsePkcs11Uri(`pkcs11:token=${name}?module-path=${path}`)
    const ask = async () => {
      throw new Error('nobody is to be asked')
    }
    await assert.rejects(openToken(address('/nowhere/x.so'), ask), {
      code: 'token-library-missing',
      message: /no PKCS#11 module/,
    })
    const text = join(folder, 'text.so')
    writeFileSync(text, 'no module')
    await assert.rejects(openToken(address(text), ask), {
      code: 'token-library-missing',
      message: /does not load/,
    })
    await assert.rejects(openToken(address(token.modulePath, 'nobody'), ask), {
      code: 'token-missing',
      message: /it shows:.*unit \(serial/,
    })
    await assert.rejects(openToken(parsePkcs11Uri('pkcs11:token=unit'), ask), { code: 'usage' })
    await makeSoftToken(join(folder, 'hsm'), { label: 'unit', pin, officerPin: 'officer-0815' })
    await assert.rejects(openToken(address(token.modulePath), ask), {
      code: 'usage',
      message: /several tokens/,
    })
  })

  test('a mechanism that the token lacks is named', async () => {
    const session = await open()
    // SoftHSM 2.6 has neither: not the derivation of SP 800-108, nor ECDSA that hashes by itself.
    assert.throws(() => session.requireMechanisms({ CKM_ECDSA: 0x1041, CKM_SP800_108_COUNTER_KDF: 0x3ac }), {
      code: 'token-unsuitable',
      message: /lacks CKM_SP800_108_COUNTER_KDF$/,
    })
    const vault = vaultIn(session, 'mechanism')
    await vault.createPair('a')
    const [handle] = find(session, [
      { type: attribute.class, value: objectClass.private },
      ...naming('mechanism/a'),
    ])
    await assert.rejects(
      session.inTurn('signing', () =>
        session.calls.C_SignInit(session.session, { mechanism: 0x1044 }, handle!),
      ),
      { code: 'token-unsuitable', message: /lacks the mechanism/ },
    )
  })

  test('what PKCS#11 answers is told in plain words, with a code for each cure', () => {
    const told = (code: number) =>
      tokenFailure(new pkcs11js.Pkcs11Error('CKR_X', code, 'C_Login'), 'doing it') as Error & { code: string }
    assert.equal(told(0xa4).code, 'token-pin-locked')
    assert.match(told(0xa4).message, /^doing it: the PIN is locked \(CKR 0x000000A4\)$/)
    assert.equal(told(0x32).code, 'token-removed')
    assert.equal(told(0xe0).code, 'token-removed')
    assert.equal(told(0x102).code, 'token-unready')
    assert.equal(told(0x70).code, 'token-unsuitable')
    assert.equal(told(0x8000_0001).code, 'token-failed')
    const other = new TypeError('ours')
    assert.equal(tokenFailure(other, 'x'), other)
  })

  test('a copy of the token folder is as good as the token: SoftHSM is no hardware', async () => {
    const vault = vaultIn(await open(), 'copied')
    const point = await vault.createPair('signing')
    for (const one of opened.splice(0)) one.close()
    const copy = join(folder, 'copy')
    cpSync(join(folder, 'hsm'), copy, { recursive: true })
    writeFileSync(
      join(copy, 'softhsm2.conf'),
      readFileSync(join(copy, 'softhsm2.conf'), 'utf8').replace(token.tokens, join(copy, 'tokens')),
    )
    process.env['SOFTHSM2_CONF'] = join(copy, 'softhsm2.conf')
    try {
      assert.ok(readdirSync(join(copy, 'tokens')).length > 0)
      const again = vaultIn(await open(), 'copied')
      assert.equal(encodeHex(await again.publicPoint('signing')), encodeHex(point))
      for (const one of opened.splice(0)) one.close()
    } finally {
      process.env['SOFTHSM2_CONF'] = token.environment.SOFTHSM2_CONF
    }
  })
}
