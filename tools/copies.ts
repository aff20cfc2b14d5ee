/**
 * `node tools/copies.ts`: how often key bytes stand in the memory of a Node process that has run a life up to a key download, before
 * and after collection (docs/SECURITY.md, *What the process keeps*). A child runs the same life as this process, which knows the keys and
 * reads the child's memory. A planted key is found first. Linux only.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { ascii, concat } from '@sealwright/core/bytes'
import { deriveKey, diversify, withHandle } from '@sealwright/core/crypto'
import { parseUnlockingFile } from '@sealwright/core/customization'
import { parseKeyMessageFile, serializeContext } from '@sealwright/core/key-download'
import { openMemory } from '@sealwright/module/eeprom'
import { fuelKeySource } from '@sealwright/roles/issuer'
import { Life, stages } from '../packages/node/test/life/index.ts'
import { readPrograms } from '../packages/node/test/life/programs.ts'
import { repeatableCrypto } from '../packages/node/test/life/repeatable-crypto.ts'

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
  const before = scan(process_.pid!, secrets)
  process_.stdin.write('collect\n')
  await ready()
  await new Promise((resolve) => setTimeout(resolve, 200))
  const after = scan(process_.pid!, secrets)
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

/** How often each stands in the writable memory of a process. */
function scan(pid: number, secrets: ReadonlyMap<string, Uint8Array>): Map<string, number> {
  const counts = new Map([...secrets.keys()].map((name) => [name, 0]))
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const chunk = Buffer.alloc(1 << 24)
  const overlap = 64
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const parts = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line)
    if (parts === null) continue
    const [start, end] = [Number.parseInt(parts[1]!, 16), Number.parseInt(parts[2]!, 16)]
    for (let at = start; at < end; at += chunk.length - overlap) {
      const length = readAt(memory, chunk, at, Math.min(chunk.length, end - at))
      for (const [name, secret] of secrets) {
        const last = length - (at + length < end ? overlap : 0)
        for (let i = chunk.indexOf(secret); i >= 0 && i < last; i = chunk.indexOf(secret, i + 1)) {
          counts.set(name, counts.get(name)! + 1)
        }
      }
      chunk.fill(0, 0, length)
    }
  }
  closeSync(memory)
  return counts
}

function readAt(file: number, buffer: Buffer, position: number, length: number): number {
  try {
    return readSync(file, buffer, 0, length, position)
  } catch {
    // A region that has no memory behind it.
    return 0
  }
}
