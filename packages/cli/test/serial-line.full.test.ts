import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { PtyLine, whyNoPty } from '@sealwright/node/testing'
import { commandLine, commandLineJson, type JsonObject } from './run.ts'

const launcher = fileURLToPath(new URL('../bin/sealwright.js', import.meta.url))
const serial = '0000000000000001'
const noise = { lose: 0.0001, flip: 0.0001, double: 0.0001, insert: 0.0001 }

/** `module run --serial` as a process of its own. */
class Served {
  readonly process: ChildProcess
  readonly events: JsonObject[] = []
  stderr = ''
  #wake = (): void => {}

  constructor(cwd: string, ...words: string[]) {
    const args = [launcher, 'module', 'run', 'x.chip', '--json', ...words]
    this.process = spawn(process.execPath, args, { cwd, env: { ...process.env, NODE_OPTIONS: '' } })
    this.process.stderr!.on('data', (text) => (this.stderr += String(text)))
    this.process.once('close', () => this.#wake())
    createInterface({ input: this.process.stdout! }).on('line', (line) => {
      this.events.push(JSON.parse(line) as JsonObject)
      this.#wake()
    })
  }

  async until(name: string): Promise<JsonObject> {
    for (;;) {
      const found = this.events.find(({ event }) => event === name)
      if (found !== undefined) return found
      assert.equal(this.process.exitCode, null, this.stderr)
      await new Promise<void>((done) => (this.#wake = done))
    }
  }

  async stop(): Promise<unknown> {
    if (this.process.exitCode !== null) return this.process.exitCode
    const closed = once(this.process, 'close')
    this.process.kill('SIGTERM')
    return (await closed)[0]
  }
}

const missing = whyNoPty()
test('ttys can be had here, or this is not CI', () => {
  assert.ok(missing === undefined || process.env['CI'] === undefined, missing)
})
if (missing !== undefined)
  process.stderr.write(`NOT RUN: packages/cli/test/serial-line.full.test.ts: ${missing}\n`)
else
  suite('a module at the other end of a serial line', () => {
    let folder: string
    let line: PtyLine
    let served: Served
    let module: string[]

    const done = async (...args: string[]): Promise<JsonObject> => {
      const { status, stdout, stderr } = await commandLine(folder, [...args, '--json'])
      assert.equal(status, 0, `${args.join(' ')}\n${stderr}${stdout}`)
      return JSON.parse(stdout) as JsonObject
    }
    const refused = async (...args: string[]): Promise<JsonObject> => {
      const { json } = await commandLineJson(folder, args)
      return json['error'] as JsonObject
    }

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'sealwright-serial-line-'))
      await done('init', '.')
      await done('issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '65536')
      await done('manufacturer', 'init-root', '--out', 'root.pem')
      await done('manufacturer', 'produce', 'fleet.mask', 'x.chip', '--delivery-note', 'fleet.note')
      line = await PtyLine.open({ noise, seed: 4 })
      served = new Served(folder, '--serial', line.modulePath, '--baud', '9600')
      module = ['--module', `serial:${line.hostPath}?baud=9600`]
      await served.until('listening')
    })
    after(async () => {
      await served?.stop()
      await line?.unplug()
      rmSync(folder, { recursive: true, force: true })
    })

    test('[E2c] its whole way from the mounter to the place of use goes over the line', async () => {
      await done('mounter', 'mount', ...module, '--serial', serial, '--delivery-note', 'fleet.note')
      await done('issuer', 'unlock', ...module, '--mask', 'fleet', '--trace', 'unlock.trace')
      await done(
        ...['issuer', 'customize', ...module, '--mask', 'fleet', '--product', 'cash'],
        ...['--manufacturer-root', 'root.pem', '--papers', 'x.papers', '--request', 'x.request'],
      )
      await done('manufacturer', 'certify-module', 'x.request', '--out', 'x.pem')
      await done(
        ...['issuer', 'finish', ...module, '--mask', 'fleet', '--certificate', 'x.pem', '--irreversible'],
      )
      await done(
        ...['unit', 'request', '--customer', 'Example Bank', '--out', 'unit.request'],
        ...['--fingerprint-out', 'unit.print'],
      )
      await done(
        ...['manufacturer', 'certify-unit', 'unit.request', '--fingerprint-file', 'unit.print'],
        ...['--out', 'unit.pem'],
      )
      await done('central', 'key', '--out', 'central.request', '--fingerprint-out', 'central.print')
      const personalize = (number: string): string[] => [
        ...['unit', 'personalize', ...module, '--serial', number, '--certificate', 'unit.pem'],
        ...['--root', 'root.pem', '--central', 'central.request'],
        ...['--central-fingerprint-file', 'central.print'],
      ]
      // B4b over the line: the order names another module.
      const other = await refused(...personalize('0000000000000002'))
      assert.deepEqual([other['code'], other['details'].connected], ['wrong-module', serial])
      await done(...personalize(serial))
      const shown = await done('module', 'show', ...module)
      assert.deepEqual([shown['serial'], shown['state']], [serial, 'operating'])
      assert.match(readFileSync(join(folder, 'unlock.trace'), 'utf8'), /UNLOCK/)
      assert.ok(line.disturbances > 0)
    })

    test('a line that another command holds, and one that is not there, are told with the next step', async () => {
      const held = await refused('module', 'show', '--module', `serial:${line.modulePath}`)
      assert.deepEqual([held['code'], held['culprit']], ['line-in-use', 'environment'])
      const nowhere = await refused('module', 'show', '--module', 'serial:/dev/ttyUSB77')
      assert.equal(nowhere['code'], 'line-missing')
      assert.match(String(nowhere['message']), /\/dev\/ttyUSB77/)
      assert.match(String(nowhere['remedy']), /\/dev\/serial\/by-id/)
      for (const place of ['serial:?baud=9600', 'serial:/dev/ttyS0?baud=x', 'tcp:nowhere'])
        assert.equal((await refused('module', 'show', '--module', place))['code'], 'usage')
    })

    test('the memory behind a line is neither drawn nor restored', async () => {
      assert.equal((await refused('module', 'map', ...module))['code'], 'usage')
    })

    test('an adapter that is unplugged is waited for; ^C ends with 0 and gives the chip back', async () => {
      await line.unplug()
      const waiting = await served.until('waiting')
      assert.match(String(waiting['reason']), /the line is gone/)
      assert.equal(await served.stop(), 0)
      assert.ok(!existsSync(join(folder, 'x.chip.lock')))
      const shown = await done('module', 'show', '--module', 'x.chip')
      assert.equal(shown['state'], 'operating')
    })

    test('what is no line, and options of another face, are refused before the chip is opened', async () => {
      const run = (...words: string[]) => refused('module', 'run', 'x.chip', ...words)
      assert.equal((await run('--serial', '/dev/ttyUSB77'))['code'], 'line-missing')
      for (const words of [
        ['--serial', '/dev/ttyUSB77', '--tcp'],
        ['--tcp', '--baud', '9600'],
        ['--serial', '/dev/ttyUSB77', '--baud', 'fast'],
        ['--serial', '/dev/ttyUSB77', '--checksum', 'md5'],
      ])
        assert.equal((await run(...words))['code'], 'usage')
      assert.ok(!existsSync(join(folder, 'x.chip.lock')))
    })
  })
