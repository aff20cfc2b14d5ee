import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { type CutOptions, cutAtEveryExchange } from './cut-at-every-exchange.ts'
import {
  atWork,
  cards,
  type FlowFrom,
  personalizations,
  personalizationsByCard,
  stepsOfALife,
} from './flows.ts'
import { Starts } from './world.ts'

const starts = new Starts()

/** Power is lost in some flows only: what the module makes of it is the same in all, and `npm run fault` does it at every write. */
const powered: CutOptions = { kinds: ['command lost', 'answer lost', 'killed', 'killed at change'] }

async function cut(t: TestContext, { start, flow }: FlowFrom, options: CutOptions = powered): Promise<void> {
  const { exchanges, changes, cuts } = await cutAtEveryExchange(await start(), flow, options)
  const lines = [...exchanges].map(([chip, count]) => `${count} with ${chip}`).join(', ')
  t.diagnostic(`${flow.name}: exchanges ${lines}; ${changes} changes of files and keys; ${cuts} cuts`)
  assert.ok(cuts > 0)
}

suite('cut at every exchange, run again: everything is there once', () => {
  for (const from of personalizations(starts)) {
    const whole = /module-proof|approvals and ticket/.test(from.flow.name)
    test(`[R2a][B12b] ${from.flow.name}`, (t) => cut(t, from, whole ? {} : powered))
  }

  for (const [i, from] of personalizationsByCard(starts).entries()) {
    test(`[R2a][B3a] ${from.flow.name}`, (t) => cut(t, from, { ...powered, most: i === 0 ? Infinity : 10 }))
  }

  for (const from of cards(starts)) test(`[R2a][B24a] ${from.flow.name}`, (t) => cut(t, from))

  const { endByCommand, endByHand, limitedKey, withdrawal, disabling } = atWork(starts)

  test('[R2a][B12d] the end by command', (t) => cut(t, endByCommand, {}))

  test('[R2a][B12c] the end by hand', (t) => cut(t, endByHand, {}))

  test('[R2a][B14a] a limited key is sent', (t) => cut(t, limitedKey))

  test('[R2a][B13d] a withdrawal is paid once at most', (t) => cut(t, withdrawal, {}))

  test('[R2a][B16b] a module is disabled in an open session', (t) => cut(t, disabling))

  test('[R2a] the other steps of a life, from the factory on', async (t) => {
    let steps = 0
    for await (const from of stepsOfALife()) {
      await cut(t, from, { most: 4 })
      steps++
    }
    assert.ok(steps > 15, `only ${steps} steps`)
  })
})
