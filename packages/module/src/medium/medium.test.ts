import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mediumContract } from '../testing/index.ts'
import {
  areaNames,
  areaOf,
  areaOfPage,
  CountingMedium,
  cutModes,
  FaultMedium,
  geometryFor,
  PageDamaged,
  PowerLoss,
  pageSize,
  RamMedium,
  totalPages,
} from './index.ts'

const geometry = geometryFor(32 * 1024)
const eeprom = areaOf(geometry, 'eeprom').first

for (const { title, check } of mediumContract) {
  test(`RAM medium: ${title}`, () => {
    check({
      make: (size, rom) => new RamMedium(size, rom),
      reopen: (medium) => RamMedium.from((medium as RamMedium).snapshot()),
    })
  })
  test(`fault medium without a cut: ${title}`, () => {
    const inner = new Map<unknown, RamMedium>()
    const wrap = (ram: RamMedium): FaultMedium => {
      const fault = new FaultMedium(ram, { mode: 'lost' })
      inner.set(fault, ram)
      return fault
    }
    check({
      make: (size, rom) => wrap(new RamMedium(size, rom)),
      reopen: (medium) => wrap(inner.get(medium)!),
    })
  })
}

test('the areas follow one another without gap, for every size of EEPROM', () => {
  for (let size = 32 * 1024; size <= 4 * 1024 * 1024; size *= 2) {
    const one = geometryFor(size, 1000)
    let next = 0
    for (const name of areaNames) {
      const area = areaOf(one, name)
      assert.equal(area.first, next)
      for (const page of [area.first, area.first + area.pages - 1])
        assert.equal(areaOfPage(one, page).name, name)
      next += area.pages
    }
    assert.equal(next, totalPages(one))
    // The journal names pages with two bytes.
    assert.ok(areaOf(one, 'journal').first < 65_536)
  }
})

test('an EEPROM of another size than a power of two from 32 KiB to 4 MiB is refused', () => {
  for (const size of [0, 16 * 1024, 48 * 1024, 8 * 1024 * 1024, Number.NaN]) {
    assert.throws(() => geometryFor(size), { code: 'usage' })
  }
})

test('a snapshot is put back exactly, unreadable pages included', () => {
  const medium = new RamMedium(geometry)
  medium.program(eeprom, page(1))
  medium.damage(eeprom + 1)
  const before = medium.snapshot()
  medium.program(eeprom, page(2))
  medium.program(eeprom + 1, page(2))
  medium.restore(before)
  assert.deepEqual(medium.read(eeprom), page(1))
  assert.throws(() => medium.read(eeprom + 1), PageDamaged)
  const copy = medium.clone()
  copy.program(eeprom, page(3))
  assert.deepEqual(medium.read(eeprom), page(1))
})

test('a counting medium counts reads, programs and syncs', () => {
  const medium = new CountingMedium(new RamMedium(geometry))
  medium.program(eeprom, page(1))
  medium.program(eeprom, page(2))
  medium.read(eeprom)
  medium.sync()
  assert.deepEqual([medium.reads, medium.programs, medium.syncs], [1, 2, 1])
})

test('after the cut every access is a loss of power, and what was programmed before it stands', () => {
  for (const mode of cutModes) {
    const inner = new RamMedium(geometry)
    const medium = new FaultMedium(inner, { cutAt: mode === 'lost' ? 3 : 2, mode })
    medium.program(eeprom, page(1))
    medium.sync()
    assert.throws(() => medium.program(eeprom + 1, page(2)), PowerLoss)
    assert.equal(medium.dead, true)
    assert.throws(() => medium.read(eeprom), PowerLoss)
    assert.throws(() => medium.program(eeprom, page(3)), PowerLoss)
    assert.throws(() => medium.sync(), PowerLoss)
    assert.deepEqual(inner.read(eeprom), page(1), mode)
  }
})

test('each mode leaves the page of the cut in its own way', () => {
  const outcome = (mode: 'whole' | 'torn' | 'unreadable', seed: number): Uint8Array | undefined => {
    const inner = new RamMedium(geometry)
    inner.program(eeprom, page(1))
    const medium = new FaultMedium(inner, { cutAt: 1, mode, seed })
    assert.throws(() => medium.program(eeprom, page(2)), PowerLoss)
    try {
      return inner.read(eeprom)
    } catch {
      return undefined
    }
  }
  assert.deepEqual(outcome('whole', 1), page(1))
  assert.equal(outcome('unreadable', 1), undefined)
  const torn = Array.from({ length: 20 }, (_, seed) => outcome('torn', seed)!)
  assert.ok(
    torn.some((bytes) => bytes.includes(1) && bytes.includes(2)),
    'old and new in one page',
  )
  assert.ok(
    torn.some((bytes) => bytes.some((byte) => byte > 2)),
    'garbage',
  )
  assert.deepEqual(outcome('torn', 7), outcome('torn', 7), 'the same seed tears alike')
})

test('unsynced programs are kept and dropped in every combination, synced ones always kept', () => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 60; seed++) {
    const inner = new RamMedium(geometry)
    const medium = new FaultMedium(inner, { mode: 'lost', seed })
    medium.program(eeprom, page(9))
    medium.sync()
    for (const offset of [1, 2]) medium.program(eeprom + offset, page(9))
    assert.deepEqual(medium.read(eeprom + 2), page(9), 'the running module sees its own write')
    assert.throws(() => medium.powerOff(), PowerLoss)
    assert.deepEqual(inner.read(eeprom), page(9))
    seen.add([1, 2].map((offset) => (inner.read(eeprom + offset)[255] === 9 ? 'kept' : 'lost')).join())
  }
  assert.deepEqual([...seen].sort(), ['kept,kept', 'kept,lost', 'lost,kept', 'lost,lost'])
})

test('[D8a] no cut clears an OTP bit or sets one that was not asked for', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: pageSize, maxLength: pageSize }),
      fc.uint8Array({ minLength: pageSize, maxLength: pageSize }),
      fc.constantFrom(...cutModes),
      fc.nat(1000),
      (old, more, mode, seed) => {
        const inner = new RamMedium(geometry)
        inner.program(0, old)
        const wanted = old.map((byte, i) => byte | more[i]!)
        const medium = new FaultMedium(inner, { cutAt: 1, mode, seed })
        assert.throws(() => medium.program(0, wanted), PowerLoss)
        if (mode === 'unreadable') return
        const now = inner.read(0)
        assert.ok(now.every((byte, i) => (old[i]! & ~byte) === 0 && (byte & ~wanted[i]!) === 0))
      },
    ),
  )
})

function page(value: number): Uint8Array {
  return new Uint8Array(pageSize).fill(value)
}
