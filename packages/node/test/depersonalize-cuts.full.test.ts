import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { atWork, end, goingKeys, requireErased } from './depersonalize-world.ts'
import { cutLine, transportOf } from './personalization-world.ts'

describe('the line is cut at every command', () => {
  for (const heard of ['before', 'after'] as const) {
    for (const powered of [true, false]) {
      test(`[R2a] ${heard === 'before' ? 'the command' : 'the answer'} is lost${powered ? '' : ', and power with it'}: run again, it is done once`, async () => {
        for (let at = 1; ; at++) {
          const world = await atWork()
          const going = goingKeys(world)
          const cut = await end(world, cutLine(transportOf(world), at, heard)).then(
            () => false,
            (error) => {
              assert.equal(error.code, 'transport-failed')
              return true
            },
          )
          const module = powered ? world.fixture.module : world.fixture.power()
          const done = await end(world, transportOf(world, module))
          requireErased(world, going, module)
          const events = module.parts.events.list(1).filter(({ type }) => type === 0x20)
          assert.equal(events.length, 1)
          assert.equal(done.number, events[0]!.number)
          assert.equal((await world.central.store.list('outbox/')).length, 1)
          assert.deepEqual(await world.central.store.list('intents/'), [])
          if (!cut) {
            assert.ok(at > 6, `only ${at} commands`)
            return
          }
        }
      })
    }
  }
})
