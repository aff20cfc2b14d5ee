import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Transport } from '@sealwright/core/ports'
import * as operator from '@sealwright/roles/operator'
import * as supplier from '@sealwright/roles/supplier'
import { cutLine } from './personalization-world.ts'
import { bankRequest, resourceWorld } from './resources-world.ts'

for (const heard of ['before', 'after'] as const) {
  const lost = heard === 'before' ? 'the command' : 'the answer'
  test(`[R2a] reserve, activate, block: ${lost} is lost, whichever it is: run again, all is done once`, async () => {
    for (let at = 1; ; at++) {
      const world = await resourceWorld()
      const { document } = await supplier.request(world.supplier, bankRequest)
      const steps = async (transport: Transport) => {
        const { resource } = await operator.reserve(world.operator, transport, { request: document })
        await operator.activate(world.operator, transport, { resource: resource.id })
        return operator.block(world.operator, transport, { resource: resource.id })
      }
      const line = cutLine(world.transport, at, heard)
      await steps(line).catch((error) => assert.equal(error.code, 'transport-failed'))
      const { resource } = await steps(world.transport).catch(async () => {
        // What was blocked already is not activated again.
        return operator.block(world.operator, world.transport, { resource: 1 })
      })
      assert.equal(resource.state, 'blocked', `cut ${at}`)
      assert.equal(world.fixture.module.parts.definitions.find(1)!.state, 'blocked')
      assert.equal((await world.operator.store.list('outbox/')).length, 3, `cut ${at}`)
      if (line.count() < at) {
        assert.ok(at > 10, `only ${at} commands`)
        return
      }
    }
  })
}
