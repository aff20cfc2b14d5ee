import { test } from 'node:test'
import { everyPowerCut } from '@sealwright/module/testing'
import { powerScenario, powerSteps } from './resources-power.ts'

for (const step of powerSteps) {
  test(`${step.name}: power cuts in every mode, cut again in recovery`, async () => {
    await everyPowerCut(await powerScenario(step), { seeds: [1, 2, 3], depth: 2 })
  })
}
