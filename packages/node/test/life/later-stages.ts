import { fromAscii } from '@sealwright/core/bytes'
import { dataTags, programInstructions } from '@sealwright/core/catalog'
import type { LaterChange } from '@sealwright/core/customization'
import { StateError } from '@sealwright/core/errors'
import { laterCustomize, makeSam } from '@sealwright/roles/issuer'
import { readTag, type Stage } from './stage.ts'

/** The SAM that opens the cash machine for later customization. */
export const samStage: Stage = {
  name: 'make sam',
  chip: 'sam',
  faults: false,
  async run(life) {
    await makeSam(await life.party('issuer'), life.module('sam'), { sessions: 100 })
  },
}

const points = 3
const change: LaterChange = {
  name: 'cash with points',
  software: [
    {
      ...{ program: points, wasm: 'loyalty', interfaces: ['io', 'data', 'mac'], budget: 5_000_000 },
      ...{ keyPlaces: [0x0020_0901], dataSize: 72 },
    },
  ],
  keyPlaces: [{ place: 0x0020_0901, kind: 'application', usage: 'M6', source: 0 }],
  vectors: [
    { ins: programInstructions.CREDIT.ins, program: points, function: 1 },
    { ins: programInstructions.TOTALS.ins, program: points, function: 3 },
  ],
  natives: ['PREPARE'],
}

/** A cash machine that operates gets points. */
export const laterCustomizeStage: Stage = {
  name: 'later-customize cash',
  chip: 'cash',
  async run(life) {
    await laterCustomize(await life.party('issuer'), life.module('cash'), {
      ...{ change, programs: life.world.programs },
      sam: life.module('sam'),
    })
  },
  async check(life) {
    const name = fromAscii(await readTag(life, 'cash', dataTags.product))
    if (name !== change.name) throw new StateError(`the product is ${name}`)
  },
}
