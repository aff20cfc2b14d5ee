import type { Crypto } from '@sealwright/core/ports'
import { Module } from '@sealwright/module'
import { nodeEntropy } from '@sealwright/node/crypto'
import { Life, stages } from '../../packages/node/test/life/index.ts'
import { readPrograms } from '../../packages/node/test/life/programs.ts'

/**
 * A life that has gone up to, and not through, the stage of this name; modules have 256 KiB of EEPROM.
 * @param application in the place of the bank's, for stages before `run`
 */
export async function lifeUpTo(crypto: Crypto, end: string, application?: Uint8Array): Promise<Life> {
  const committed = readPrograms()
  const programs = application === undefined ? committed : { ...committed, bank: application }
  const life = Life.begin({ crypto, programs, eepromSize: 256 * 1024 })
  for (const stage of stages) {
    life.seed(`bench ${stage.name}`)
    if (stage.name === end) return life
    await stage.run(life)
  }
  throw new Error(`there is no stage ${end}`)
}

/** The module in a chip, with entropy of the computer. */
export function powered(life: Life, chip: string): Module {
  return new Module({ medium: life.medium(chip), crypto: life.world.crypto, entropy: nodeEntropy })
}
