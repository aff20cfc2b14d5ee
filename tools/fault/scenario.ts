import { encodeHex } from '@sealwright/core/bytes'
import { scriptedEntropy } from '@sealwright/core/testing'
import { Module } from '@sealwright/module'
import { areaOf, type Medium, pageSize, RamMedium, type Snapshot } from '@sealwright/module/medium'
import type { Scenario, Verdict } from '@sealwright/module/testing'
import { nodeCrypto } from '@sealwright/node/crypto'
import type { Life, Stage } from '../../packages/node/test/life/index.ts'
import { repeatableCrypto } from '../../packages/node/test/life/repeatable-crypto.ts'

/** A stage as something that may lose power, and what its writes are. */
export interface StageScenario extends Scenario {
  /** Who wrote, with the number of transactions, in the order of their first. */
  readonly writers: ReadonlyMap<string, number>
}

/**
 * The stage from this life on. After a cut the memory must be, byte for byte, what it was after the last transaction that was told of as
 * committed, or after the one in flight. Then the same parties, as the cut left them, do the stage again and must reach its end; not so
 * at depth 2, where `again` is false.
 */
export async function stageScenario(
  start: Life,
  stage: Stage,
  { again = true }: { readonly again?: boolean } = {},
): Promise<StageScenario> {
  const chip = stage.chip!
  const before = start.chips.get(chip)!.snapshot()
  const { states, writers } = await reference(start, stage, chip)
  const settled = states.map((state) => memoryAfterStart(RamMedium.from(state)))
  const last = settled.at(-1)!
  let life = start
  let committed = 0
  let repeated = false

  return {
    name: scenarioName(stage),
    writers,
    repeatable: again,
    prepare: () => before,
    async run(medium, attempt) {
      repeated = attempt === 'again'
      if (!repeated) {
        life = start.clone()
        committed = 0
      }
      life.witness = { powered: (_, module) => countCommits(module, () => committed++) }
      life.seed(repeated ? `${stage.name}, again` : stage.name)
      life.replace(chip, medium)
      await stage.run(life)
    },
    async check(medium): Promise<Verdict> {
      if (repeated) {
        life.witness = {}
        life.replace(chip, medium)
        await stage.check?.(life)
        return 'new'
      }
      const now = memoryAfterStart(medium)
      const allowed = settled.slice(committed, committed + 2)
      if (!allowed.includes(now))
        throw new Error(explain(settled.indexOf(now), committed, settled.length - 1))
      return now === last ? 'new' : 'old'
    },
  }
}

export function scenarioName(stage: Stage): string {
  return stage.name.replaceAll(' ', '-')
}

function explain(found: number, committed: number, all: number): string {
  const state = found < 0 ? 'no state that a transaction leaves' : `the state after ${found} transactions`
  return `${state}; ${committed} of ${all} were committed when power was lost`
}

/** The memory before the stage and after each of its transactions, without a cut. */
async function reference(
  start: Life,
  stage: Stage,
  chip: string,
): Promise<{ states: Snapshot[]; writers: Map<string, number> }> {
  const life = start.clone()
  const medium = life.chips.get(chip)!
  const states = [medium.snapshot()]
  const writers = new Map<string, number>()
  life.witness = {
    powered: (_, module) =>
      countCommits(module, (writer) => {
        states.push(medium.snapshot())
        writers.set(writer, (writers.get(writer) ?? 0) + 1)
      }),
  }
  life.seed(stage.name)
  await stage.run(life)
  life.powerDown()
  life.witness = {}
  await stage.check?.(life)
  return { states, writers }
}

function countCommits(module: Module, committed: (writer: string) => void): void {
  module.parts.nvm.onCommit = ({ writer, writes }) => {
    if (writes.length > 0) committed(writer)
  }
}

/** Powers a module up, which settles what was interrupted, and gives all that is in its memory. */
function memoryAfterStart(medium: Medium): string {
  new Module({ medium, crypto: repeatableCrypto, entropy: scriptedEntropy('start') })
  const rom = areaOf(medium.geometry, 'rom').first
  const bytes = new Uint8Array(rom * pageSize)
  for (let page = 0; page < rom; page++) bytes.set(medium.lend(page), page * pageSize)
  return encodeHex(nodeCrypto.sha256(bytes))
}
