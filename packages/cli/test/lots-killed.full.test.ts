import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { commandLine, commandLineJson, type JsonObject } from './run.ts'

const top = mkdtempSync(join(tmpdir(), 'sealwright-lots-killed-'))
const work = join(top, 'work')
const launcher = fileURLToPath(new URL('../bin/sealwright.js', import.meta.url))
const count = 40
after(() => rmSync(top, { recursive: true }))

async function good(...words: string[]): Promise<JsonObject> {
  const { status, stderr, json } = await commandLineJson(work, words)
  assert.equal(status, 0, `${words.join(' ')}\n${stderr}`)
  return json
}

/** Runs a command as a process and kills it, as `kill -9` does, after so many milliseconds; whether it was still at work. */
async function killed(words: readonly string[], after: number): Promise<boolean> {
  const child = spawn(process.execPath, [launcher, ...words], {
    cwd: work,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  let told = ''
  child.stderr.on('data', (text) => {
    told += String(text)
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), after)
  const [status, signal] = await new Promise<[number | null, string | null]>((done) =>
    child.once('close', (...ended) => done(ended)),
  )
  clearTimeout(timer)
  if (signal === null) assert.equal(status, 0, told)
  return signal === 'SIGKILL'
}

/** Kills the command at ever later moments until it comes to its end; how often. A busy machine is slow, so the moments grow with their number. */
async function untilDone(words: readonly string[]): Promise<number> {
  for (let kills = 0, at = 400; ; kills++, at *= 1.3) {
    if (!(await killed(words, at))) return kills
    assert.ok(kills < 30, `${words.slice(0, 3).join(' ')} does not come to its end`)
  }
}

before(async () => {
  assert.equal((await commandLine(top, ['init', 'work'])).status, 0)
  await good('manufacturer', 'init-root', '--out', 'root.pem')
  await good('issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '32768')
  for (const lot of ['spring', 'autumn', 'winter']) {
    await good(
      'issuer',
      'lot',
      'new',
      lot,
      '--mask',
      'fleet',
      '--count',
      String(count),
      '--out',
      `${lot}.order`,
    )
  }
})

test('produce, mount, customize, certify and finish of a lot, killed again and again: nothing is lost, nothing is doubled', async () => {
  const produce = ['--count', String(count), '--out', 'chips', '--delivery-note', 'note']
  const mount = ['--chips', 'chips', '--first-serial', '0000000000000001', '--delivery-note', 'note']
  const kills = {
    produce: await untilDone(['manufacturer', 'produce', 'spring.order', ...produce]),
    mount: await untilDone(['mounter', 'mount', ...mount, '--mounted', 'serials']),
    customize: await untilDone([
      ...['issuer', 'lot', 'customize', 'spring', '--chips', 'chips', '--product', 'cash', '--jobs', '2'],
      ...['--manufacturer-root', 'root.pem', '--serials', 'serials', '--papers', 'papers'],
      ...['--requests', 'requests', '--report', 'report.csv'],
    ]),
    certify: await untilDone(['manufacturer', 'certify-lot', 'requests', '--out', 'certificates']),
    finish: await untilDone([
      ...['issuer', 'lot', 'finish', 'spring', '--chips', 'chips', '--certificates', 'certificates'],
      ...['--jobs', '2', '--report', 'report.json', '--irreversible'],
    ]),
  }
  assert.ok(kills.customize > 0 && kills.finish > 0, JSON.stringify(kills))
  const rows = JSON.parse(readFileSync(join(work, 'report.json'), 'utf8')) as JsonObject[]
  assert.equal(rows.length, count)
  assert.deepEqual(new Set(rows.map(({ outcome }) => outcome)), new Set(['finished']))
  assert.equal(new Set(rows.map(({ serial }) => serial)).size, count)
  assert.equal(readdirSync(join(work, 'papers')).filter((name) => name.endsWith('.papers')).length, count)
  const left = readdirSync(join(work, 'chips')).filter((name) => !/\.chip(\.key)?$/.test(name))
  assert.deepEqual(left, [])
  // Every event stands in an outbox once.
  assert.equal((await good('outbox', 'mounter'))['entries'].length, count)
  assert.equal((await good('outbox', 'issuer'))['entries'].length, 4 * count)
})

test('produce and mount a lot, and complete it in one go, killed again and again: nothing is lost, nothing is doubled', async () => {
  const produce = ['--count', String(count), '--out', 'stock', '--delivery-note', 'autumn.note']
  await good('manufacturer', 'produce', 'autumn.order', ...produce)
  const mount = ['--first-serial', '0000000000001001', '--delivery-note', 'autumn.note']
  await good('mounter', 'mount', '--chips', 'stock', ...mount, '--mounted', 'autumn.serials')
  const kills = await untilDone([
    ...['issuer', 'lot', 'complete', 'autumn', '--chips', 'stock', '--product', 'cash', '--jobs', '2'],
    ...['--serials', 'autumn.serials', '--papers', 'autumn', '--report', 'autumn.json', '--irreversible'],
  ])
  assert.ok(kills > 0)
  const rows = JSON.parse(readFileSync(join(work, 'autumn.json'), 'utf8')) as JsonObject[]
  assert.equal(rows.length, count)
  assert.deepEqual(new Set(rows.map(({ outcome }) => outcome)), new Set(['finished']))
  assert.equal(new Set(rows.map(({ serial }) => serial)).size, count)
  assert.equal(new Set(rows.map(({ certificate }) => certificate)).size, count)
  assert.equal(readdirSync(join(work, 'autumn')).filter((name) => name.endsWith('.papers')).length, count)
  const left = readdirSync(join(work, 'stock')).filter((name) => !/\.chip(\.key)?$/.test(name))
  assert.deepEqual(left, [])
  assert.equal((await good('outbox', 'issuer'))['entries'].length, 8 * count)
  // The manufacturer kept every certificate before the run ended: it makes none a second time.
  const again = await good(
    ...['issuer', 'lot', 'complete', 'autumn', '--chips', 'stock', '--product', 'cash'],
    ...['--serials', 'autumn.serials', '--papers', 'autumn', '--irreversible'],
  )
  assert.equal(again['before'], count)
})

test('one process of a crew is killed: the run ends and says so, the others end with it, and the next run does the rest', async (t) => {
  if (process.platform !== 'linux')
    return t.diagnostic('not run: only Linux tells the processes of a process')
  const produce = ['--count', String(count), '--out', 'cold', '--delivery-note', 'winter.note']
  await good('manufacturer', 'produce', 'winter.order', ...produce)
  const mount = ['--first-serial', '0000000000002001', '--delivery-note', 'winter.note']
  await good('mounter', 'mount', '--chips', 'cold', ...mount, '--mounted', 'winter.serials')
  const words = [
    ...['issuer', 'lot', 'complete', 'winter', '--chips', 'cold', '--product', 'cash', '--jobs', '2'],
    ...['--serials', 'winter.serials', '--papers', 'winter', '--irreversible'],
  ]
  const child = spawn(process.execPath, [launcher, ...words], {
    cwd: work,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  let told = ''
  child.stderr.on('data', (text) => {
    told += String(text)
  })
  const crew = await eventually(() => childrenOf(child.pid!).length === 2 && childrenOf(child.pid!))
  // Some chips are done by then.
  await eventually(() => papersIn('winter') > 2)
  process.kill(crew[0]!, 'SIGKILL')
  const [status] = await once(child, 'close')
  assert.notEqual(status, 0)
  assert.match(told, /a process of the lot ended before its work: SIGKILL/)
  await eventually(() => crew.every((pid) => !existsSync(`/proc/${pid}`)))
  const rest = await good(...words)
  assert.equal(rest['finished'] + rest['before'], count)
  const left = readdirSync(join(work, 'cold')).filter((name) => !/\.chip(\.key)?$/.test(name))
  assert.deepEqual(left, [])
})

function papersIn(folder: string): number {
  const path = join(work, folder)
  return existsSync(path) ? readdirSync(path).filter((name) => name.endsWith('.papers')).length : 0
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}

async function eventually<T>(look: () => T | false): Promise<T> {
  for (let tries = 0; tries < 1000; tries++) {
    const found = look()
    if (found !== false) return found
    await new Promise((done) => setTimeout(done, 20))
  }
  assert.fail('it did not come to pass')
}
