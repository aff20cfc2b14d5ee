/**
 * `node tools/copies.ts`: how often key bytes stand in the memory of a Node process that has run a life up to a key download, before
 * and after collection (docs/SECURITY.md, *What the process keeps*). A child runs the same life as this process, which knows the keys and
 * reads the child's memory. A planted key is found first. Linux only.
 */
import { spawn } from 'node:child_process'
import { ascii, concat } from '@sealwright/core/bytes'
import { deriveKey, diversify, withHandle } from '@sealwright/core/crypto'
import { parseUnlockingFile } from '@sealwright/core/customization'
import { parseKeyMessageFile, serializeContext } from '@sealwright/core/key-download'
import { openMemory } from '@sealwright/module/eeprom'
import { fuelKeySource } from '@sealwright/roles/issuer'
import { Life, stages } from '../packages/node/test/life/index.ts'
import { readPrograms } from '../packages/node/test/life/programs.ts'
import { repeatableCrypto } from '../packages/node/test/life/repeatable-crypto.ts'
import { copiesIn } from '../packages/node/test/process-memory.ts'

const plantedText = 'a key that is there'

if (process.argv.includes('--child')) await child()
else await parent()

async function life(): Promise<Life> {
  const own = Life.begin({ crypto: repeatableCrypto, programs: readPrograms() })
  for (const stage of stages) {
    own.seed(stage.name)
    await stage.run(own)
    if (stage.name === 'import-key') break
  }
  return own
}

async function child(): Promise<void> {
  const kept = [await life(), repeatableCrypto.sha256(ascii(plantedText))]
  process.stdout.write('ready\n')
  process.stdin.on('data', () => {
    for (let i = 0; i < 8; i++) (globalThis as unknown as { gc(): void }).gc()
    process.stdout.write(`ready ${kept.length}\n`)
  })
}

async function parent(): Promise<void> {
  const secrets = await secretsOf(await life())
  const process_ = spawn(process.execPath, ['--expose-gc', import.meta.filename, '--child'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ready = (): Promise<void> => new Promise((resolve) => process_.stdout.once('data', () => resolve()))
  await ready()
  const before = copiesIn(process_.pid!, secrets)
  process_.stdin.write('collect\n')
  await ready()
  await new Promise((resolve) => setTimeout(resolve, 200))
  const after = copiesIn(process_.pid!, secrets)
  process_.kill()
  if (after.get('planted') === 0) throw new Error('the planted key is not found')
  console.log('key                       before  after collection')
  for (const name of secrets.keys()) {
    console.log(
      `${name.padEnd(24)} ${String(before.get(name)).padStart(7)} ${String(after.get(name)).padStart(7)}`,
    )
  }
}

async function secretsOf(own: Life): Promise<Map<string, Uint8Array>> {
  const loader = await own.party('loader')
  const issuer = await own.party('issuer')
  const { request, message } = parseKeyMessageFile(own.file('key.message'))
  const transport = await loader.vault.useSecret('sets/1/1/transport', (key) => key.slice())
  const t1 = diversify(repeatableCrypto, transport, concat(request.serial, ascii('ESM-KDL1')))
  const context = serializeContext({ ...request, counter: message.header.counter })
  const derived = (label: string) =>
    withHandle(repeatableCrypto.aes(t1), (key) => deriveKey(key, label, context, 16))
  const key = (chip: string, place: number) =>
    openMemory(own.medium(chip)).objects.read('key', place)!.slice(1)
  return new Map([
    ['planted', repeatableCrypto.sha256(ascii(plantedText))],
    [
      'unlocking key',
      await issuer.vault.useSecret('unlocking/fleet', (file) => parseUnlockingFile(file).unlocking.key),
    ],
    ['T', transport],
    ['T1', t1],
    ['K_E', derived('KDL-ENC')],
    ['K_M', derived('KDL-MAC')],
    ['K_A', derived('KDL-ACK')],
    ['TA', key('loader', fuelKeySource)],
    ['operating private key', key('terminal', 0xff00_0002)],
  ])
}
