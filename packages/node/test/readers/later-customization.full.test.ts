import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { answeringProgram } from '@sealwright/module/testing'
import { needReaders, Readers, readerName, tellWhyNoReaders } from './index.ts'

const missing = tellWhyNoReaders(import.meta.url)

test('readers can be had here for module and SAM, or this is not CI', () => needReaders(missing))

if (missing === undefined) {
  let readers: Readers
  let folder: string

  async function told(...words: string[]): Promise<Record<string, unknown>> {
    const { status, stdout, stderr } = await readers.sealwright([...words, '--json'], { cwd: folder })
    assert.equal(status, 0, `${words.join(' ')}\n${stderr}`)
    return JSON.parse(stdout) as Record<string, unknown>
  }

  async function finished(chip: string, serial: string, ...how: string[]): Promise<void> {
    const module = ['--module', chip, '--mask', 'fleet']
    await told('mounter', 'mount', '--module', chip, '--serial', serial, '--delivery-note', 'note')
    await told('issuer', 'unlock', ...module)
    const files = [
      '--manufacturer-root',
      'root.pem',
      '--papers',
      `${chip}.papers`,
      '--request',
      `${chip}.request`,
    ]
    await told('issuer', 'customize', ...module, ...files, ...how)
    await told('manufacturer', 'certify-module', `${chip}.request`, '--out', `${chip}.pem`)
    await told('issuer', 'finish', ...module, '--certificate', `${chip}.pem`, '--irreversible')
  }

  before(async () => {
    readers = await Readers.start()
    folder = join(readers.folder, 'work')
    mkdirSync(folder)
    await told('init', '.')
    await told('issuer', 'mask', 'fleet', '--out', 'mask', '--eeprom', '65536')
    await told('manufacturer', 'init-root', '--out', 'root.pem')
    await told('manufacturer', 'produce', 'mask', 'sam.chip', 'cash.chip', '--delivery-note', 'note')
    await finished('sam.chip', '5A00000000000001', '--product', 'sam')
    await readers.insert(join(folder, 'sam.chip'), 1)
  })
  after(() => readers?.stop())

  test('[D10a] module and SAM lie in two readers of one pcscd: the key is made, the module is finished and changed', async () => {
    const inReader = `reader:${readerName(1)}`
    await told('issuer', 'sam', 'new', '--reader', readerName(1))
    const later = ['--later-customization', '--sam', inReader]
    await finished('cash.chip', '0000000000000001', '--product', 'cash', ...later)
    await readers.insert(join(folder, 'cash.chip'), 0)
    writeFileSync(join(folder, 'answer.wasm'), answeringProgram('later'))
    const software = [{ program: 5, wasm: 'answer.wasm', interfaces: ['io'], budget: 100_000 }]
    const vectors = [{ ins: 'D0', program: 5, function: 1 }]
    writeFileSync(join(folder, 'change.json'), JSON.stringify({ format: 1, software, vectors }))
    const change = ['--sam', inReader, '--change', 'change.json']
    const done = await told('issuer', 'later-customize', '--reader', readerName(0), ...change)
    assert.equal(done['sam'], '5A00000000000001')
    const words = ['--reader', readerName(0), '--send-apdu', '00A4040000', '--send-apdu', '80D00000']
    const { stdout } = await readers.run('opensc-tool', words)
    assert.match(stdout, /SW1=0x90, SW2=0x00\)?:?\s*6C 61 74 65 72/)
  })
}
