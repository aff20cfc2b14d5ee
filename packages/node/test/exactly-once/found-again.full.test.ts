import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { personalize } from '@sealwright/roles/unit'
import { cutAtEveryExchange, type Flow } from './cut-at-every-exchange.ts'
import { atWork, type FlowFrom, personalizations, personalizationsByCard } from './flows.ts'
import { orderOf, Starts } from './world.ts'

const starts = new Starts()

async function sample({ start, flow }: FlowFrom): Promise<void> {
  const { cuts } = await cutAtEveryExchange(await start(), flow, { most: 2 })
  assert.ok(cuts >= 6, `only ${cuts} cuts`)
}

const named = (rows: readonly FlowFrom[], name: string): FlowFrom =>
  rows.find(({ flow }) => flow.name.endsWith(name))!

describe('a sample of the cuts: line broken, program killed, power lost; run again, everything is there once', () => {
  test('[R2a][B12b] a module by a unit with ticket and approvals', () =>
    sample(named(personalizations(starts), 'approvals and ticket')))

  test('[R2a][B3a] a module by a signing card', () =>
    sample(named(personalizationsByCard(starts), 'module-proof')))

  test('[R2a][B12d] the end of a personalization', () => sample(atWork(starts).endByCommand))
})

describe('the comparison finds', () => {
  const forgetful = (what: string): Flow => ({
    name: `forgets ${what}`,
    chips: ['cash'],
    async run(life) {
      const unit = await life.party('unit')
      for (const name of await unit.store.list(what)) await unit.store.remove(name)
      await personalize(unit, life.module('cash'), orderOf(life, 'cash'))
    },
  })
  const cut = async (flow: Flow) => cutAtEveryExchange(await starts.desk(), flow, { kinds: ['answer lost'] })

  test('a unit that forgets what it signed', async () => {
    await assert.rejects(cut(forgetful('personalizations/')), {
      message: /forgets personalizations\/, answer lost \d+/,
    })
  })

  test('a unit that forgets what it had begun: the entry of what the module did is missing', async () => {
    await assert.rejects(cut(forgetful('intents/')), { message: /forgets intents\/, answer lost \d+/ })
  })

  test('a file that is left over', async () => {
    let runs = 0
    const untidy: Flow = {
      ...forgetful('nothing/'),
      async run(life) {
        const unit = await life.party('unit')
        runs++
        if (runs === 2) await unit.store.write('draft', Uint8Array.of(1))
        await personalize(unit, life.module('cash'), orderOf(life, 'cash'))
      },
    }
    await assert.rejects(cut(untidy), { message: /forgets nothing\/, answer lost 1/ })
  })
})
