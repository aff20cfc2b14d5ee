import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii } from '@sealwright/core/bytes'
import { portableCrypto } from '@sealwright/core/crypto'
import { scriptedEntropy } from '@sealwright/core/testing'
import { openNvm } from '../eeprom/index.ts'
import { type Geometry, geometryFor, RamSlots, romPages } from '../medium/index.ts'
import { mediumContract } from '../testing/index.ts'
import {
  type ChipKey,
  counterCellLength,
  counterCells,
  RollbackCounter,
  SealedMedium,
  sealedSlotLength,
  slotCount,
} from './index.ts'

const chip: ChipKey = {
  crypto: portableCrypto,
  key: new Uint8Array(32).fill(7),
  chipId: ascii('chip of the test'),
}
const entropy = scriptedEntropy('sealed medium')

function make(geometry: Geometry, rom: Uint8Array = new Uint8Array()) {
  const slots = new RamSlots(slotCount(geometry), sealedSlotLength)
  const cells = new RamSlots(counterCells, counterCellLength)
  const counter = new RollbackCounter(chip, cells)
  const parts = { geometry, slots, counter, chip, entropy }
  return { ...parts, cells, medium: SealedMedium.create(parts, { pages: romPages(geometry, rom) }) }
}

for (const { title, check } of mediumContract) {
  test(`sealed medium: ${title}`, () => {
    const made = new Map<unknown, ReturnType<typeof make>>()
    check({
      make: (size, rom) => {
        const one = make(size, rom)
        made.set(one.medium, one)
        return one.medium
      },
      reopen: (medium) => {
        const { geometry, slots, cells } = made.get(medium)!
        return SealedMedium.open({
          geometry,
          slots,
          counter: new RollbackCounter(chip, cells),
          chip,
          entropy,
        })
      },
    })
  })
}

test('transactions are there after the memory was opened again', () => {
  const { geometry, slots, cells, medium } = make(geometryFor(32 * 1024))
  const nvm = openNvm(medium)
  for (let i = 0; i < 5; i++) nvm.transaction((tx) => tx.write(20_000 + 300 * i, ascii(`round ${i}`)))
  medium.close()
  const again = SealedMedium.open({
    geometry,
    slots,
    counter: new RollbackCounter(chip, cells),
    chip,
    entropy,
  })
  const reopened = openNvm(again)
  for (let i = 0; i < 5; i++) assert.deepEqual(reopened.read(20_000 + 300 * i, 7), ascii(`round ${i}`))
})
