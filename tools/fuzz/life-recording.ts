import { Life, stages } from '../../packages/node/test/life/index.ts'
import { readPrograms } from '../../packages/node/test/life/programs.ts'
import { bytesFromHex } from './hex.ts'
import { listen, type Recorded } from './recording.ts'
import { insecureStampingCrypto } from './stamping-crypto.ts'
import type { Step } from './step.ts'

/** The whole life of four chips, and every byte string that passed between the parties. */
export interface RecordedLife {
  readonly recorded: readonly Recorded[]
  readonly blobs: readonly Uint8Array[]
}

/** AID of the resource in the life's telephone. */
export const livedResource = bytesFromHex('F053570101')

/** Lives the demo's life in memory and writes down what its modules heard: protected commands as they were before protection. */
export async function recordLife(): Promise<RecordedLife> {
  const life = Life.begin({ crypto: insecureStampingCrypto, programs: readPrograms() })
  const recorded: (Omit<Recorded, 'steps'> & { readonly steps: Step[] })[] = []
  const blobs = new Map<string, Uint8Array>()
  const keep = (bytes: Uint8Array): void => void blobs.set(bytes.join(), bytes.slice())
  let stageName = ''
  life.witness = {
    powering(chip, seed) {
      const snapshot = life.chips.get(chip)!.snapshot()
      const again = recorded.filter(({ name }) => name.startsWith(`${stageName}, ${chip}`)).length
      recorded.push({
        name: `${stageName}, ${chip}${again === 0 ? '' : ` ${again + 1}`}`,
        ...{ snapshot, seed },
        steps: [],
      })
    },
    powered(_, module) {
      listen(module, recorded.at(-1)!.steps, keep)
    },
  }
  for (const stage of stages) {
    stageName = stage.name
    life.seed(stage.name)
    await stage.run(life)
    life.powerDown()
    for (const bytes of life.exchange.values()) keep(bytes)
  }
  return { recorded: recorded.filter(({ steps }) => steps.length > 0), blobs: [...blobs.values()] }
}
