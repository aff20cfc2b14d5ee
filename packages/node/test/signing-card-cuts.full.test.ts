import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Transport } from '@sealwright/core/ports'
import { orderByCard, showCard, takeByCard } from '@sealwright/roles/unit'
import { cutLine } from './personalization-world.ts'
import {
  approved,
  type CardWorld,
  cardWorld,
  logOf,
  personalizedByCard,
  readyWorld,
  requireOne,
} from './signing-card-world.ts'

suite('a line to the card or to the module that breaks', () => {
  for (const side of ['card', 'module'] as const) {
    test(`[B3a][X6b] the line to the ${side} breaks before or after any command: run again there is one certificate, counted and logged once`, async () => {
      const world = await readyWorld()
      const approvals = await approved(world)
      const back = await world.keep()
      let cuts = 0
      for (let at = 1, through = false; !through; at++) {
        for (const heard of ['before', 'after'] as const) {
          await back()
          const line = cutLine(side === 'card' ? world.card() : world.module(), at, heard)
          try {
            await personalizedByCard(world, approvals, { [side]: line })
            through = true
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'transport-failed', String(error))
            cuts++
            await personalizedByCard(world, approvals)
          }
          await requireOne(world)
        }
      }
      assert.ok(cuts > 15, String(cuts))
    })
  }
})

suite('a line that breaks on the way to a card that signs', () => {
  /** A step with the card, broken off before or after each command and done again; then the card must be as `check` says. */
  async function everyBreak(
    world: CardWorld,
    step: (card: Transport) => Promise<unknown>,
    check: () => Promise<void>,
  ): Promise<void> {
    const back = await world.keep()
    let cuts = 0
    for (let at = 1, through = false; !through; at++) {
      for (const heard of ['before', 'after'] as const) {
        await back()
        try {
          await step(cutLine(world.card(), at, heard))
          through = true
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'transport-failed', String(error))
          cuts++
          await step(world.card())
        }
        await check()
      }
    }
    assert.ok(cuts > 4, String(cuts))
  }

  test('[B24a] the card is issued once: one key, one entry, one event at the central system', async () => {
    const world = await cardWorld({ until: 'finished' })
    await everyBreak(world, world.issue, async () => {
      const { state } = await showCard(world.card())
      assert.equal(state.log.number, 1)
      assert.deepEqual((await world.issue()).point, state.point)
      assert.equal((await world.central.store.list('outbox/')).length, 1)
      assert.deepEqual(await world.central.store.list('intents/'), [])
    })
  })

  test('[B3a] the certificate is stored once', async () => {
    const world = await cardWorld({ until: 'issued' })
    await everyBreak(world, world.init, async () => {
      const { state, certificates } = await showCard(world.card())
      assert.equal(state.log.number, 2)
      assert.ok(certificates)
      assert.equal((await world.unit.store.list('outbox/')).length, 1)
    })
  })

  test('[X6b] roster and ticket are taken once, and the log holds', async () => {
    const world = await cardWorld()
    const documents = [await world.roster(), await world.ticket(3)]
    const { root } = world
    await everyBreak(
      world,
      (card) => takeByCard(world.unit, card, { documents, root }),
      async () => {
        const { log, state } = await logOf(world)
        assert.equal(log.number, 4)
        assert.deepEqual([state.ticket?.count, state.ticket?.used], [3, 0])
        assert.equal((await world.unit.store.list('outbox/')).length, 3)
      },
    )
  })

  test('[B3a] an order that was broken off is ordered again, and approved and carried out', async () => {
    const world = await readyWorld()
    const serial = world.serialOf('cash')
    await everyBreak(
      world,
      (card) => orderByCard(world.unit, card, { serial }),
      async () => {
        assert.equal((await logOf(world)).log.number, 4)
      },
    )
    await personalizedByCard(world, await approved(world))
    await requireOne(world)
  })
})
