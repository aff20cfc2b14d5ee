import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { decodeHex } from '@sealwright/core/bytes'
import {
  customizationChannelKeys,
  openImage,
  parseUnlockingFile,
  serializeUnlockingData,
} from '@sealwright/core/customization'
import { customize, finish, mask, products } from '@sealwright/roles/issuer'
import { certifyModule, initRoot, produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import { chipFactory } from '../src/chips/index.ts'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import { connectTcp, openModuleFile } from '../src/transport/index.ts'
import { maskInput, party, programs } from './factory-bench.ts'
import { copiesIn } from './process-memory.ts'
import { plantedIn } from './unlock-heap/planted.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-heap-'))
after(() => rmSync(folder, { recursive: true }))
const serial = decodeHex('0102030405060708')

// The memory of another process is read through /proc.
const readable = process.platform === 'linux'
if (!readable)
  process.stderr.write('NOT RUN: packages/node/test/unlock-heap.full.test.ts: there is no /proc\n')

test('the memory of another process can be read here, or this is no Linux', () => {
  assert.equal(existsSync('/proc/self/mem'), readable)
})

for (const form of readable ? (['eeprom', 'ram'] as const) : []) {
  test(`[R6d] ${form} form: after collection the card's process holds no byte of the unlocking key, after UNLOCK and after FINISH; then no channel key and no customization software either`, async () => {
    const issuer = await party('issuer', crypto)
    const manufacturer = await party('manufacturer', crypto)
    const made = await mask(issuer, maskInput({ form }))
    const chip = join(folder, `${form}.chip`)
    const { deliveryNote } = await produce(manufacturer, {
      mask: made.file,
      factory: chipFactory(folder),
      names: [chip],
    })
    const power = async () => openModuleFile(chip)
    await mount(await party('mounter', crypto), { chip, power, serial, deliveryNote })
    const { unlocking } = await issuer.vault.useSecret('unlocking/fleet', (bytes) => {
      const file = parseUnlockingFile(bytes)
      return { unlocking: { key: file.unlocking.key.slice(), hash: file.unlocking.hash.slice() } }
    })
    const opened = openModuleFile(chip)
    const { objects, rom } = opened.module.parts
    const image = openImage(crypto, unlocking, objects.read('encrypted-image', 0)!, rom.clientKey)
    await opened.close()
    const keys = customizationChannelKeys(crypto, unlocking.key, serial)
    const secrets = new Map([
      ['planted', plantedIn(crypto).slice(50, 82)],
      ['unlocking key', unlocking.key],
      ['first half of it', unlocking.key.slice(0, 16)],
      ['second half of it', unlocking.key.slice(16)],
      ['ENC', keys.enc],
      ['MAC', keys.mac],
      ['DEK', keys.dek],
      ['customization software', image.program.slice(600, 632)],
    ])
    const hidden = join(folder, `${form}.hidden`)
    writeFileSync(
      hidden,
      serializeUnlockingData(unlocking).map((byte, i) => byte ^ ((i * 37 + 11) & 0xff)),
    )

    const card = spawn(
      process.execPath,
      ['--expose-gc', fileURLToPath(new URL('unlock-heap/card.ts', import.meta.url)), chip, hidden],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    )
    try {
      const lines = createInterface({ input: card.stdout! })[Symbol.asyncIterator]()
      const next = async (): Promise<string> => (await lines.next()).value as string
      const collected = async (): Promise<Map<string, number>> => {
        card.stdin!.write('collect\n')
        assert.equal(await next(), 'collected')
        await new Promise((done) => setTimeout(done, 200))
        return copiesIn(card.pid!, secrets)
      }
      const [port, ...answer] = (await next()).split(' ')
      assert.deepEqual(answer.slice(0, 2), ['144', '0'])
      const unlocked = await collected()
      assert.ok(unlocked.get('planted')! > 0)
      for (const name of ['unlocking key', 'first half of it', 'second half of it']) {
        assert.equal(unlocked.get(name), 0, `${name} after UNLOCK`)
      }
      const transport = await connectTcp('127.0.0.1', Number(port))
      const root = await initRoot(manufacturer)
      const { identityRequest } = await customize(issuer, transport, {
        mask: 'fleet',
        product: products.cash,
        programs,
        manufacturerRoot: root.encoded,
      })
      const { encoded: certificate } = await certifyModule(manufacturer, { request: identityRequest! })
      await finish(issuer, transport, { mask: 'fleet', certificate })
      await transport.close()
      const finished = await collected()
      assert.ok(finished.get('planted')! > 0)
      assert.deepEqual(
        [...finished].filter(([name, copies]) => name !== 'planted' && copies > 0),
        [],
      )
    } finally {
      card.kill()
    }
  })
}
