import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { cutLine } from './personalization-world.ts'
import { approved, personalizedByCard, readyWorld, requireOne } from './signing-card-world.ts'

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
