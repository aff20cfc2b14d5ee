import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyPowerCut } from '@sealwright/module/testing'
import { powerScenario, powerSteps } from './resources-power.ts'

for (const step of powerSteps) {
  const cuts = async () => {
    const scenario = await powerScenario(step)
    const report = await everyPowerCut(scenario, { seeds: [1, 2] })
    assert.ok(report.cuts > 10, `${step.name}: ${report.cuts} cuts`)
    assert.equal(report.recoveries, report.cuts)
    await everyPowerCut(scenario, { modes: ['torn'], depth: 2 })
  }
  const what =
    'a power cut at any write leaves the old state or the new, in every mode, and cut again in recovery'
  if (step.name.startsWith('load')) test(`[C8e] ${step.name}: ${what}`, cuts)
  else test(`[C5a] ${step.name}: ${what}`, cuts)
}
