import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, equal } from '@sealwright/core/bytes'
import { InternalError } from '@sealwright/core/errors'
import {
  areaOf,
  CountingMedium,
  geometryFor,
  type Medium,
  pageSize,
  RamMedium,
  StorageFull,
} from '../medium/index.ts'
import { type Commit, checkModeMark, Nvm, openNvm } from './index.ts'

const geometry = geometryFor(32 * 1024)

test('what a transaction wrote is there after power was off, across page borders', () => {
  const medium = new RamMedium(geometry)
  const bytes = ascii('abc'.repeat(200))
  openNvm(medium).transaction((tx) => tx.write(20_000, bytes))
  assert.deepEqual(openNvm(medium).read(20_000, bytes.length), bytes)
})

test('nothing happens when the work throws, and the next transaction can begin', () => {
  const medium = new CountingMedium(new RamMedium(geometry))
  const nvm = openNvm(medium)
  medium.programs = 0
  assert.throws(
    () =>
      nvm.transaction((tx) => {
        tx.write(20_000, ascii('gone'))
        tx.setOtp('test')
        throw new RangeError('refused')
      }),
    RangeError,
  )
  assert.equal(medium.programs, 0)
  assert.equal(nvm.otp.test('test'), false)
  assert.deepEqual(nvm.read(20_000, 4), new Uint8Array(4))
  nvm.transaction((tx) => tx.write(20_000, ascii('kept')))
  assert.deepEqual(nvm.read(20_000, 4), ascii('kept'))
})

test('inside a transaction every read sees what it wrote', () => {
  const nvm = openNvm(new RamMedium(geometry))
  nvm.transaction((tx) => {
    tx.write(20_000, ascii('new'))
    tx.setOtp('test')
    assert.deepEqual(tx.read(20_000, 3), ascii('new'))
    assert.deepEqual(nvm.read(20_000, 3), ascii('new'))
    assert.equal(nvm.otp.test('test'), true)
  })
})

test('a transaction inside a transaction, one that waits and one that has ended are our own mistakes', () => {
  const nvm = openNvm(new RamMedium(geometry))
  assert.throws(() => nvm.transaction(() => nvm.transaction(() => 1)), InternalError)
  assert.throws(() => nvm.transaction(() => Promise.resolve()), InternalError)
  const tx = nvm.transaction((one) => one)
  assert.throws(() => tx.write(20_000, ascii('x')), InternalError)
  assert.throws(() => tx.read(20_000, 1), InternalError)
  assert.throws(() => tx.setOtp('test'), InternalError)
})

test('what changes nothing costs no program', () => {
  const medium = new CountingMedium(new RamMedium(geometry))
  const nvm = openNvm(medium)
  nvm.transaction((tx) => tx.write(20_000, ascii('same')))
  medium.programs = 0
  nvm.transaction((tx) => tx.write(20_000, ascii('same')))
  nvm.transaction(() => undefined)
  assert.equal(medium.programs, 0)
})

test('addresses outside EEPROM are refused', () => {
  const nvm = openNvm(new RamMedium(geometry))
  const last = nvm.size - 1
  assert.equal(nvm.read(last, 1).length, 1)
  for (const [address, length] of [
    [-1, 1],
    [last, 2],
    [nvm.size, 1],
    [0.5, 1],
    [0, -1],
  ] as const) {
    assert.throws(() => nvm.read(address, length), { code: 'usage' })
  }
  assert.throws(() => nvm.transaction((tx) => tx.write(last, Uint8Array.of(1, 2))), { code: 'usage' })
})

test('a transaction too large is refused before anything is written, and the memory goes on', () => {
  const medium = new CountingMedium(new RamMedium(geometry))
  const nvm = openNvm(medium)
  medium.programs = 0
  const large = new Uint8Array(20 * 1024).fill(1)
  assert.throws(() => nvm.transaction((tx) => tx.write(8192, large)), StorageFull)
  assert.equal(medium.programs, 0)
  nvm.transaction((tx) => tx.write(8192, ascii('goes on')))
})

test('after a write that failed nothing is answered until the module starts again, and then the transaction is whole', () => {
  const ram = new RamMedium(geometry)
  openNvm(ram)
  for (let failing = 1; failing <= 4; failing++) {
    const before = ram.clone()
    let writes = 0
    const failingMedium: Medium = {
      geometry,
      get revision() {
        return before.revision
      },
      read: (page) => before.read(page),
      lend: (page) => before.lend(page),
      program: (page, bytes) => {
        if (++writes === failing) throw new RangeError('no space')
        before.program(page, bytes)
      },
      sync: () => undefined,
    }
    const nvm = openNvm(failingMedium)
    assert.throws(
      () =>
        nvm.transaction((tx) => {
          tx.write(20_000, ascii('both'))
          tx.write(21_000, ascii('both'))
        }),
      RangeError,
    )
    assert.throws(() => nvm.read(0, 1), { code: 'wrong-state' })
    assert.throws(() => nvm.transaction(() => 1), { code: 'wrong-state' })
    const again = openNvm(before)
    const [one, two] = [again.read(20_000, 4), again.read(21_000, 4)]
    assert.ok(equal(one, two), `write ${failing}`)
  }
})

test('every commit is reported with its writer and its writes, a failed one is not', () => {
  const nvm = openNvm(new RamMedium(geometry))
  const seen: Commit[] = []
  nvm.onCommit = (commit) => seen.push(commit)
  nvm.writer = 'program 7'
  nvm.transaction((tx) => tx.write(20_000, ascii('abc')))
  assert.throws(() =>
    nvm.transaction((tx) => {
      tx.write(20_000, ascii('abd'))
      throw new RangeError('refused')
    }),
  )
  assert.deepEqual(seen, [{ writer: 'program 7', writes: [{ address: 20_000, length: 3 }], otp: [] }])
})

test('[D8a] an OTP bit stays set through transactions, restarts and refused ones', () => {
  const medium = new RamMedium(geometry)
  openNvm(medium).transaction((tx) => tx.setOtp('mode-customization'))
  const nvm = openNvm(medium)
  nvm.transaction((tx) => tx.write(20_000, ascii('more')))
  assert.equal(openNvm(medium).otp.test('mode-customization'), true)
  assert.equal(openNvm(medium).otp.test('mode-user'), false)
})

test('[D8a] a bit is not set before the one it follows', () => {
  const nvm = openNvm(new RamMedium(geometry))
  assert.throws(() => nvm.transaction((tx) => tx.setOtp('mode-user')), InternalError)
  assert.throws(() => nvm.transaction((tx) => tx.setOtp('wipe-done')), InternalError)
  nvm.transaction((tx) => {
    tx.setOtp('mode-customization')
    tx.setOtp('wipe-intent')
  })
  assert.equal(nvm.otp.test('wipe-intent'), true)
})

test('[D8b] the dump shows the mode bits', () => {
  const nvm = openNvm(new RamMedium(geometry))
  nvm.transaction((tx) => tx.setOtp('mode-customization'))
  const expected = new Uint8Array(32)
  expected[0] = 0b10
  assert.deepEqual(nvm.otp.dump(), expected)
  assert.equal(nvm.otp.list().bits['mode-customization'], true)
  assert.deepEqual(nvm.otp.list().spare, [])
})

test('[D8d] OTP bits that no step leads to are refused at start', () => {
  for (const bits of [0b100, 0b110, 0b1000, 0b1010, 0b10000, 0b100000, 0b1000000, 0b10000000]) {
    const medium = new RamMedium(geometry)
    openNvm(medium)
    const page = medium.read(0)
    page[0]! |= bits
    medium.program(0, page)
    // The EEPROM is made to agree, so that only the combination is at fault.
    const control = medium.read(areaOf(geometry, 'eeprom').first)
    control[12] = bits
    medium.program(areaOf(geometry, 'eeprom').first, control)
    assert.throws(() => openNvm(medium), { code: 'memory-damaged' }, bits.toString(2))
  }
})

test('[D8e] an old EEPROM image under a newer OTP is refused, the one that belongs to it is not', () => {
  for (const bit of ['mode-customization', 'test'] as const) {
    const medium = new RamMedium(geometry)
    openNvm(medium).transaction((tx) => tx.write(20_000, ascii('old')))
    const old = medium.clone()
    openNvm(medium).transaction((tx) => tx.setOtp(bit))
    const newest = medium.clone()
    copyArea(old, medium, 'eeprom')
    assert.throws(() => openNvm(medium), { code: 'memory-rolled-back' })
    assert.throws(() => checkModeMark(Nvm.open(medium)), { code: 'memory-rolled-back' })
    copyArea(newest, medium, 'eeprom')
    assert.equal(openNvm(medium).otp.test(bit), true)
  }
})

test('[D8e] a blanked EEPROM under a newer OTP is refused', () => {
  const medium = new RamMedium(geometry)
  openNvm(medium).transaction((tx) => tx.setOtp('mode-customization'))
  copyArea(new RamMedium(geometry), medium, 'eeprom')
  assert.throws(() => openNvm(medium), { code: 'memory-rolled-back' })
})

test('an unreadable page that no interrupted transaction explains is refused at start', () => {
  for (const name of ['otp', 'eeprom'] as const) {
    const medium = new RamMedium(geometry)
    openNvm(medium)
    medium.damage(areaOf(geometry, name).first)
    assert.throws(() => openNvm(medium), { code: 'memory-damaged' })
  }
})

test('a control page of another format or size is refused', () => {
  const first = areaOf(geometry, 'eeprom').first
  for (const [offset, value] of [
    [0, 0x00],
    [4, 2],
    [5, 1],
    [10, 0x40],
    [200, 1],
  ] as const) {
    const medium = new RamMedium(geometry)
    openNvm(medium)
    const page = medium.read(first)
    page[offset] = value
    medium.program(first, page)
    assert.throws(() => openNvm(medium), offset === 4 ? { code: 'format-newer' } : /control page/)
  }
  assert.throws(() => Nvm.format(formatted()), { code: 'wrong-state' })
})

function formatted(): Medium {
  const medium = new RamMedium(geometry)
  openNvm(medium)
  return medium
}

function copyArea(from: Medium, to: Medium, name: 'eeprom'): void {
  const { first, pages } = areaOf(geometry, name)
  for (let page = first; page < first + pages; page++) {
    const bytes = from.read(page)
    assert.equal(bytes.length, pageSize)
    to.program(page, bytes)
  }
}

test('[P8a] a watch holds until a byte of it is written, is written back, or the medium changes below', () => {
  const medium = new RamMedium(geometry)
  const nvm = openNvm(medium)
  const watch = nvm.watch()
  assert.equal(watch.holds(), false, 'before it was set')
  const set = (): void => {
    watch.set(20_000, 100)
    assert.equal(watch.holds(), true)
  }
  const page = areaOf(geometry, 'eeprom').first + 3
  const cases: [name: string, holds: boolean, work: () => void][] = [
    ['a write before it', true, () => nvm.transaction((tx) => tx.write(19_990, new Uint8Array(10).fill(1)))],
    ['a write behind it', true, () => nvm.transaction((tx) => tx.write(20_100, Uint8Array.of(1)))],
    ['its first byte', false, () => nvm.transaction((tx) => tx.write(20_000, Uint8Array.of(1)))],
    ['its last byte', false, () => nvm.transaction((tx) => tx.write(20_099, Uint8Array.of(1)))],
    [
      'a write around it',
      false,
      () => nvm.transaction((tx) => tx.write(19_000, new Uint8Array(3000).fill(7))),
    ],
    ['what stands there already', true, () => nvm.transaction((tx) => tx.write(20_050, Uint8Array.of(7)))],
    ['a page elsewhere, below', false, () => medium.program(page, new Uint8Array(pageSize).fill(1))],
    ['a page damaged below', false, () => medium.damage(page)],
    ['the whole medium restored', false, () => medium.restore(medium.snapshot())],
    ['reading', true, () => nvm.read(20_000, 100)],
  ]
  for (const [name, holds, work] of cases) {
    set()
    work()
    assert.equal(watch.holds(), holds, name)
  }
  set()
  assert.throws(() =>
    nvm.transaction((tx) => {
      tx.write(20_010, Uint8Array.of(9))
      assert.equal(watch.holds(), false)
      // What is derived inside the transaction is of what it wrote.
      set()
      throw new RangeError('taken back')
    }),
  )
  assert.equal(watch.holds(), false, 'a write taken back')
  set()
  watch.end()
})
