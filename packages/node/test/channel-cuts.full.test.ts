import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { certificateIds } from '@sealwright/core/catalog'
import { StateError } from '@sealwright/core/errors'
import { channelWorld, personalizeIn } from './channel-world.ts'
import { cutLine, requireOne, transportOf } from './personalization-world.ts'

/** The module's proof and the document key have tests of their own (personalization-cuts, personalization-papers). */
const forms = ['none', 'ephemeral', 'mutual', 'dh-signed', 'signed-key'] as const

suite('a line that breaks at every command of a personalization', () => {
  for (const form of forms) {
    for (const heard of ['before', 'after'] as const) {
      test(`[B12b] ${form}, ${heard} the command was heard, the module with power or without: run again, it ends with one certificate, one event, one receipt`, async () => {
        for (let at = 1; ; at++) {
          const world = await channelWorld()
          const { module, power } = world.fixture
          const line = cutLine(transportOf(world), at, heard)
          const broke = await personalizeIn(world, form, { ...line, direct: true }).then(
            () => false,
            (error) => {
              assert.ok(error instanceof StateError && error.code === 'transport-failed', String(error))
              return true
            },
          )
          const { life, objects } = module.parts
          if (life.state() === 'awaiting-personalization') {
            assert.equal(objects.read('certificate', certificateIds.operating.id), undefined, `command ${at}`)
          }
          const again = at % 2 === 0 ? module : power()
          await personalizeIn(world, form, transportOf(world, again))
          await requireOne({ ...world, fixture: { ...world.fixture, module: again } })
          if (!broke && line.count() < at) break
        }
      })
    }
  }
})
