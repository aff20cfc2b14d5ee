import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import * as files from 'node:fs'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { ascii, decodeHex } from '@sealwright/core/bytes'
import { Objects, openMemory, openNvm } from '@sealwright/module/eeprom'
import { areaOf, type Geometry, geometryFor, RamMedium } from '@sealwright/module/medium'
import { layOutRom, serializeRom } from '@sealwright/module/rom'
import { sealedSlotLength } from '@sealwright/module/seal'
import { mediumContract } from '@sealwright/module/testing'
import { FileLock } from '../lock/index.ts'
import { deadAfter } from '../testing/index.ts'
import { headerLength, parseHeader, serializeHeader } from './chip-header.ts'
import { ChipDraft, ChipFile, type ChipOptions, createChip, type Files } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-'))
const open: ChipFile[] = []
after(() => {
  for (const chip of open) chip.close()
  rmSync(folder, { recursive: true })
})
const closedAtEnd = (chip: ChipFile): ChipFile => {
  open.push(chip)
  return chip
}
let count = 0
const newPath = (): string => join(folder, `chip-${++count}`)

const geometry = geometryFor(32 * 1024)
const eeprom = areaOf(geometry, 'eeprom').first
const slotOffset = (slot: number): number => headerLength + slot * sealedSlotLength

/** A chip with a ROM and nothing else. */
function make(
  path: string,
  size: Geometry = geometry,
  rom?: Uint8Array,
  options: ChipOptions = {},
): ChipFile {
  createChip(path, { geometry: size, pages: new RamMedium(size, rom).snapshot().pages }, options)
  return closedAtEnd(ChipFile.open(path, options))
}

for (const { title, check } of mediumContract) {
  test(`chip file: ${title}`, () => {
    let chip: ChipFile
    check({
      make: (size, rom) => {
        chip = make(newPath(), size, rom)
        return chip.medium
      },
      reopen: () => {
        chip.close()
        chip = closedAtEnd(ChipFile.open(chip.path))
        return chip.medium
      },
    })
  })
}

test('what a transaction wrote and the ROM are there when the file is opened again', () => {
  const path = newPath()
  const rom = serializeRom(
    layOutRom({
      test: false,
      eepromSize: 32 * 1024,
      clientKey: new Uint8Array(65).fill(4),
      bootVectors: [],
      nativeEntries: [1],
      programs: [{ id: 1, name: 'masked', code: new Uint8Array(500).fill(9) }],
    }),
  )
  {
    const chip = make(path, geometryFor(32 * 1024, rom.length), rom)
    const { nvm, objects } = openMemory(chip.medium)
    nvm.transaction((tx) => objects.put(tx, 'key', 1, ascii('a key')))
    chip.close()
  }
  const chip = closedAtEnd(ChipFile.open(path))
  const { objects, rom: masked } = openMemory(chip.medium)
  assert.deepEqual(objects.read('key', 1), ascii('a key'))
  assert.deepEqual(masked.bytes, rom)
})

test('chip and key are readable by their owner only, the chip sparse, and no other file is left when they are closed', () => {
  const path = newPath()
  const chip = make(path, geometryFor(4 * 1024 * 1024))
  openNvm(chip.medium)
  const { mode, size, blocks } = statSync(path)
  assert.equal(mode & 0o777, 0o600)
  assert.ok(size > 4 * 1024 * 1024)
  assert.ok(512 * blocks < 256 * 1024, `${512 * blocks} bytes on disk`)
  assert.equal(statSync(`${path}.key`).mode & 0o777, 0o600)
  chip.close()
  assert.deepEqual(filesOf(path), [path, `${path}.key`])
})

test('[R6a] no written byte is in the file, and no key of it is in the chip file', () => {
  const path = newPath()
  const canary = ascii('canary in the file 0123456789')
  const chip = make(path)
  const objects = new Objects(openNvm(chip.medium))
  objects.nvm.transaction((tx) => objects.put(tx, 'key', 1, canary))
  assert.deepEqual(objects.read('key', 1), canary)
  const file = readFileSync(path)
  assert.equal(file.includes(Buffer.from(canary)), false)
  const key = readFileSync(`${path}.key`).subarray(22, 54)
  assert.equal(file.includes(key), false)
  // The search finds what is there.
  assert.equal(readFileSync(`${path}.key`).includes(key), true)
})

test('a second opening is told who holds the file', () => {
  const path = newPath()
  make(path, geometry, undefined, { command: 'sealwright module run' })
  assert.throws(() => ChipFile.open(path), {
    code: 'memory-held',
    message: new RegExp(`held by sealwright module run, process ${process.pid} on ${hostname()}, since 20`),
  })
  assert.throws(() => ChipDraft.load(path), { code: 'memory-held' })
})

test('the lock of a process that is gone is taken over, of a living one and of another machine not', async () => {
  const path = newPath()
  make(path).close()
  const lock = `${path}.lock`
  const holder = {
    format: 1,
    started: null,
    command: 'other',
    host: hostname(),
    since: '2026-01-01T00:00:00Z',
  }
  const living = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'])
  try {
    writeFileSync(lock, JSON.stringify({ ...holder, pid: living.pid }))
    assert.throws(() => ChipFile.open(path), { code: 'memory-held', message: /held by other/ })
  } finally {
    const gone = new Promise((resolve) => living.once('exit', resolve))
    living.kill()
    await gone
  }
  ChipFile.open(path).close()
  writeFileSync(lock, JSON.stringify({ ...holder, pid: living.pid, host: 'elsewhere.invalid' }))
  assert.throws(() => ChipFile.open(path), { code: 'memory-held', message: /elsewhere.invalid/ })
  writeFileSync(lock, 'rubbish')
  assert.throws(() => ChipFile.open(path), { code: 'memory-held' })
  rmSync(lock)
  ChipFile.open(path).close()
})

test('a lock released or never taken by this process is not removed', () => {
  const path = newPath()
  const lock = FileLock.take(path, 'one')
  writeFileSync(path, 'another holder')
  lock.release()
  assert.equal(readFileSync(path, 'utf8'), 'another holder')
})

test('a process killed while it holds the file leaves a chip that opens', () => {
  const path = newPath()
  const script = `
    const { ChipFile, createChip } = await import('@sealwright/node/medium')
    const { geometryFor } = await import('@sealwright/module/medium')
    const { openNvm } = await import('@sealwright/module/eeprom')
    createChip(process.argv[1], { geometry: geometryFor(32768), pages: [] })
    const nvm = openNvm(ChipFile.open(process.argv[1]).medium)
    nvm.transaction((tx) => tx.write(20000, new TextEncoder().encode('kept')))
    process.kill(process.pid, 'SIGKILL')
  `
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script, path], {
    cwd: import.meta.dirname,
  })
  assert.equal(child.signal, 'SIGKILL', String(child.stderr))
  const chip = closedAtEnd(ChipFile.open(path))
  assert.deepEqual(openNvm(chip.medium).read(20_000, 4), ascii('kept'))
})

test('a chip file is never replaced, and none is opened that is not there', () => {
  const path = newPath()
  make(path).close()
  const before = contents(path)
  assert.throws(() => createChip(path, { geometry, pages: [] }), {
    code: 'file-exists',
    message: /exists already/,
  })
  assert.deepEqual(contents(path), before)
  assert.throws(() => ChipFile.open(newPath()), { code: 'file-missing', message: /there is no chip file/ })
  assert.throws(() => createChip(join(folder, 'no', 'such'), { geometry, pages: [] }), {
    code: 'memory-unwritable',
  })
})

test('the key of an earlier chip of the same name is kept, and said', () => {
  const path = newPath()
  make(path).close()
  const key = readFileSync(`${path}.key`)
  rmSync(path)
  const said: string[] = []
  make(path, geometry, undefined, { say: (text) => said.push(text) }).close()
  assert.deepEqual(readFileSync(`${path}.key.1`), key)
  assert.match(said.join(), /kept as .*\.key\.1/)
})

test('a newer format is refused by its number, before anything else of it is looked at', () => {
  const path = changed((bytes) => {
    bytes[7] = 3
    bytes.fill(0xee, 8)
  })
  assert.throws(() => ChipFile.open(path), {
    code: 'format-newer',
    message: 'chip file: format version 3, this program knows up to 2',
  })
})

test('a file cut short, lengthened, or with a changed header is refused, and its lock given back', () => {
  const path = newPath()
  make(path).close()
  const whole = readFileSync(path)
  for (const length of [0, 5, 63, 64, whole.length - 1, whole.length + 1]) {
    writeFileSync(path, whole)
    truncateSync(path, length)
    const before = contents(path)
    assert.throws(() => ChipFile.open(path), { name: 'DecodeError' }, `${length} bytes`)
    assert.equal(existsSync(`${path}.lock`), false)
    assert.deepEqual(contents(path), before)
  }
  const header = serializeHeader({
    geometry,
    chipId: new Uint8Array(16).fill(1),
    keyCheck: new Uint8Array(8),
  })
  for (let bit = 0; bit < 8 * headerLength; bit++) {
    const bytes = header.slice()
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    assert.throws(() => parseHeader(bytes), { name: 'DecodeError' }, `bit ${bit}`)
  }
})

test('one flipped bit in a slot is found wherever it is, the page is named, and nothing is changed', () => {
  for (const offset of [0, 11, 12, 20, 24, 279, 280, 295]) {
    const path = changed((bytes) => {
      bytes[slotOffset(eeprom) + offset]! ^= 0x20
    })
    const before = contents(path)
    assert.throws(() => ChipFile.open(path), {
      code: 'memory-tampered',
      details: { area: 'eeprom', page: eeprom },
    })
    assert.deepEqual(contents(path), before)
  }
})

test('[D8e] a border between two areas that was moved in the header is found, and nothing is formatted anew', () => {
  const { otpPages, eepromPages, journalPages, romPages } = geometry
  const moves: Partial<Geometry>[] = [
    { otpPages: otpPages + 1, eepromPages: eepromPages - 1 },
    { otpPages: otpPages - 1, eepromPages: eepromPages + 1 },
    { eepromPages: eepromPages + 1, journalPages: journalPages - 1 },
    { eepromPages: eepromPages - 1, journalPages: journalPages + 1 },
    { eepromPages: eepromPages - 1, romPages: romPages + 1 },
  ]
  for (const move of moves) {
    const path = changed((bytes) => {
      const header = parseHeader(bytes.subarray(0, headerLength))
      bytes.set(serializeHeader({ ...header, geometry: { ...geometry, ...move } }))
    })
    const before = contents(path)
    assert.throws(() => ChipFile.open(path), { code: 'memory-stale' }, JSON.stringify(move))
    assert.deepEqual(contents(path), before)
  }
})

test('a page copied to the place of another is found', () => {
  const path = changed((bytes) => {
    const from = slotOffset(eeprom)
    bytes.copyWithin(slotOffset(eeprom + 1), from, from + sealedSlotLength)
  })
  assert.throws(() => ChipFile.open(path), { code: 'memory-tampered' })
})

test('[D8e] an older copy of the chip file is refused; with the key file that went with it too, as soon as the newer one is back', () => {
  const path = newPath()
  const chip = make(path)
  const nvm = openNvm(chip.medium)
  nvm.transaction((tx) => tx.write(20_000, ascii('old')))
  chip.close()
  const [oldChip, oldKey] = [readFileSync(path), readFileSync(`${path}.key`)]
  const again = closedAtEnd(ChipFile.open(path))
  openNvm(again.medium).transaction((tx) => tx.write(20_000, ascii('new')))
  again.close()
  const [newChip, newKey] = [readFileSync(path), readFileSync(`${path}.key`)]
  writeFileSync(path, oldChip)
  assert.throws(() => ChipFile.open(path), { code: 'memory-rolled-back' })
  writeFileSync(path, newChip)
  writeFileSync(`${path}.key`, oldKey)
  assert.throws(() => ChipFile.open(path), { code: 'counter-rolled-back' })
  writeFileSync(`${path}.key`, newKey)
  ChipFile.open(path).close()
})

test('a full disk is an error with a remedy, and the chip is whole when there is room again', () => {
  let last = ''
  for (let room = 0; room < 16; room++) {
    const path = newPath()
    {
      const chip = make(path)
      openNvm(chip.medium)
      chip.close()
    }
    const full = fullAfter(room)
    let done = false
    {
      const chip = closedAtEnd(ChipFile.open(path, { files: full }))
      try {
        // A start writes too: the counter.
        const nvm = openNvm(chip.medium)
        nvm.transaction((tx) => {
          tx.write(20_000, ascii('both'))
          tx.write(21_000, ascii('both'))
        })
        done = true
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'memory-unwritable')
        assert.match(String(error), /the disk is full/)
        assert.throws(() => chip.medium.read(eeprom), { code: 'wrong-state' })
      }
      chip.close()
    }
    const chip = closedAtEnd(ChipFile.open(path))
    const nvm = openNvm(chip.medium)
    const found = nvm.read(20_000, 4)
    assert.deepEqual(nvm.read(21_000, 4), found)
    last = found[0] === 0 ? 'old' : 'new'
    if (room === 0) assert.equal(last, 'old')
    if (done) break
  }
  assert.equal(last, 'new')
})

test('a disk that fills up while a chip is made leaves neither chip nor key', () => {
  for (let room = 0; ; room++) {
    const path = newPath()
    try {
      createChip(
        path,
        { geometry, pages: [[eeprom, new Uint8Array(256).fill(1)]] },
        { files: fullAfter(room) },
      )
      assert.ok(room > 2, 'the disk was never full')
      break
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'memory-unwritable', String(error))
      assert.deepEqual(filesOf(path), [])
    }
  }
})

test('after close nothing is read or written', () => {
  const chip = make(newPath())
  chip.close()
  chip.close()
  assert.throws(() => chip.medium.read(eeprom), { code: 'usage' })
  assert.throws(() => chip.medium.program(eeprom, new Uint8Array(256)), { code: 'usage' })
})

test('the key of a chip is looked for where it is named, then in the folder of keys, then beside the chip', () => {
  const path = newPath()
  make(path).close()
  const keys = `${path}-keys`
  mkdirSync(keys)
  const elsewhere = join(keys, 'named.key')
  const id = Buffer.from(
    parseHeader(new Uint8Array(readFileSync(path)).subarray(0, headerLength)).chipId,
  ).toString('hex')
  files.renameSync(`${path}.key`, elsewhere)
  assert.throws(() => ChipFile.open(path), { code: 'chip-key-missing', message: /\.key$/ })
  assert.equal(existsSync(`${path}.lock`), false)
  ChipFile.open(path, { keys: { file: elsewhere } }).close()
  assert.throws(() => ChipFile.open(path, { keys: { folder: keys } }), { code: 'chip-key-missing' })
  files.renameSync(elsewhere, join(keys, `${id}.key`))
  ChipFile.open(path, { keys: { folder: keys } }).close()
  // A new chip's key goes there at once.
  const other = newPath()
  make(other, geometry, undefined, { keys: { folder: keys } }).close()
  assert.equal(existsSync(`${other}.key`), false)
  assert.equal(readdirSync(keys).length, 2)
})

test('the key of another chip, a changed, cut or lengthened key file and one of a newer format are told apart', () => {
  const path = newPath()
  const other = newPath()
  make(path).close()
  make(other).close()
  const key = new Uint8Array(readFileSync(`${path}.key`))
  const refused = (code: string, bytes: Uint8Array): void => {
    writeFileSync(`${path}.key`, bytes)
    const before = contents(path)
    assert.throws(() => ChipFile.open(path), { code }, code)
    assert.deepEqual(contents(path), before)
  }
  refused('chip-key-differs', new Uint8Array(readFileSync(`${other}.key`)))
  const somewhere = Array.from({ length: 49 }, (_, i) => 22 + 10 * i)
  for (const byte of [0, 1, 2, 3, 4, 5, 20, 21, ...somewhere, 511]) {
    const bytes = key.slice()
    bytes[byte]! ^= 0x04
    if (byte < 4) refused('bytes-malformed', bytes)
    else if (byte === 4) refused('format-newer', bytes)
    else if (byte === 21) refused('bytes-malformed', bytes)
    else refused('chip-key-damaged', bytes)
  }
  refused('bytes-malformed', key.subarray(0, 0))
  refused('bytes-malformed', key.subarray(0, 511))
  refused('chip-key-damaged', key.subarray(0, 1535))
  refused('chip-key-damaged', Uint8Array.of(...key, 0))
  // A key of the same chip id and checksum that sealed nothing.
  const forged = key.slice()
  forged.fill(7, 22, 54)
  forged.set(u32crc(forged.subarray(0, 508)), 508)
  refused('chip-key-differs', forged)
  writeFileSync(`${path}.key`, key)
  ChipFile.open(path).close()
})

test('a counter cell that was torn leaves the other; both gone are refused', () => {
  const path = newPath()
  make(path).close()
  const key = new Uint8Array(readFileSync(`${path}.key`))
  const [first, second] = [512, 1024]
  for (const at of [first, second]) {
    const bytes = key.slice()
    bytes.fill(0x55, at + 20, at + 40)
    writeFileSync(`${path}.key`, bytes)
    if (at === second) ChipFile.open(path).close()
    else assert.throws(() => ChipFile.open(path), { code: 'counter-damaged' })
  }
  const bytes = key.slice()
  bytes.fill(0, 512)
  writeFileSync(`${path}.key`, bytes)
  assert.throws(() => ChipFile.open(path), { code: 'counter-damaged' })
})

test('work in RAM is put back as a whole, or not at all', () => {
  const path = newPath()
  make(path).close()
  const before = contents(path)
  const draft = ChipDraft.load(path)
  const nvm = openNvm(draft.medium)
  for (let i = 0; i < 20; i++) nvm.transaction((tx) => tx.write(20_000 + i, Uint8Array.of(i + 1)))
  assert.deepEqual(contents(path), before)
  draft.save()
  draft.save()
  nvm.transaction((tx) => tx.write(21_000, ascii('not saved')))
  draft.close()
  assert.deepEqual(filesOf(path), [path, `${path}.key`])
  const chip = closedAtEnd(ChipFile.open(path))
  const found = openNvm(chip.medium)
  assert.deepEqual(found.read(20_000, 3), decodeHex('010203'))
  assert.deepEqual(found.read(21_000, 3), new Uint8Array(3))
  chip.close()
  // What it replaced counts no more.
  const [chipFile] = before
  writeFileSync(path, chipFile!)
  assert.throws(() => ChipFile.open(path), { code: 'memory-rolled-back' })
})

test('a replacement that fails at any write, sync, link or rename leaves the old chip or the new one, both accepted', () => {
  const outcomes = new Set<string>()
  for (let step = 1; ; step++) {
    const path = newPath()
    {
      const chip = make(path)
      openNvm(chip.medium).transaction((tx) => tx.write(20_000, ascii('old')))
      chip.close()
    }
    const { files: dying, steps } = deadAfter(step)
    const draft = ChipDraft.load(path, { files: dying })
    openNvm(draft.medium).transaction((tx) => tx.write(20_000, ascii('new')))
    steps.count = 0
    let done = false
    try {
      draft.save()
      done = true
    } catch {}
    // The process is gone: it closes nothing and removes nothing.
    steps.count = Number.NEGATIVE_INFINITY
    draft.close()
    const chip = closedAtEnd(ChipFile.open(path))
    const nvm = openNvm(chip.medium)
    const found = new TextDecoder().decode(nvm.read(20_000, 3))
    nvm.transaction((tx) => tx.write(20_000, ascii('and on')))
    chip.close()
    ChipFile.open(path).close()
    outcomes.add(found)
    assert.ok(found === 'old' || found === 'new', found)
    if (done) {
      assert.equal(found, 'new')
      assert.ok(step > 8, `${step} steps`)
      break
    }
  }
  assert.deepEqual([...outcomes].sort(), ['new', 'old'])
})

test('a chip that is being made and is cut at any step is there with its key, or can be made again', () => {
  for (let step = 1; ; step++) {
    const path = newPath()
    const { files: dying } = deadAfter(step)
    const pages: [number, Uint8Array][] = [[eeprom, new Uint8Array(256).fill(1)]]
    let done = false
    try {
      createChip(path, { geometry, pages }, { files: dying })
      done = true
    } catch {}
    rmSync(`${path}.lock`, { force: true })
    if (!existsSync(path)) createChip(path, { geometry, pages })
    const chip = closedAtEnd(ChipFile.open(path))
    assert.equal(chip.medium.read(eeprom)[0], 1)
    if (done) {
      assert.ok(step > 8, `${step} steps`)
      break
    }
  }
})

test('nothing gets a name before its content is durable, and the counter knows a new memory before the file does', () => {
  const path = newPath()
  const order: string[] = []
  const names = new Map<number, string>()
  const short = (name: string): string => name.replace(path, 'chip').replace(folder, 'folder')
  const watching: Files = {
    ...files,
    openSync: ((name: string, ...more: [string, number?]) => {
      const file = files.openSync(name, ...more)
      names.set(file, short(name))
      return file
    }) as Files['openSync'],
    writeSync: ((file: number, ...more: [Uint8Array, number, number, number]) => {
      if (order.at(-1) !== `write ${names.get(file)}`) order.push(`write ${names.get(file)}`)
      return files.writeSync(file, ...more)
    }) as Files['writeSync'],
    fsyncSync: (file) => {
      order.push(`sync ${names.get(file)}`)
      files.fsyncSync(file)
    },
    fdatasyncSync: (file) => {
      order.push(`sync ${names.get(file)}`)
      files.fdatasyncSync(file)
    },
    linkSync: (from, to) => {
      order.push(`link ${short(String(to))}`)
      files.linkSync(from, to)
    },
    renameSync: (from, to) => {
      order.push(`rename ${short(String(to))}`)
      files.renameSync(from, to)
    },
  }
  createChip(path, { geometry, pages: [[eeprom, new Uint8Array(256).fill(1)]] }, { files: watching })
  assert.deepEqual(order, [
    ...['write chip.new', 'sync chip.new', 'write chip.key.new', 'sync chip.key.new'],
    ...['rename chip.key', 'sync folder', 'link chip', 'sync folder'],
  ])
  const draft = ChipDraft.load(path, { files: watching })
  draft.medium.program(eeprom, new Uint8Array(256).fill(2))
  draft.medium.sync()
  order.length = 0
  draft.save()
  draft.close()
  assert.deepEqual(order, [
    ...['write chip.new', 'sync chip.new', 'write chip.key', 'sync chip.key'],
    ...['rename chip', 'sync folder', 'write chip.key', 'sync chip.key'],
  ])
})

test('a key file that holds anything beside key and cells is refused', () => {
  const path = newPath()
  make(path).close()
  const key = new Uint8Array(readFileSync(`${path}.key`))
  for (const at of [512 + 200, 1023, 1024 + 100, 1535]) {
    writeFileSync(`${path}.key`, key.with(at, 1))
    assert.throws(() => ChipFile.open(path), { code: 'chip-key-damaged' })
  }
})

/** A formatted chip file whose bytes were changed by hand. */
function changed(change: (bytes: Uint8Array) => void): string {
  const path = newPath()
  {
    const chip = make(path)
    openNvm(chip.medium)
    chip.close()
  }
  const bytes = new Uint8Array(readFileSync(path))
  change(bytes)
  writeFileSync(path, bytes)
  return path
}

/** Names of a chip's files in the folder. */
function filesOf(path: string): string[] {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((name) => name === path || name.startsWith(`${path}.`))
    .sort()
}

function contents(path: string): Buffer[] {
  return filesOf(path)
    .filter((name) => !name.endsWith('.lock'))
    .map((name) => readFileSync(name))
}

/** A disk that takes so many writes; the one that fills it is taken in part. */
function fullAfter(room: number): Files {
  let left = room
  return {
    ...files,
    writeSync: ((file: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
      if (left-- === 0) files.writeSync(file, bytes, offset, Math.min(40, length), position)
      if (left < 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      return files.writeSync(file, bytes, offset, length, position)
    }) as Files['writeSync'],
  }
}

function u32crc(bytes: Uint8Array): Uint8Array {
  const sum = crc32(bytes)
  return Uint8Array.of(sum >>> 24, (sum >>> 16) & 0xff, (sum >>> 8) & 0xff, sum & 0xff)
}
