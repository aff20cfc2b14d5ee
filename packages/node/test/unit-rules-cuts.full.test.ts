import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Certificate } from '@sealwright/core/x509'
import type { Store } from '@sealwright/roles/ports'
import { currentTicket, readRecords } from '@sealwright/roles/unit'
import { broken, cutLine, personalizationWorld, requireOne, transportOf } from './personalization-world.ts'
import { approvals, ask, personalizeWith, ruled, rulesWorld, ticketed } from './unit-rules-world.ts'

// Approvals and tickets of a unit that checks and counts by itself, with every run broken off everywhere and run again.

const numberOf = (certificate: Certificate | undefined): number | undefined => certificate?.ticket?.number

describe('approvals', () => {
  test('[R2a] the line is cut at every command: the same approvals serve until the run is done, once', async () => {
    for (const heard of ['before', 'after'] as const) {
      for (let at = 1; ; at++) {
        const world = await rulesWorld()
        await ruled(world)
        const given = await approvals(world, await ask(world))
        const cut = await personalizeWith(world, given, cutLine(transportOf(world), at, heard)).then(
          () => false,
          (error) => {
            assert.equal(error.code, 'transport-failed')
            return true
          },
        )
        await personalizeWith(world, given)
        await requireOne(world)
        assert.equal((await readRecords(world.unit, world.fixture.serial)).length, 1)
        if (!cut) {
          assert.ok(at > 15, `only ${at} commands`)
          break
        }
      }
    }
  })
})

describe('tickets', () => {
  test('[R2a] the line is cut at every command: one certificate, one number', async () => {
    for (const heard of ['before', 'after'] as const) {
      for (let at = 1; ; at++) {
        const world = await personalizationWorld()
        await ticketed(world, 5)
        const cut = await personalizeWith(world, undefined, cutLine(transportOf(world), at, heard)).then(
          () => false,
          () => true,
        )
        const { operating } = await personalizeWith(world)
        await requireOne(world)
        assert.equal(numberOf(operating.certificate), 1)
        assert.equal((await currentTicket(world.unit))?.used, 1)
        if (!cut) break
      }
    }
  })

  test('[R2a] the unit dies before or after any write of its own: one certificate, one number', async () => {
    for (const written of [false, true]) {
      for (let at = 1; ; at++) {
        const world = await personalizationWorld()
        await ticketed(world, 5)
        const store = dying(world.unit.store, at, written)
        const died = await personalizeWith({ ...world, unit: { ...world.unit, store } }).then(
          () => false,
          () => true,
        )
        const { operating } = await personalizeWith(world)
        await requireOne(world)
        assert.equal(numberOf(operating.certificate), 1)
        assert.equal((await currentTicket(world.unit))?.used, 1)
        if (!died) {
          assert.ok(at > 6, `only ${at} writes`)
          break
        }
      }
    }
  })

  function dying(store: Store, at: number, written: boolean): Store {
    let count = 0
    return {
      ...store,
      async write(name, bytes) {
        count++
        if (count === at && written) await store.write(name, bytes)
        if (count >= at) throw broken()
        await store.write(name, bytes)
      },
    }
  }
})
