import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyPowerCut } from '@sealwright/module/testing'
import { powerScenario, powerSteps } from './resources-power.ts'

// Power cut at every write of the steps in a resource's life. The full run takes every mode and more chances.

for (const step of powerSteps) {
  const cuts = async () => {
    const report = await everyPowerCut(await powerScenario(step), { modes: ['whole', 'torn'] })
    assert.ok(report.cuts > 10, `${step.name}: ${report.cuts} cuts`)
    assert.equal(report.recoveries, report.cuts)
  }
  if (step.name.startsWith('load'))
    test(`[C8e] ${step.name}: a power cut at any write leaves the old state or the new`, cuts)
  else test(`[C5a] ${step.name}: a power cut at any write leaves the old state or the new`, cuts)
}
