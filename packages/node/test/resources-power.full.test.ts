import { test } from 'node:test'
import { everyPowerCut } from '@sealwright/module/testing'
import { powerScenario, powerSteps } from './resources-power.ts'

for (const step of powerSteps) {
  test(`${step.name}: power cuts in every mode, and cut again in recovery`, async () => {
    const scenario = await powerScenario(step)
    await everyPowerCut(scenario, { seeds: [1, 2] })
    await everyPowerCut(scenario, { modes: ['torn'], depth: 2 })
  })
}
