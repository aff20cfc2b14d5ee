import { test } from 'node:test'
import { cutEverywhere, cuts } from './power-cuts.ts'

for (const cut of cuts.filter(({ quick }) => quick !== true)) {
  test(`[R1a][R1b] ${cut.name}: cut at every write, torn or reordered, it is done or it is not`, () =>
    cutEverywhere(cut))
}
