import { ascii } from '@sealwright/core/bytes'
import { InternalError } from '@sealwright/core/errors'
import type { Crypto } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import {
  type Cut,
  FaultMedium,
  FaultSlots,
  type Geometry,
  type Medium,
  Power,
  PowerLoss,
  RamMedium,
  RamSlots,
  type Snapshot,
} from '../medium/index.ts'
import {
  type ChipKey,
  counterCellLength,
  counterCells,
  RollbackCounter,
  SealedMedium,
  sealedSlotLength,
  slotCount,
} from '../seal/index.ts'

/** A kind of memory that power is cut on: made from plain pages, and powered again and again from what a cut left. */
export interface CutMemory<State = unknown> {
  readonly name: 'plain' | 'sealed'
  prepare(before: Snapshot): State
  /** Opens a copy of what is there, as a start does. Without a cut power stays until `off`. */
  power(state: State, cut?: Cut): PoweredMemory<State>
}

export interface PoweredMemory<State> {
  readonly medium: Medium
  readonly dead: boolean
  /** Writes so far, those of the counter included. */
  readonly programs: number
  /** Takes power away, what was not synced with it, and gives what is left. */
  off(): State
}

/** Pages as they are: what the journal alone does. */
export const plainMemory: CutMemory<Snapshot> = {
  name: 'plain',
  prepare: (before) => before,
  power(state, cut = { mode: 'lost' }) {
    const ram = RamMedium.from(state)
    const medium = new FaultMedium(ram, cut)
    return {
      medium,
      get dead() {
        return medium.dead
      },
      get programs() {
        return medium.programs
      },
      off() {
        lose(() => medium.powerOff())
        return ram.snapshot()
      },
    }
  },
}

/** What lies on disk of a sealed memory: its slots, and the counter's. */
export interface SealedState {
  readonly geometry: Geometry
  readonly slots: RamSlots
  readonly cells: RamSlots
  /** How often it was powered: no nonce may come twice. */
  readonly starts: number
}

/** A chip sealed under a key of tests; memory and counter lose power together. */
export function sealedMemory(crypto: Crypto): CutMemory<SealedState> {
  const chip: ChipKey = {
    crypto,
    key: new Uint8Array(32).fill(0x5c),
    chipId: ascii('memory that loses').slice(0, 16),
  }
  return {
    name: 'sealed',
    prepare({ geometry, pages, damaged }) {
      if (damaged.size > 0) throw new InternalError('a memory with damaged pages cannot be sealed')
      const slots = new RamSlots(slotCount(geometry), sealedSlotLength)
      const cells = new RamSlots(counterCells, counterCellLength)
      const counter = new RollbackCounter(chip, cells)
      SealedMedium.create(
        { geometry, slots, counter, chip, entropy: scriptedEntropy('sealed') },
        { pages },
      ).close()
      return { geometry, slots, cells, starts: 0 }
    },
    power(state, cut = { mode: 'lost' }) {
      const [slots, cells] = [state.slots.clone(), state.cells.clone()]
      const { geometry, starts } = state
      const power = new Power(cut)
      const medium = SealedMedium.open({
        geometry,
        slots: new FaultSlots(slots, power),
        counter: new RollbackCounter(chip, new FaultSlots(cells, power)),
        chip,
        entropy: scriptedEntropy(`start ${starts} ${cut.mode} ${cut.seed ?? 1} ${cut.cutAt ?? 0}`),
      })
      return {
        medium,
        get dead() {
          return power.dead
        },
        get programs() {
          return power.programs
        },
        off() {
          if (!power.dead) lose(() => power.off())
          medium.close()
          return { geometry, slots, cells, starts: starts + 1 }
        },
      }
    },
  }
}

function lose(work: () => never): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof PowerLoss)) throw error
  }
}
