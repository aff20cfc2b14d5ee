import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii } from '@sealwright/core/bytes'
import { portableCrypto } from '@sealwright/core/crypto'
import { scriptedEntropy } from '@sealwright/core/testing'
import { openNvm } from '../eeprom/index.ts'
import { Journal } from '../journal/index.ts'
import {
  areaOf,
  FaultSlots,
  type Geometry,
  geometryFor,
  Power,
  PowerLoss,
  pageSize,
  RamSlots,
  romPages,
} from '../medium/index.ts'
import { mediumContract } from '../testing/index.ts'
import {
  type ChipKey,
  counterCellLength,
  counterCells,
  DraftMedium,
  RollbackCounter,
  SealedMedium,
  sameMark,
  sealedSlotLength,
  slotCount,
} from './index.ts'

const chip: ChipKey = {
  crypto: portableCrypto,
  key: new Uint8Array(32).fill(7),
  chipId: ascii('chip of the test'),
}
const entropy = scriptedEntropy('draft medium')
const geometry = geometryFor(32 * 1024)
const place = 20_000

interface Stored {
  readonly geometry: Geometry
  readonly slots: RamSlots
  readonly cells: RamSlots
}

function make(size: Geometry = geometry, rom: Uint8Array = new Uint8Array()): Stored {
  const slots = new RamSlots(slotCount(size), sealedSlotLength)
  const cells = new RamSlots(counterCells, counterCellLength)
  const counter = new RollbackCounter(chip, cells)
  SealedMedium.create(
    { geometry: size, slots, counter, chip, entropy },
    { pages: romPages(size, rom) },
  ).close()
  return { geometry: size, slots, cells }
}

function open({ geometry, slots, cells }: Stored): SealedMedium {
  return SealedMedium.open({ geometry, slots, counter: new RollbackCounter(chip, cells), chip, entropy })
}

for (const { title, check } of mediumContract) {
  test(`draft medium: ${title}`, () => {
    const made = new Map<unknown, Stored>()
    check({
      make: (size, rom) => {
        const stored = make(size, rom)
        const draft = new DraftMedium(open(stored))
        made.set(draft, stored)
        return draft
      },
      reopen: (medium) => {
        ;(medium as DraftMedium).commit()
        return open(made.get(medium)!)
      },
    })
  })
}

test('[D8e] many transactions of a draft are one commit, and nothing of them lies in the slots before', () => {
  const stored = make()
  const draft = new DraftMedium(open(stored))
  const { revision } = stored.slots
  const { commit } = draft.mark
  const nvm = openNvm(draft)
  const before = stored.slots.written().length
  for (let value = 1; value <= 9; value++) nvm.transaction((tx) => tx.write(place, Uint8Array.of(value)))
  assert.equal(draft.mark.commit, commit)
  assert.equal(stored.slots.written().length, before)
  draft.commit()
  assert.equal(draft.mark.commit, commit + 1)
  assert.ok(stored.slots.revision > revision)
  const { mark } = draft
  draft.commit()
  assert.deepEqual(draft.mark, mark)
  draft.close()
  const sealed = open(stored)
  assert.equal(openNvm(sealed).read(place, 1)[0], 9)
  assert.ok(sameMark(sealed.mark, mark))
})

test('a draft counts every write of a page, as the sealed memory does', () => {
  const work = (medium: SealedMedium | DraftMedium): void => {
    const nvm = openNvm(medium)
    for (let value = 1; value <= 5; value++) nvm.transaction((tx) => tx.write(place, Uint8Array.of(value)))
  }
  const [direct, drafted] = [make(), make()]
  const sealed = open(direct)
  work(sealed)
  const draft = new DraftMedium(open(drafted))
  work(draft)
  const { first, pages } = areaOf(geometry, 'eeprom')
  const counts = (medium: SealedMedium | DraftMedium): number[] =>
    Array.from({ length: pages }, (_, i) => medium.writes(first + i))
  assert.deepEqual(counts(draft), counts(sealed))
  draft.commit()
  assert.deepEqual(counts(open(drafted)), counts(sealed))
  assert.ok(counts(sealed).includes(5))
})

test('a draft of a memory that was cut in a transaction carries it out, or has nothing of it', () => {
  const values = new Set<number>()
  for (let cutAt = 1; ; cutAt++) {
    const stored = make()
    openNvm(open(stored)).transaction((tx) => tx.write(place, Uint8Array.of(1)))
    const power = new Power({ cutAt, mode: 'whole' })
    const slots = new FaultSlots(stored.slots, power)
    const counter = new RollbackCounter(chip, new FaultSlots(stored.cells, power))
    const cut = SealedMedium.open({ geometry, slots, counter, chip, entropy })
    let lost = false
    try {
      openNvm(cut).transaction((tx) => tx.write(place, Uint8Array.of(2)))
    } catch (error) {
      if (!(error instanceof PowerLoss)) throw error
      lost = true
    }
    const draft = new DraftMedium(open(stored))
    const value = openNvm(draft).read(place, 1)[0]!
    values.add(value)
    openNvm(draft).transaction((tx) => tx.write(place + 1, Uint8Array.of(7)))
    draft.commit()
    draft.close()
    const after = open(stored)
    assert.equal(new Journal(after).recover(), 'clean')
    assert.deepEqual([...openNvm(after).read(place, 2)], [value, 7])
    if (!lost) break
  }
  assert.deepEqual([...values].sort(), [1, 2])
})

test('a draft that was closed is forgotten: the sealed memory is as it was', () => {
  const stored = make()
  const draft = new DraftMedium(open(stored))
  const { first } = areaOf(geometry, 'eeprom')
  draft.program(first + 5, new Uint8Array(pageSize).fill(9))
  draft.close()
  assert.throws(() => draft.read(first + 5), { code: 'usage' })
  assert.deepEqual(open(stored).read(first + 5), new Uint8Array(pageSize))
})
