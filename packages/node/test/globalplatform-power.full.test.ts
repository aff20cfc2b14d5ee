import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyPowerCut } from '@sealwright/module/testing'
import { powerScenarios } from './globalplatform-host.ts'

for (const scenario of powerScenarios) {
  test(`[E2b] ${scenario.name}: power cut at any write, in every way`, async () => {
    const report = await everyPowerCut(scenario, { seeds: [1, 2] })
    assert.ok(report.cuts > 50, `${report.cuts} cuts`)
    assert.equal(report.recoveries, report.cuts)
  })
}
