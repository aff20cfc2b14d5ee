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
  FaultSlots,
  geometryFor,
  PageDamaged,
  Power,
  PowerLoss,
  pageSize,
  RamMedium,
  RamSlots,
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

test('slots keep what was programmed, are zeros before, and refuse what does not fit', () => {
  const slots = new RamSlots(3, 8)
  assert.deepEqual(slots.lend(2), new Uint8Array(8))
  const { revision } = slots
  const bytes = new Uint8Array(8).fill(1)
  slots.program(1, bytes)
  bytes.fill(2)
  assert.notEqual(slots.revision, revision)
  assert.deepEqual(slots.lend(1), new Uint8Array(8).fill(1))
  const copy = slots.clone()
  slots.program(1, bytes)
  assert.deepEqual(copy.lend(1), new Uint8Array(8).fill(1))
  assert.deepEqual(copy.written(), [1])
  slots.restore(copy)
  assert.deepEqual(slots.lend(1), new Uint8Array(8).fill(1))
  for (const slot of [-1, 3, 0.5]) assert.throws(() => slots.lend(slot), { code: 'usage' })
  assert.throws(() => slots.program(0, new Uint8Array(7)), { code: 'usage' })
  assert.throws(() => slots.restore(new RamSlots(3, 7)), { code: 'usage' })
})

test('slots on one supply lose power together, wherever the step falls, each with its own syncs', () => {
  const eight = (value: number): Uint8Array => new Uint8Array(8).fill(value)
  for (const mode of cutModes) {
    for (let cutAt = 1; cutAt <= 6; cutAt++) {
      const [memory, counter] = [new RamSlots(4, 8), new RamSlots(2, 8)]
      const power = new Power({ cutAt, mode, seed: 3 })
      const [a, b] = [new FaultSlots(memory, power), new FaultSlots(counter, power)]
      const run = (): void => {
        a.program(0, eight(1))
        a.sync()
        b.program(0, eight(2))
        b.sync()
        a.program(1, eight(3))
        a.program(2, eight(4))
      }
      if (mode !== 'lost' && cutAt > 4) {
        run()
        assert.equal(power.dead, false)
        continue
      }
      assert.throws(run, PowerLoss)
      assert.equal(power.steps, cutAt)
      for (const one of [a, b]) {
        assert.throws(() => one.lend(0), PowerLoss)
        assert.throws(() => one.program(0, eight(9)), PowerLoss)
        assert.throws(() => one.sync(), PowerLoss)
        assert.throws(() => one.revision, PowerLoss)
      }
      if (mode === 'lost' ? cutAt > 2 : cutAt > 1) assert.deepEqual(memory.lend(0), eight(1))
      if (mode === 'lost' ? cutAt > 4 : cutAt > 2) assert.deepEqual(counter.lend(0), eight(2))
    }
  }
})

test('slots not synced are kept, lost or torn in any combination, and the running one sees its own writes', () => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 80; seed++) {
    const memory = new RamSlots(2, 64)
    const power = new Power({ mode: 'lost', seed })
    const slots = new FaultSlots(memory, power)
    for (const slot of [0, 1]) slots.program(slot, new Uint8Array(64).fill(7))
    assert.equal(slots.lend(1)[63], 7)
    assert.throws(() => power.off(), PowerLoss)
    seen.add(
      [0, 1]
        .map((slot) => {
          const bytes = memory.lend(slot)
          return bytes.every((byte) => byte === 7)
            ? 'kept'
            : bytes.every((byte) => byte === 0)
              ? 'lost'
              : 'torn'
        })
        .join(),
    )
  }
  assert.equal(seen.size, 9)
})
