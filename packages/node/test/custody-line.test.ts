import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, Reader, u16, u32 } from '@sealwright/core/bytes'
import { commands, eventsKept, eventTypes } from '@sealwright/core/catalog'
import { PeerError } from '@sealwright/core/errors'
import { nextLink } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { plain } from '@sealwright/roles/channel'
import { outbox, parseEvents, readEvents } from '@sealwright/roles/custody'
import { personalize } from '@sealwright/roles/unit'
import { personalizationWorld, transportOf } from './personalization-world.ts'

test('events are told in the clear: a party signs none that contradicts what the module has signed', async () => {
  const world = await personalizationWorld()
  const { crypto, unit, order } = world
  const below = transportOf(world)
  const { serial } = world.fixture
  // Whoever sits on the line tells another digest, and a chain that follows from it.
  const bent: Transport = {
    close: () => below.close(),
    async transmit(command) {
      const answer = await below.transmit(command)
      if (command[1] !== commands['GET EVENTS'].ins || answer.length < 2 + 69) return answer
      let previous = new Uint8Array(32)
      const records = parseEvents(answer.subarray(0, -2)).map((event) => {
        const lied = event.type === eventTypes.personalized.code
        const digest = lied ? new Uint8Array(32).fill(0xee) : event.digest
        const { number, type } = event
        const chain = lied ? nextLink(crypto, { previous, serial, number, type, digest }) : event.chain
        previous = chain.slice()
        return concat(u32(number), Uint8Array.of(type), digest, chain)
      })
      return concat(...records, u16(0x9000))
    },
  }
  await assert.rejects(personalize(unit, bent, order), PeerError)
  assert.deepEqual(await unit.store.list(outbox), [])
  const { entries, already } = await personalize(unit, below, order)
  assert.ok(already)
  assert.equal(entries.length, 1)
})

test('a module that tells events without end is stopped at what a module keeps', async () => {
  let asked = 0
  const endless: Transport = {
    close: async () => {},
    async transmit(command) {
      asked++
      assert.ok(asked <= eventsKept + 1, 'it is still asked')
      const next = new Reader(command.subarray(5, 9), 'from').u32('number')
      return concat(u32(next), new Uint8Array(65), u16(0x9000))
    },
  }
  await assert.rejects(readEvents(plain(endless), 1), PeerError)
})
