import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii } from '@sealwright/core/bytes'
import { portableCrypto } from '@sealwright/core/crypto'
import { cutModes, FaultSlots, Power, PowerLoss, RamSlots, type Slots } from '../medium/index.ts'
import { SealedChip } from '../testing/index.ts'
import { type ChipKey, type CommitMark, counterCellLength, counterCells, RollbackCounter } from './index.ts'

const chip: ChipKey = {
  crypto: portableCrypto,
  key: new Uint8Array(32).fill(1),
  chipId: ascii('counter of tests'),
}

function mark(commit: number, id = commit): CommitMark {
  return { commit, id: new Uint8Array(16).fill(id) }
}

function cellsOf(last = 3): RamSlots {
  const cells = new RamSlots(counterCells, counterCellLength)
  const counter = new RollbackCounter(chip, cells)
  counter.begin(mark(1))
  for (let commit = 2; commit <= last; commit++) counter.advance(mark(commit))
  return cells
}

test('only the newest state is accepted, and from a journal the one after it', () => {
  const counter = new RollbackCounter(chip, cellsOf(5))
  assert.deepEqual(counter.current, mark(5))
  assert.equal(counter.judge(mark(5)), 'accepted')
  assert.equal(counter.judge(mark(4)), 'older')
  assert.equal(counter.judge(mark(6)), 'newer')
  assert.equal(counter.judge(mark(5, 99)), 'another')
  assert.equal(counter.judgeNext(mark(6, 99)), 'accepted')
  assert.equal(counter.judgeNext(mark(5)), 'accepted')
  assert.equal(counter.judgeNext(mark(5, 99)), 'another')
  assert.equal(counter.judgeNext(mark(7)), 'newer')
})

test('where the next identifier is chosen only that transaction is accepted, and a choice anew makes it another', () => {
  const cells = cellsOf(3)
  const id = (value: number): Uint8Array => new Uint8Array(16).fill(value)
  const counter = new RollbackCounter(chip, cells)
  counter.advance(mark(3), id(0x70))
  const again = new RollbackCounter(chip, cells)
  assert.deepEqual([again.next, again.other], [id(0x70), undefined])
  assert.equal(again.judgeNext(mark(4, 0x70)), 'accepted')
  assert.equal(again.judgeNext(mark(4, 0x71)), 'another')
  assert.equal(again.judge(mark(4, 0x70)), 'newer', 'not at rest')
  again.advance(mark(3), id(0x71))
  const anew = new RollbackCounter(chip, cells)
  assert.equal(anew.judgeNext(mark(4, 0x70)), 'another')
  assert.equal(anew.judgeNext(mark(4, 0x71)), 'accepted')
  // A memory that is about to be replaced may still be in the middle of a transaction.
  anew.allow(mark(40))
  assert.equal(new RollbackCounter(chip, cells).judgeNext(mark(4, 0x71)), 'accepted')
})

test('numbers above 32 bits are kept, and what does not fit 53 bits cannot be', () => {
  const cells = new RamSlots(counterCells, counterCellLength)
  new RollbackCounter(chip, cells).begin(mark(2 ** 40 + 7, 3))
  const counter = new RollbackCounter(chip, cells)
  assert.deepEqual(counter.current, mark(2 ** 40 + 7, 3))
  assert.equal(counter.judgeNext(mark(2 ** 40 + 8, 9)), 'accepted')
  counter.allow(mark(2 ** 45, 5))
  assert.deepEqual(new RollbackCounter(chip, cells).other, mark(2 ** 45, 5))
  counter.advance(mark(2 ** 45, 5), new Uint8Array(16).fill(6))
  assert.deepEqual(new RollbackCounter(chip, cells).next, new Uint8Array(16).fill(6))
})

test('while a memory replaces another both count, whichever is there; then only that one', () => {
  for (const there of [mark(3), mark(40)]) {
    const cells = cellsOf(3)
    new RollbackCounter(chip, cells).allow(mark(40))
    const counter = new RollbackCounter(chip, cells)
    assert.deepEqual([counter.current, counter.other], [mark(3), mark(40)])
    for (const one of [mark(3), mark(40)]) assert.equal(counter.judge(one), 'accepted')
    assert.equal(counter.judge(mark(20)), 'older')
    assert.equal(counter.judge(mark(41)), 'newer')
    assert.equal(counter.judgeNext(mark(41)), 'accepted')
    assert.throws(() => counter.settle(mark(20)), { code: 'internal' })
    counter.settle(there)
    const settled = new RollbackCounter(chip, cells)
    assert.equal(settled.other, undefined)
    assert.equal(settled.judge(there), 'accepted')
    const gone = there.commit === 3 ? mark(40) : mark(3)
    assert.notEqual(settled.judge(gone), 'accepted')
  }
})

test('advance to where it is writes nothing', () => {
  const cells = cellsOf(3)
  const { revision } = cells
  new RollbackCounter(chip, cells).advance(mark(3))
  assert.equal(cells.revision, revision)
})

test('[R1b] what the counter was told is durable when it returns', () => {
  const cells = new RamSlots(counterCells, counterCellLength)
  let open = 0
  const noting: Slots = {
    count: counterCells,
    length: counterCellLength,
    get revision() {
      return cells.revision
    },
    lend: (cell) => cells.lend(cell),
    program(cell, bytes) {
      open++
      cells.program(cell, bytes)
    },
    sync() {
      open = 0
    },
  }
  const counter = new RollbackCounter(chip, noting)
  const steps: (() => void)[] = [
    () => counter.begin(mark(1)),
    () => counter.advance(mark(2)),
    () => counter.advance(mark(2), new Uint8Array(16).fill(5)),
    () => counter.allow(mark(9)),
    () => counter.settle(mark(9)),
    () => counter.allow(mark(12)),
    () => counter.settleFound(mark(9)),
  ]
  for (const [i, step] of steps.entries()) {
    const { revision } = cells
    step()
    assert.notEqual(cells.revision, revision, `step ${i + 1}`)
    assert.equal(open, 0, `step ${i + 1}`)
  }
})

test('[D8e] the commit that wrote one-time memory last is kept until another one writes it', () => {
  const cells = new RamSlots(counterCells, counterCellLength)
  const counter = new RollbackCounter(chip, cells)
  const kept = (): number | undefined => new RollbackCounter(chip, cells).otpCommit
  counter.begin(mark(3))
  assert.equal(kept(), 3)
  counter.advance(mark(4))
  assert.equal(kept(), 3)
  counter.advance(mark(5), undefined, 5)
  counter.advance(mark(6), new Uint8Array(16).fill(5))
  assert.equal(kept(), 5)
  counter.allow(mark(20))
  assert.equal(kept(), 5)
  counter.settle(mark(20))
  assert.equal(kept(), 5)
  counter.allow(mark(30), 28)
  counter.settle(mark(30))
  assert.equal(kept(), 28)
})

test('a cell torn leaves the other, and is written next', () => {
  for (const torn of [0, 1]) {
    const cells = cellsOf(4)
    const bytes = cells.lend(torn).slice()
    bytes[30]! ^= 1
    cells.program(torn, bytes)
    const counter = new RollbackCounter(chip, cells)
    // Sequence 3 lies in cell 1.
    assert.deepEqual([counter.status, counter.current], ['held', mark(torn === 1 ? 3 : 4)])
    assert.deepEqual(counter.damagedCells, [torn])
    counter.advance(mark(5))
    if (torn === 1) assert.deepEqual(new RollbackCounter(chip, cells).damagedCells, [])
    counter.advance(mark(6))
    assert.deepEqual(new RollbackCounter(chip, cells).damagedCells, [])
    assert.deepEqual(new RollbackCounter(chip, cells).current, mark(6))
  }
})

test('cells exchanged, copied over each other, of another key or chip, or not there are none', () => {
  const good = cellsOf(4)
  const [a, b] = [good.lend(0).slice(), good.lend(1).slice()]
  const of = (first: Uint8Array, second: Uint8Array, key = chip) => {
    const cells = new RamSlots(counterCells, counterCellLength)
    cells.program(0, first)
    cells.program(1, second)
    return new RollbackCounter(key, cells)
  }
  assert.equal(of(b, a).status, 'damaged')
  assert.deepEqual(of(b, b).current, mark(4))
  assert.deepEqual(of(a, a).current, mark(3))
  assert.equal(of(a, b, { ...chip, key: new Uint8Array(32) }).status, 'damaged')
  assert.equal(of(a, b, { ...chip, chipId: ascii('another chip here').slice(0, 16) }).status, 'damaged')
  assert.equal(of(new Uint8Array(a.length), new Uint8Array(a.length)).status, 'blank')
  const none = of(new Uint8Array(a.length), new Uint8Array(a.length).fill(1))
  assert.equal(none.status, 'damaged')
  assert.throws(() => none.judge(mark(1)), { code: 'counter-damaged' })
  assert.throws(() => none.begin(mark(1)), { code: 'wrong-state' })
  assert.throws(() => of(a, b).begin(mark(1)), { code: 'wrong-state' })
})

test('every changed byte of the newest cell is found', () => {
  const good = cellsOf(4)
  for (let at = 0; at < counterCellLength; at++) {
    const cells = good.clone()
    const bytes = cells.lend(1).slice()
    bytes[at]! ^= 0x10
    cells.program(1, bytes)
    assert.deepEqual(new RollbackCounter(chip, cells).current, mark(3), `byte ${at}`)
  }
})

test('[R1a][R1b] a cut at any write leaves the old state or the new one', () => {
  for (const mode of cutModes) {
    for (let seed = 1; seed <= 8; seed++) {
      const cells = cellsOf(4)
      const power = new Power({ cutAt: 1, mode, seed })
      const counter = new RollbackCounter(chip, new FaultSlots(cells, power))
      assert.throws(() => counter.advance(mark(5)), PowerLoss)
      const found = new RollbackCounter(chip, cells).current!
      assert.ok(found.commit === 4 || found.commit === 5)
    }
  }
})

test('a chip whose counter was put back, taken from another chip, forged or lost is refused, and says which', () => {
  const one = new SealedChip()
  one.commit({ 1: 1 })
  const old = one.image()
  one.commit({ 1: 2 })
  one.commit({ 1: 3 })
  const now = one.image()
  one.putBack({ cells: old.cells })
  assert.equal(one.refusal()?.kind, 'counter-rolled-back')
  const other = new SealedChip({ name: 'two' })
  one.putBack({ cells: other.cells })
  assert.equal(one.refusal()?.kind, 'counter-damaged')
  one.putBack({ cells: new SealedChip({ key: new Uint8Array(32).fill(3) }).cells })
  assert.equal(one.refusal()?.kind, 'counter-damaged')
  one.putBack({ cells: new RamSlots(counterCells, counterCellLength) })
  assert.deepEqual(one.refusal(), {
    kind: 'counter-damaged',
    place: 'counter',
    reason: 'there is no rollback counter',
  })
  one.putBack(now)
  assert.equal(one.refusal(), undefined)
})
