import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { commandLine, commandLineJson, type JsonObject } from './run.ts'

const work = mkdtempSync(join(tmpdir(), 'sealwright-run-'))
const chip = join(work, 'card.chip')
const launcher = fileURLToPath(new URL('../bin/sealwright.js', import.meta.url))

before(async () => {
  const steps = [
    ['init', '.'],
    ['issuer', 'mask', 'first', '--out', 'first.mask'],
    ['manufacturer', 'produce', 'first.mask', 'card.chip', '--delivery-note', 'first.note'],
    [
      'mounter',
      'mount',
      '--module',
      'card.chip',
      '--serial',
      '0102030405060708',
      '--delivery-note',
      'first.note',
    ],
  ]
  for (const step of steps) {
    const { status, stderr } = await commandLine(work, step)
    assert.equal(status, 0, stderr)
  }
})
after(() => rmSync(work, { recursive: true }))

/** A running `module run`, its events, and what it says to people. */
class Running {
  readonly process: ChildProcess
  readonly #events: JsonObject[] = []
  #wake = (): void => {}
  stderr = ''

  constructor(...words: string[]) {
    const args = [launcher, 'module', 'run', 'card.chip', '--json', ...words]
    this.process = spawn(process.execPath, args, { cwd: work, env: { ...process.env, NODE_OPTIONS: '' } })
    createInterface({ input: this.process.stdout! }).on('line', (line) => {
      this.#events.push(JSON.parse(line) as JsonObject)
      this.#wake()
    })
    this.process.stderr!.on('data', (text) => (this.stderr += String(text)))
    this.process.once('close', () => this.#wake())
  }

  async next(): Promise<JsonObject> {
    while (this.#events.length === 0) {
      assert.equal(this.process.exitCode, null, this.stderr)
      await new Promise<void>((done) => (this.#wake = done))
    }
    return this.#events.shift()!
  }

  async stop(signal: NodeJS.Signals): Promise<unknown> {
    const closed = once(this.process, 'close')
    this.process.kill(signal)
    return (await closed)[0]
  }
}

suite('module run', () => {
  test('[E2a] --tcp serves one program after the other, traces, and ends cleanly when it is told to', async () => {
    const running = new Running('--tcp', '127.0.0.1:0', '--trace', 'run.trace')
    const { serial, module, face } = await running.next()
    assert.deepEqual([serial, module, face], ['0102030405060708', 'card.chip', 'tcp'])
    const { where } = await running.next()
    for (let i = 0; i < 2; i++) {
      const { status, json } = await commandLineJson(work, ['module', 'show', '--module', `tcp:${where}`])
      assert.deepEqual([status, json['serial']], [0, '0102030405060708'])
      assert.equal((await running.next())['event'], 'connected')
      assert.equal((await running.next())['event'], 'disconnected')
    }
    const held = await commandLineJson(work, ['module', 'show', '--module', 'card.chip'])
    assert.equal(held.json['error'].code, 'memory-held')
    assert.equal(await running.stop('SIGTERM'), 0)
    assert.equal((await running.next())['event'], 'stopped')
    assert.match(
      running.stderr,
      /listening at 127\.0\.0\.1:[0-9]+; whoever reaches it can talk to this module/,
    )
    assert.match(readFileSync(join(work, 'run.trace'), 'utf8'), /1 > CHIP STATUS 80 30 00 00/)
    assert.ok(!existsSync(`${chip}.lock`))
    assert.equal((await commandLine(work, ['module', 'show', '--module', 'card.chip'])).status, 0)
  })

  test('a port that is taken is told of, and the chip file is given back', async () => {
    const taken = createServer()
    taken.listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const { status, stderr } = await commandLine(work, [
      'module',
      'run',
      'card.chip',
      '--tcp',
      `127.0.0.1:${port}`,
    ])
    taken.close()
    assert.equal(status, 8)
    assert.match(stderr, /code: transport-failed/)
    assert.ok(!existsSync(`${chip}.lock`))
  })

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`without pcscd --vpcd waits, says so once, and ${signal} ends it with 0`, async () => {
      const nobody = createServer()
      nobody.listen(0, '127.0.0.1')
      await once(nobody, 'listening')
      const { port } = nobody.address() as { port: number }
      nobody.close()
      await once(nobody, 'close')
      const running = new Running('--vpcd', `127.0.0.1:${port}`)
      assert.equal((await running.next())['where'], `127.0.0.1:${port}`)
      assert.equal((await running.next())['event'], 'waiting')
      await new Promise((done) => setTimeout(done, 500))
      assert.equal(await running.stop(signal), 0)
      assert.equal((await running.next())['event'], 'stopped')
      assert.equal(running.stderr.split('waiting: ').length, 2)
      assert.ok(!existsSync(`${chip}.lock`))
    })
  }

  test('what is no place, no ATR and no chip file is refused before anything is opened', async () => {
    const cases: [string[], RegExp][] = [
      [['card.chip'], /name one of --vpcd, --tcp and --serial/],
      [['card.chip', '--vpcd', '--tcp'], /name one of --vpcd, --tcp and --serial/],
      [['card.chip', '--vpcd', 'localhost'], /--vpcd: expected HOST:PORT/],
      [['card.chip', '--tcp', '127.0.0.1:65536'], /--tcp: expected HOST:PORT/],
      [['card.chip', '--tcp', ':1'], /--tcp: expected HOST:PORT/],
      [['card.chip', '--vpcd', '--atr', '80'], /--atr: expected 2 to 33 bytes/],
      [['card.chip', '--vpcd', '--atr', '3C00'], /begin with 3B or 3F/],
      [['card.chip', '--vpcd', '--atr', `3B${'00'.repeat(33)}`], /--atr: expected 2 to 33 bytes/],
    ]
    for (const [words, reason] of cases) {
      const { status, stderr } = await commandLine(work, ['module', 'run', ...words])
      assert.equal(status, 2, stderr)
      assert.match(stderr, reason)
    }
    const missing = await commandLine(work, ['module', 'run', 'nowhere.chip', '--tcp'])
    assert.match(missing.stderr, /code: file-missing/)
  })
})

test('a command that talks to a module takes --module or --reader, exactly one', async () => {
  for (const words of [[], ['--module', 'card.chip', '--reader', 'x']]) {
    const { status, stderr } = await commandLine(work, ['module', 'show', ...words])
    assert.equal(status, 2)
    assert.match(
      stderr,
      words.length === 0 ? /--module FILE.*or --reader NAME/ : /with --module or with --reader/,
    )
  }
})

test('where pcscd cannot be reached the commands that want a reader say so', async () => {
  const before = process.env['PCSCLITE_CSOCK_NAME']
  process.env['PCSCLITE_CSOCK_NAME'] = join(work, 'no-socket')
  try {
    for (const words of [
      ['reader', 'list'],
      ['module', 'show', '--reader', 'x'],
      ['module', 'map', '--reader', 'x'],
    ]) {
      const { status, json } = await commandLineJson(work, words)
      assert.deepEqual([status, json['error'].code], [8, 'pcsc-missing'])
    }
  } finally {
    if (before === undefined) delete process.env['PCSCLITE_CSOCK_NAME']
    else process.env['PCSCLITE_CSOCK_NAME'] = before
  }
})
