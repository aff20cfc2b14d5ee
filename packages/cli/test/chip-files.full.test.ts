import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { decodeHex, encodeHex } from '@sealwright/core/bytes'
import { errorTable } from '@sealwright/core/errors'
import { areaOf } from '@sealwright/module/medium'
import { sealedSlotLength } from '@sealwright/module/seal'
import { describeChipHeader } from '@sealwright/node/medium'
import { unpackWorkspace } from '@sealwright/node/testing'
import { commandLine, type JsonObject } from './run.ts'

// `module verify`, `protect`, `backup` and `restore` on the workspace of the whole story, as its parties have it at the end.

const folder = mkdtempSync(join(tmpdir(), 'sealwright-chip-files-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const newWork = (): string => {
  const work = join(folder, `w${count++}`)
  unpackWorkspace('release-2', work)
  return work
}
const script = fileURLToPath(new URL('../../../tools/verify-passport.mjs', import.meta.url))

interface Told {
  readonly status: number | null
  readonly json: JsonObject
  readonly stderr: string
}

async function run(work: string, line: string, input = ''): Promise<Told> {
  const { status, stdout, stderr } = await commandLine(work, [...line.split(' '), '--json'], input)
  return { status, json: JSON.parse(stdout), stderr }
}

async function good(work: string, line: string, input = ''): Promise<JsonObject> {
  const { status, json, stderr } = await run(work, line, input)
  assert.equal(status, 0, `${line}\n${stderr}`)
  return json
}

async function refused(
  work: string,
  line: string,
  code: keyof typeof errorTable,
  input = '',
): Promise<JsonObject> {
  const { status, json } = await run(work, line, input)
  assert.equal(json['error']?.['code'], code, `${line}\n${JSON.stringify(json)}`)
  assert.equal(status, errorTable[code].exit)
  return json['error']
}

/** Everything in the folder of chips, by name. */
function chips(work: string): Record<string, string> {
  const names = readdirSync(join(work, 'chips')).filter((name) => /\.(chip|key|lock|new)$/.test(name))
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(join(work, 'chips', name)).toString('base64')]),
  )
}

function change(path: string, at: number, mask = 0x10): void {
  const bytes = readFileSync(path)
  bytes[at]! ^= mask
  writeFileSync(path, bytes)
}

const slotAt = (slot: number): number => 64 + slot * sealedSlotLength

/** A page of EEPROM that holds an object, by what the map of the memory says. */
async function pageOf(work: string, chip: string, name: RegExp): Promise<number> {
  const map = await good(work, `module map --module ${chip}`)
  const segment = map['segments'].find((one: { name: string }) => name.test(one.name))
  assert.ok(segment !== undefined, JSON.stringify(map['segments']))
  const { geometry } = describeChipHeader(new Uint8Array(readFileSync(join(work, chip))).subarray(0, 64))
  return areaOf(geometry, 'eeprom').first + Math.floor(segment.start / 256)
}

const outcome = (json: JsonObject, check: string): string =>
  json['findings'].find((one: { check: string }) => one.check === check).verdict

test('module verify finds every chip of the story good, and changes nothing', async () => {
  const work = newWork()
  const before = chips(work)
  for (const name of ['cash', 'loader', 'terminal', 'phone', 'open', 'blank']) {
    const json = await good(work, `module verify chips/${name}.chip`)
    assert.equal(json['verified'], true, JSON.stringify(json))
    assert.deepEqual(
      [...new Set(json['findings'].map(({ verdict }: { verdict: string }) => verdict))],
      ['good'],
    )
  }
  assert.deepEqual(chips(work), before)
})

test('module verify names a changed page, its area and whose it is; each place has its outcome and its exit status', async () => {
  const work = newWork()
  const path = join(work, 'chips/phone.chip')
  const whole = readFileSync(path)
  const page = await pageOf(work, 'chips/phone.chip', /^key /)
  const key = readFileSync(`${path}.key`)
  const verify = async (code: keyof typeof errorTable): Promise<JsonObject> => {
    const before = chips(work)
    const { status, json } = await run(work, 'module verify chips/phone.chip')
    assert.equal(json['code'], code, JSON.stringify(json))
    assert.equal(status, errorTable[code].exit)
    assert.equal(json['verified'], false)
    assert.deepEqual(chips(work), before)
    return json
  }
  change(path, slotAt(page) + 100)
  const tampered = await verify('memory-tampered')
  assert.equal(outcome(tampered, 'pages'), 'failed')
  const [found] = tampered['pages']
  assert.deepEqual([found.kind, found.area, found.page], ['tampered', 'eeprom', page])
  assert.ok(
    found.owners.some((owner: string) => /key/.test(owner)),
    JSON.stringify(found),
  )
  // What stands on other pages is looked at all the same.
  assert.equal(outcome(tampered, 'directory'), 'good')

  writeFileSync(path, whole)
  change(path, 40)
  assert.equal(outcome(await verify('memory-damaged'), 'header'), 'failed')

  writeFileSync(path, whole.subarray(0, whole.length - 1))
  await verify('memory-damaged')

  writeFileSync(path, whole)
  change(path, 7, 1)
  await verify('format-newer')

  writeFileSync(path, whole)
  change(`${path}.key`, 30)
  assert.equal(outcome(await verify('chip-key-damaged'), 'key'), 'failed')

  rmSync(`${path}.key`)
  const keyless = await verify('chip-key-missing')
  assert.deepEqual(
    keyless['findings'].map(({ verdict }: { verdict: string }) => verdict),
    ['good', ...new Array(9).fill('unverified')],
  )

  writeFileSync(`${path}.key`, readFileSync(join(work, 'chips/cash.chip.key')))
  assert.equal(outcome(await verify('chip-key-differs'), 'key'), 'failed')

  writeFileSync(`${path}.key`, key)
  await good(work, 'module verify chips/phone.chip')
})

test('a folder where a chip file is expected is named', async () => {
  const work = newWork()
  for (const line of ['verify chips', 'backup chips --out x', 'protect chips --off']) {
    const { message } = await refused(work, `module ${line}`, 'file-missing')
    assert.match(message, /chips is a folder, expected a /, line)
  }
})

test('[D8e] module verify tells a page put back, a whole memory put back and a key file put back apart', async () => {
  const work = newWork()
  const path = join(work, 'chips/loader.chip')
  const before = readFileSync(path)
  const oldKey = readFileSync(`${path}.key`)
  await good(work, 'loader set new --module chips/loader.chip --papers exchange/loader.papers --set 3')
  const after = readFileSync(path)
  const newKey = readFileSync(`${path}.key`)
  const slots = (before.length - 64) / sealedSlotLength
  const changed = Array.from({ length: slots - 1 }, (_, slot) => slot).filter((slot) => {
    const [at, end] = [slotAt(slot), slotAt(slot + 1)]
    return !before.subarray(at, end).equals(after.subarray(at, end))
  })
  const { geometry } = describeChipHeader(new Uint8Array(before).subarray(0, 64))
  const eeprom = areaOf(geometry, 'eeprom')
  const stale = changed.filter((page) => page >= eeprom.first && page < eeprom.first + eeprom.pages)
  assert.ok(stale.length > 2)
  for (const page of stale) {
    const mixed = Buffer.from(after)
    before.copy(mixed, slotAt(page), slotAt(page), slotAt(page + 1))
    writeFileSync(path, mixed)
    const { status, json } = await run(work, 'module verify chips/loader.chip')
    assert.equal(status, errorTable['memory-stale'].exit)
    assert.equal(json['code'], 'memory-stale')
    assert.deepEqual(
      json['pages'].map((one: { kind: string; page: number }) => [one.kind, one.page]),
      [['stale', page]],
    )
    await refused(work, 'module show --module chips/loader.chip', 'memory-stale')
  }
  writeFileSync(path, before)
  assert.equal((await run(work, 'module verify chips/loader.chip')).json['code'], 'memory-rolled-back')
  writeFileSync(path, after)
  writeFileSync(`${path}.key`, oldKey)
  assert.equal((await run(work, 'module verify chips/loader.chip')).json['code'], 'counter-rolled-back')
  writeFileSync(`${path}.key`, newKey)
  await good(work, 'module verify chips/loader.chip')
})

test('a key under a passphrase opens nothing without it; changed and taken away it needs the one before', async () => {
  const work = newWork()
  const bare = readFileSync(join(work, 'chips/cash.chip.key')).subarray(22, 54)
  const protect = 'module protect chips/cash.chip'
  assert.equal((await good(work, `${protect} --new-passphrase -`, 'first words\n'))['before'], 'bare')
  assert.equal(readFileSync(join(work, 'chips/cash.chip.key')).includes(bare), false)
  const show = 'module show --module chips/cash.chip'
  await refused(work, show, 'usage')
  await refused(work, `${show} --chip-passphrase -`, 'chip-passphrase-wrong', 'other words')
  assert.equal((await good(work, `${show} --chip-passphrase -`, 'first words'))['mode'], 'user')
  const unknown = await run(work, 'module verify chips/cash.chip')
  assert.equal(unknown.status, errorTable['chip-passphrase-missing'].exit)
  assert.equal(outcome(unknown.json, 'key'), 'unverified')
  assert.equal(
    (await good(work, 'module verify chips/cash.chip --chip-passphrase -', 'first words'))['verified'],
    true,
  )
  await refused(work, `${protect} --off --chip-passphrase -`, 'chip-passphrase-wrong', 'other words')
  writeFileSync(join(work, 'second'), 'second words\n')
  await good(work, `${protect} --new-passphrase second --chip-passphrase -`, 'first words')
  await refused(work, `${show} --chip-passphrase -`, 'chip-passphrase-wrong', 'first words')
  await good(work, `${protect} --off --chip-passphrase second`)
  assert.equal((await good(work, show))['mode'], 'user')
  await refused(work, `${protect} --off --new-passphrase second`, 'usage')
  await refused(work, `${protect} --new-passphrase -`, 'usage', '')
  // The chip of the workspace that was made with a passphrase.
  await good(work, 'module show --module chips/card.chip --chip-passphrase -', 'open sesame')
})

test('a backup holds no plain byte of the memory, is refused changed or cut, and for another chip', async () => {
  const work = newWork()
  const made = await good(work, 'module backup chips/loader.chip --out one.backup')
  const whole = readFileSync(join(work, 'one.backup'))
  assert.equal(made['bytes'], whole.length)
  assert.equal(whole.includes(Buffer.from('SWEE')), false)
  await refused(work, 'module backup chips/cash.chip --out one.backup', 'file-exists')
  const restore = (chip = 'loader', file = 'changed.backup') =>
    `module restore ${file} --module chips/${chip}.chip --party loader --irreversible`
  const before = chips(work)
  const refuse = async (bytes: Uint8Array, code: keyof typeof errorTable): Promise<void> => {
    writeFileSync(join(work, 'changed.backup'), bytes)
    await refused(work, restore(), code)
    assert.deepEqual(chips(work), before)
    assert.deepEqual((await good(work, 'outbox loader'))['entries'].length, entries)
  }
  const entries = (await good(work, 'outbox loader'))['entries'].length
  // A number of a slot that was changed is seen before the check value is.
  for (const [at, code] of [
    [70, 'bytes-malformed'],
    [73, 'bytes-malformed'],
    [20, 'memory-damaged'],
    [77, 'backup-changed'],
    [400, 'backup-changed'],
    [whole.length - 1, 'backup-changed'],
  ] as const) {
    const bytes = Buffer.from(whole)
    bytes[at]! ^= 0x40
    await refuse(bytes, code)
  }
  for (const length of [0, 3, 5, 68, 69, 200, whole.length - 1])
    await refuse(whole.subarray(0, length), 'bytes-malformed')
  await refuse(Buffer.concat([whole, Buffer.of(0)]), 'bytes-malformed')
  const newer = Buffer.from(whole)
  newer[4] = 2
  await refuse(newer, 'format-newer')
  await refused(work, restore('cash', 'one.backup'), 'chip-key-differs')
  await refused(work, restore('loader', 'one.backup').replace(' --irreversible', ''), 'usage')
  // Blank and unlocked chips: nothing of their own is in them, or their one-time memory has moved on.
  await good(work, 'module backup chips/blank.chip --out blank.backup')
  await refused(
    work,
    'module restore blank.backup --module chips/blank.chip --party issuer --irreversible',
    'wrong-state',
  )
  assert.deepEqual(chips(work), before)
})

test('a restore is the next event: log and passport show it and no fork; what came since is undone, and stays so', async () => {
  const work = newWork()
  const loader = '--module chips/loader.chip'
  await good(work, 'module backup chips/loader.chip --out loader.backup')
  const digest = await good(work, `loader key new ${loader} --reference 0x00010A02 --usage M6 --mode C`)
  assert.ok(digest['ok'])
  const later = readFileSync(join(work, 'chips/loader.chip'))
  const number = (await good(work, `module show ${loader}`))['events']
  const restored = await good(
    work,
    'module restore loader.backup --module chips/loader.chip --party loader --irreversible',
  )
  assert.equal(restored['event'], number + 1)
  assert.equal(restored['unreadable'], undefined)
  assert.doesNotMatch(JSON.stringify(await good(work, `loader key list ${loader}`)), /00010A02/)
  assert.equal((await good(work, 'module verify chips/loader.chip'))['verified'], true)
  assert.equal((await good(work, `module show ${loader}`))['events'], number + 1)
  // The memory that was replaced counts no more.
  const now = readFileSync(join(work, 'chips/loader.chip'))
  writeFileSync(join(work, 'chips/loader.chip'), later)
  await refused(work, `module show ${loader}`, 'memory-rolled-back')
  writeFileSync(join(work, 'chips/loader.chip'), now)
  // And it goes on.
  await good(work, `loader key new ${loader} --reference 0x00010A03 --usage M6 --mode C`)
  await good(work, 'outbox loader --out loader.entries')
  await good(work, 'log append loader.entries')
  assert.deepEqual((await good(work, 'log verify'))['problems'], [])
  const { failed, findings } = await passportOf(work, '0000000000000002', 'chips/loader.chip')
  assert.deepEqual(failed, [])
  assert.match(findings, new RegExp(`verified\tentries-complete: entries 1 to ${number + 2}\n`))
  assert.match(findings, /verified\thead-matches: /)
})

test('where the memory cannot be read the chain goes on from the backup, and log and passport show the fork', async () => {
  const work = newWork()
  const path = join(work, 'chips/loader.chip')
  const loader = '--module chips/loader.chip'
  await good(work, 'module backup chips/loader.chip --out loader.backup')
  const number = (await good(work, `module show ${loader}`))['events']
  await good(work, `loader key new ${loader} --reference 0x00010A02 --usage M6 --mode C`)
  await good(work, 'outbox loader --out before.entries')
  await good(work, 'log append before.entries')
  const page = await pageOf(work, 'chips/loader.chip', /^key /)
  change(path, slotAt(page) + 50)
  await refused(work, `module show ${loader}`, 'memory-tampered')
  const line = 'module restore loader.backup --module chips/loader.chip --party terminal --irreversible'
  const restored = await good(work, line)
  assert.equal(restored['event'], number + 1)
  assert.match(restored['unreadable'], new RegExp(`page ${page} `))
  assert.equal((await good(work, 'module verify chips/loader.chip'))['verified'], true)
  await good(work, 'outbox terminal --out after.entries')
  const refusal = await run(work, 'log append after.entries')
  assert.notEqual(refusal.status, 0, JSON.stringify(refusal.json))
  const { failed } = await passportOf(work, '0000000000000002', 'chips/loader.chip')
  assert.ok(failed.includes('head-matches'), failed.join())

  // The chip file lost altogether is the same.
  rmSync(path)
  assert.match((await good(work, line))['unreadable'], /not there/)
  assert.equal((await good(work, 'module verify chips/loader.chip'))['verified'], true)
  // So is a rollback counter of which nothing is left.
  const key = readFileSync(`${path}.key`)
  writeFileSync(`${path}.key`, key.fill(0x11, 512, 584).fill(0x11, 1024, 1096))
  await refused(work, `module show ${loader}`, 'counter-damaged')
  await good(work, line)
  assert.equal((await good(work, 'module verify chips/loader.chip'))['verified'], true)
  // Without the key there is nothing to be done.
  rmSync(`${path}.key`)
  await refused(work, line, 'chip-key-missing')
})

test('a chip that is held is neither backed up, restored nor looked through', async () => {
  const work = newWork()
  await good(work, 'module backup chips/cash.chip --out cash.backup')
  const { openModuleFile } = await import('@sealwright/node/transport')
  const held = openModuleFile(join(work, 'chips/cash.chip'), { command: 'somebody' })
  try {
    await refused(work, 'module backup chips/cash.chip --out other.backup', 'memory-held')
    await refused(work, 'module verify chips/cash.chip', 'memory-held')
    await refused(work, 'module protect chips/cash.chip --off', 'memory-held')
    await refused(
      work,
      'module restore cash.backup --module chips/cash.chip --party terminal --irreversible',
      'memory-held',
    )
    assert.equal(existsSync(join(work, 'other.backup')), false)
  } finally {
    await held.close()
  }
})

test('[R6a] no byte of a chip key is in what the commands print, in their traces, or in any file but the key file', async () => {
  const work = newWork()
  const printed: string[] = []
  const say = async (line: string, input = ''): Promise<void> => {
    for (const json of [[], ['--json']]) {
      const { stdout, stderr } = await commandLine(work, [...line.split(' '), ...json], input)
      printed.push(stdout, stderr)
    }
  }
  const names = ['cash', 'loader']
  const keys = names.map((name) => readFileSync(join(work, `chips/${name}.chip.key`)).subarray(22, 54))
  await say('module show --module chips/cash.chip --trace cash.trace')
  await say('module verify chips/cash.chip')
  await say('module backup chips/cash.chip --out cash.backup')
  await say('module restore cash.backup --module chips/cash.chip --party terminal --irreversible')
  await say('module restore cash.backup --module chips/loader.chip --party loader --irreversible')
  await say('inspect chips/cash.chip.key')
  await say('inspect chips/cash.chip')
  await say('inspect cash.backup')
  await say('module protect chips/loader.chip --new-passphrase -', 'eleven words')
  await say('module show --module chips/loader.chip --chip-passphrase -', 'other words')
  change(join(work, 'chips/cash.chip'), slotAt(3) + 9)
  await say('module show --module chips/cash.chip')
  await say('module verify chips/cash.chip')
  const files = readdirSync(work, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(work, path)).isFile(),
  )
  const found = (key: Buffer): string[] => {
    const forms = [
      key,
      ...[key.toString('hex'), key.toString('hex').toUpperCase(), key.toString('base64').slice(0, 42)].map(
        (text) => Buffer.from(text),
      ),
    ]
    const holds = (bytes: Buffer): boolean => forms.some((form) => bytes.includes(form))
    return [
      ...files.filter((path) => holds(readFileSync(join(work, path)))),
      ...printed.filter((text) => holds(Buffer.from(text))).map((text) => `printed: ${text}`),
    ]
  }
  assert.deepEqual(found(keys[0]!), ['chips/cash.chip.key'])
  // The loader's key is under a passphrase now, so it is nowhere.
  assert.deepEqual(found(keys[1]!), [])
  assert.ok(printed.join('').length > 2000)
})

test('the folder that SEALWRIGHT_CHIP_KEYS names takes the keys of new chips, and is looked into for those of others', () => {
  const work = newWork()
  const keys = join(work, 'elsewhere')
  mkdirSync(keys)
  const env = { ...process.env, NODE_OPTIONS: '', SEALWRIGHT_CHIP_KEYS: 'elsewhere' }
  const launcher = fileURLToPath(new URL('../bin/sealwright.js', import.meta.url))
  const inFolder = (line: string) =>
    spawnSync(process.execPath, [launcher, ...line.split(' ')], { cwd: work, encoding: 'utf8', env })
  const made = inFolder(
    'manufacturer produce exchange/small.mask chips/new.chip --delivery-note exchange/small.note',
  )
  assert.equal(made.status, 0, made.stderr)
  assert.equal(existsSync(join(work, 'chips/new.chip.key')), false)
  assert.match(readdirSync(keys).join(), /^[0-9a-f]{32}\.key$/)
  assert.equal(inFolder('module show --module chips/new.chip').status, 0)
  assert.equal(inFolder('module show --module chips/cash.chip').status, 0)
  const without = spawnSync(process.execPath, [launcher, 'module', 'show', '--module', 'chips/new.chip'], {
    cwd: work,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  assert.equal(without.status, errorTable['chip-key-missing'].exit)
  assert.match(without.stderr, /chip-key-missing/)
})

/** Exports a passport with a fresh head, and has it checked by the program that knows nothing of us. */
async function passportOf(
  work: string,
  serial: string,
  chip: string,
): Promise<{ failed: string[]; findings: string }> {
  const nonce = encodeHex(decodeHex('00112233445566778899AABBCCDDEEFF'))
  const out = join(work, 'now.passport')
  rmSync(out, { force: true })
  await good(work, `passport ${serial} --module ${chip} --nonce ${nonce} --out now.passport`)
  const key = (await commandLine(work, ['log', 'key'])).stdout.trim()
  const root = join(work, 'certs/manufacturer-root.pem')
  const { stdout } = spawnSync(
    process.execPath,
    [script, '--log-key', key, '--root', root, '--nonce', nonce, out],
    {
      encoding: 'utf8',
    },
  )
  assert.match(stdout, /\thead-matches: /, stdout)
  return { failed: [...stdout.matchAll(/^failed\t([a-z-]+)/gm)].map(([, name]) => name!), findings: stdout }
}
