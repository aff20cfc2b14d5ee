import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import * as files from 'node:fs'
import {
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
import { ascii } from '@sealwright/core/bytes'
import { Objects, openMemory, openNvm } from '@sealwright/module/eeprom'
import { areaOf, geometryFor, PageDamaged, pageSize } from '@sealwright/module/medium'
import { layOutRom, serializeRom } from '@sealwright/module/rom'
import { mediumContract } from '@sealwright/module/testing'
import { FileLock } from '../lock/index.ts'
import { parseHeader, serializeHeader, slotLength, slotOffset } from './chip-file.ts'
import { FileMedium, type Files } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-'))
const media: FileMedium[] = []
after(() => {
  for (const medium of media) medium.close()
  rmSync(folder, { recursive: true })
})
const closedAtEnd = (medium: FileMedium): FileMedium => {
  media.push(medium)
  return medium
}
let count = 0
const newPath = (): string => join(folder, `chip-${++count}`)

const geometry = geometryFor(32 * 1024)
const eeprom = areaOf(geometry, 'eeprom').first

for (const { title, check } of mediumContract) {
  test(`file medium: ${title}`, () => {
    check({
      make: (size, rom) => FileMedium.create(newPath(), size, rom),
      reopen: (medium) => {
        const { path } = medium as FileMedium
        ;(medium as FileMedium).close()
        return FileMedium.open(path)
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
    const medium = closedAtEnd(FileMedium.create(path, geometryFor(32 * 1024, rom.length), rom))
    const { nvm, objects } = openMemory(medium)
    nvm.transaction((tx) => objects.put(tx, 'key', 1, ascii('a key')))
    medium.close()
  }
  const medium = closedAtEnd(FileMedium.open(path))
  const { objects, rom: masked } = openMemory(medium)
  assert.deepEqual(objects.read('key', 1), ascii('a key'))
  assert.deepEqual(masked.bytes, rom)
})

test('the file is readable by its owner only, sparse, and leaves no other file when closed', () => {
  const path = newPath()
  const medium = FileMedium.create(path, geometryFor(4 * 1024 * 1024))
  openNvm(medium)
  const { mode, size, blocks } = statSync(path)
  assert.equal(mode & 0o777, 0o600)
  assert.ok(size > 4 * 1024 * 1024)
  assert.ok(512 * blocks < 256 * 1024, `${512 * blocks} bytes on disk`)
  medium.close()
  assert.deepEqual(
    readdirSync(folder).filter((name) => join(folder, name).startsWith(path)),
    [path.slice(folder.length + 1)],
  )
})

test('removed bytes are not in the file', () => {
  const path = newPath()
  const canary = ascii('canary in the file 0123456789')
  const inFile = (): boolean => readFileSync(path).includes(Buffer.from(canary))
  const medium = closedAtEnd(FileMedium.create(path, geometry))
  const objects = new Objects(openNvm(medium))
  objects.nvm.transaction((tx) => objects.put(tx, 'key', 1, canary))
  assert.equal(inFile(), true)
  objects.nvm.transaction((tx) => objects.remove(tx, 'key', 1))
  assert.equal(inFile(), false)
})

test('a second opening is told who holds the file', () => {
  const path = newPath()
  const medium = closedAtEnd(
    FileMedium.create(path, geometry, undefined, { command: 'sealwright module run' }),
  )
  assert.throws(() => FileMedium.open(medium.path), {
    code: 'memory-held',
    message: new RegExp(`held by sealwright module run, process ${process.pid} on ${hostname()}, since 20`),
  })
})

test('the lock of a process that is gone is taken over, of a living one and of another machine not', async () => {
  const path = newPath()
  FileMedium.create(path, geometry).close()
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
    assert.throws(() => FileMedium.open(path), { code: 'memory-held', message: /held by other/ })
  } finally {
    const gone = new Promise((resolve) => living.once('exit', resolve))
    living.kill()
    await gone
  }
  FileMedium.open(path).close()
  writeFileSync(lock, JSON.stringify({ ...holder, pid: living.pid, host: 'elsewhere.invalid' }))
  assert.throws(() => FileMedium.open(path), { code: 'memory-held', message: /elsewhere.invalid/ })
  writeFileSync(lock, 'rubbish')
  assert.throws(() => FileMedium.open(path), { code: 'memory-held' })
  rmSync(lock)
  FileMedium.open(path).close()
})

test('a process killed while it holds the file leaves a chip that opens', () => {
  const path = newPath()
  const script = `
    const { FileMedium } = await import('@sealwright/node/medium')
    const { geometryFor } = await import('@sealwright/module/medium')
    const { openNvm } = await import('@sealwright/module/eeprom')
    const nvm = openNvm(FileMedium.create(process.argv[1], geometryFor(32768)))
    nvm.transaction((tx) => tx.write(20000, new TextEncoder().encode('kept')))
    process.kill(process.pid, 'SIGKILL')
  `
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script, path], {
    cwd: import.meta.dirname,
  })
  assert.equal(child.signal, 'SIGKILL', String(child.stderr))
  const medium = closedAtEnd(FileMedium.open(path))
  assert.deepEqual(openNvm(medium).read(20_000, 4), ascii('kept'))
})

test('a lock released or never taken by this process is not removed', () => {
  const path = newPath()
  const lock = FileLock.take(path, 'one')
  writeFileSync(path, 'another holder')
  lock.release()
  assert.equal(readFileSync(path, 'utf8'), 'another holder')
})

test('a chip file is never replaced, and none is opened that is not there', () => {
  const path = newPath()
  FileMedium.create(path, geometry).close()
  assert.throws(() => FileMedium.create(path, geometry), { code: 'file-exists', message: /exists already/ })
  assert.throws(() => FileMedium.open(newPath()), { code: 'file-missing', message: /there is no chip file/ })
  assert.throws(() => FileMedium.create(join(folder, 'no', 'such'), geometry), { code: 'memory-unwritable' })
})

test('a newer format is refused by its number, before anything else of it is looked at', () => {
  const path = changed((bytes) => {
    bytes[7] = 2
    bytes.fill(0xee, 8)
  })
  assert.throws(() => FileMedium.open(path), {
    code: 'format-newer',
    message: 'chip file: format version 2, this program knows up to 1',
  })
})

test('a file cut short, lengthened, or with a changed header is refused, and its lock given back', () => {
  const short = newPath()
  FileMedium.create(short, geometry).close()
  const { size } = statSync(short)
  for (const length of [0, 5, 63, 64, size - 1, size + 1]) {
    truncateSync(short, length)
    assert.throws(() => FileMedium.open(short), { name: 'DecodeError' }, `${length} bytes`)
    assert.equal(files.existsSync(`${short}.lock`), false)
  }
  for (let i = 0; i < 64; i++) {
    const bytes = serializeHeader(geometry)
    bytes[i]! ^= 0x01
    assert.throws(() => parseHeader(bytes), { name: 'DecodeError' }, `byte ${i}`)
  }
})

test('one flipped bit in a page is found, in the content and in the check', () => {
  for (const offset of [0, 255, 256, 259, 260, 263]) {
    const path = changed((bytes) => {
      bytes[slotOffset(eeprom) + offset]! ^= 0x20
    })
    const medium = closedAtEnd(FileMedium.open(path))
    assert.throws(() => medium.read(eeprom), PageDamaged)
    assert.throws(() => openNvm(medium), { code: 'memory-damaged' })
    medium.program(eeprom, new Uint8Array(pageSize))
    assert.deepEqual(medium.read(eeprom), new Uint8Array(pageSize))
  }
})

test('a page copied to the place of another is found', () => {
  const path = changed((bytes) => {
    const from = slotOffset(eeprom)
    bytes.copyWithin(slotOffset(eeprom + 1), from, from + slotLength)
  })
  const medium = closedAtEnd(FileMedium.open(path))
  assert.throws(() => medium.read(eeprom + 1), PageDamaged)
})

test('a full disk is an error with a remedy, and the chip is whole when there is room again', () => {
  for (let room = 0; room < 4; room++) {
    const path = newPath()
    {
      const medium = closedAtEnd(FileMedium.create(path, geometry))
      openNvm(medium)
      medium.close()
    }
    let left = room
    const full: Files = {
      ...files,
      writeSync: ((file: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
        // A disk that fills up takes part of the last write.
        if (left-- === 0) files.writeSync(file, bytes, offset, 100, position)
        if (left < 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
        return files.writeSync(file, bytes, offset, length, position)
      }) as Files['writeSync'],
    }
    {
      const medium = closedAtEnd(FileMedium.open(path, { files: full }))
      const nvm = openNvm(medium)
      const work = (): void =>
        nvm.transaction((tx) => {
          tx.write(20_000, ascii('both'))
          tx.write(21_000, ascii('both'))
        })
      assert.throws(work, { code: 'memory-unwritable', message: /the disk is full/ })
      assert.throws(() => nvm.read(20_000, 4), { code: 'wrong-state' })
      medium.close()
    }
    const medium = closedAtEnd(FileMedium.open(path))
    const nvm = openNvm(medium)
    assert.deepEqual(nvm.read(20_000, 4), room === 0 ? new Uint8Array(4) : ascii('both'))
    assert.deepEqual(nvm.read(21_000, 4), nvm.read(20_000, 4))
  }
})

test('a disk that fills up during create leaves no chip file', () => {
  const path = newPath()
  const full: Files = {
    ...files,
    writeSync: (() => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    }) as Files['writeSync'],
  }
  assert.throws(() => FileMedium.create(path, geometry, undefined, { files: full }), {
    code: 'memory-unwritable',
  })
  assert.deepEqual(
    readdirSync(folder).filter((name) => join(folder, name).startsWith(path)),
    [],
  )
})

test('after close nothing is read or written', () => {
  const medium = FileMedium.create(newPath(), geometry)
  medium.close()
  medium.close()
  assert.throws(() => medium.read(eeprom), { code: 'usage' })
  assert.throws(() => medium.program(eeprom, new Uint8Array(pageSize)), { code: 'usage' })
})

/** A formatted chip file whose bytes were changed by hand. */
function changed(change: (bytes: Uint8Array) => void): string {
  const path = newPath()
  {
    const medium = closedAtEnd(FileMedium.create(path, geometry))
    openNvm(medium)
    medium.close()
  }
  const bytes = new Uint8Array(readFileSync(path))
  change(bytes)
  writeFileSync(path, bytes)
  return path
}
