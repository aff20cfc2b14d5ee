// A process of its own: SoftHSM reads its configuration from the environment.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ascii } from '@sealwright/core/bytes'
import { withHandle } from '@sealwright/core/crypto'
import type { KeyVault } from '@sealwright/roles/ports'
import { nodeCrypto, nodeEntropy } from '../crypto/index.ts'
import { makeSoftToken, needToken, tellWhyNoToken } from '../testing/index.ts'
import { type OpenToken, openToken, parsePkcs11Uri, tokenKeyVault } from './index.ts'

// Several processes with one token, and processes that are killed.

const here = fileURLToPath(import.meta.url)
const missing = await tellWhyNoToken(import.meta.url)
test('a token can be had here, or this is not CI', () => needToken(missing))
if (missing === undefined) await withToken()

async function withToken(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-token-processes-'))
  const before = process.env['SOFTHSM2_CONF']
  const opened: OpenToken[] = []
  after(() => {
    for (const one of opened) one.close()
    if (before === undefined) delete process.env['SOFTHSM2_CONF']
    else process.env['SOFTHSM2_CONF'] = before
    rmSync(folder, { recursive: true })
  })
  const pin = '4711 Kater'
  const token = await makeSoftToken(join(folder, 'hsm'), { label: 'unit', pin, officerPin: 'officer-0815' })
  const world = { crypto: nodeCrypto, entropy: nodeEntropy }
  const open = async (): Promise<OpenToken> => {
    const found = await openToken(parsePkcs11Uri(token.address), async () => new TextEncoder().encode(pin))
    opened.push(found)
    return found
  }
  const vaultIn = (session: OpenToken, prefix: string): KeyVault =>
    tokenKeyVault(session, { prefix, folder: join(folder, 'files', prefix) }, world)
  const holds = (point: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean =>
    withHandle(nodeCrypto.ecPublicKey(point), (key) => key.verify(signature, message))

  /** Another process with the same token: runs `work` over its vault and prints what it returns as JSON. */
  function elsewhere(prefix: string, work: string): ChildProcess {
    const program = `
      const { openToken, parsePkcs11Uri, tokenKeyVault } = await import(${JSON.stringify(join(here, '../index.ts'))})
      const { nodeCrypto: crypto, nodeEntropy: entropy } = await import(${JSON.stringify(join(here, '../../crypto/index.ts'))})
      const token = await openToken(parsePkcs11Uri(process.env.ADDRESS), async () => new TextEncoder().encode(process.env.TOKEN_PIN))
      const vault = tokenKeyVault(token, { prefix: ${JSON.stringify(prefix)}, folder: ${JSON.stringify(join(folder, 'files', prefix))} }, { crypto, entropy })
      ${work}
    `
    const env = { ...process.env, ADDRESS: token.address, TOKEN_PIN: pin }
    return spawn(process.execPath, ['--input-type=module', '-e', program], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }
  const output = async (child: ChildProcess): Promise<string> => {
    let text = ''
    child.stdout!.on('data', (data) => {
      text += data
    })
    await once(child, 'close')
    return text
  }

  test('two processes sign with one key at the same time', async () => {
    const vault = vaultIn(await open(), 'shared')
    const point = await vault.createPair('signing')
    const child = output(
      elsewhere(
        'shared',
        `for (let i = 0; i < 50; i++) console.log(Buffer.from(await vault.sign('signing', new TextEncoder().encode('c' + i))).toString('hex'))
        token.close()`,
      ),
    )
    for (let i = 0; i < 50; i++) {
      const message = ascii(`p${i}`)
      assert.ok(holds(point, await vault.sign('signing', message), message))
      await new Promise((done) => setTimeout(done, 1))
    }
    const lines = (await child).trim().split('\n')
    assert.equal(lines.length, 50)
    for (const [i, line] of lines.entries()) {
      assert.ok(holds(point, Buffer.from(line, 'hex'), ascii(`c${i}`)))
    }
  })

  test('two processes that make the same key at once never both get one', async () => {
    const race = `
      let made = false
      try { await vault.createPair('signing'); made = true } catch (error) { if (!['key-exists', 'token-key-ambiguous', 'held'].includes(error.code)) throw error }
      console.log(made)
      token.close()`
    for (let round = 0; round < 3; round++) {
      const results = await Promise.all([0, 1].map(() => output(elsewhere(`race${round}`, race))))
      assert.ok(results.filter((text) => text.trim() === 'true').length <= 1, results.join())
      const vault = vaultIn(await open(), `race${round}`)
      if (!(await vault.has('signing'))) await vault.createPair('signing')
      assert.equal((await vault.sign('signing', ascii('x'))).length, 64)
    }
  })

  test('a process that is killed while it makes keys leaves a token that works', async () => {
    for (const waitMs of [150, 250, 400]) {
      const prefix = `killed${waitMs}`
      const child = elsewhere(
        prefix,
        "console.log('go'); for (let i = 0; ; i++) { await vault.createPair('k'); await vault.sign('k', new Uint8Array(3)); await vault.remove('k') }",
      )
      await once(child.stdout!, 'data')
      await new Promise((done) => setTimeout(done, waitMs))
      child.kill('SIGKILL')
      await once(child, 'close')
      for (const one of opened.splice(0)) one.close()
      const vault = vaultIn(await open(), prefix)
      const point = (await vault.has('k')) ? await whole(vault) : await vault.createPair('k')
      assert.ok(holds(point, await vault.sign('k', ascii('x')), ascii('x')))
    }
  })

  /** The pair that is there; where the process died between its halves it is made anew. */
  async function whole(vault: KeyVault): Promise<Uint8Array> {
    try {
      return await vault.publicPoint('k')
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'token-key-ambiguous')
      await vault.remove('k')
      return vault.createPair('k')
    }
  }
}
