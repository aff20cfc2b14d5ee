/**
 * Draws what docs/pictures holds, for `npm run docs`. `memory.svg` is the memory of a telephone in the life of packages/node/test/life, with a
 * supplier in it. Everything random there follows from a seed: the same sources draw the same picture.
 */
import { scriptedEntropy } from '@sealwright/core/testing'
import { sealedMemory } from '@sealwright/module/testing'
import { readMemoryMap } from '../packages/cli/src/pictures/memory-map.ts'
import { memorySvg } from '../packages/cli/src/pictures/memory-svg.ts'
import { Life, stages } from '../packages/node/test/life/index.ts'
import { readPrograms } from '../packages/node/test/life/programs.ts'
import { repeatableCrypto } from '../packages/node/test/life/repeatable-crypto.ts'

export const memoryPicture = 'docs/pictures/memory.svg'

/** The picture of a telephone's memory, on a sealed medium, which counts writes. */
export async function drawMemory(): Promise<string> {
  const life = Life.begin({ crypto: repeatableCrypto, programs: readPrograms() })
  const sealed = sealedMemory(repeatableCrypto)
  for (const stage of stages) {
    if (stage.name === 'release') break
    life.seed(stage.name)
    await stage.run(life)
    const made = life.chips.get(chip)
    if (made === undefined || life.medium(chip) !== made) continue
    life.replace(chip, sealed.power(sealed.prepare(made.snapshot())).medium)
  }
  life.powerDown()
  const medium = life.medium(chip)
  return memorySvg(readMemoryMap({ medium, crypto: repeatableCrypto, entropy: scriptedEntropy('picture') }))
}

const chip = 'phone'
