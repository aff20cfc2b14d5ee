import assert from 'node:assert/strict'
import { serializeCommand } from '@sealwright/core/apdu'
import { decodeHex } from '@sealwright/core/bytes'
import { sw } from './card.ts'
import { ownSet, realCard } from './fixture.ts'
import { initializeUpdate, openScp03 } from './session.ts'

/** Fails so many set-ups of a card that is no test card: all that may have moved is its sequence counter. */
export function wrongSetUps(count: number): void {
  const card = realCard()
  const before = card.objects()
  const wrong = serializeCommand(initializeUpdate(card, { keys: ownSet }).authenticate(0x33).apdu)
  const update = decodeHex('80503000080102030405060708')
  for (let i = 1; i < count; i++) {
    assert.equal(card.module.transmit(update).at(-2), 0x90)
    assert.deepEqual([...card.module.transmit(wrong)], [0x69, 0x82])
  }
  const counter = 'sequence-counter fd003001'
  assert.deepEqual(card.changedSince(before), [counter])
  assert.equal(Number.parseInt(card.objects().get(counter)!, 16), count)
  assert.equal(sw(openScp03(card, { keys: ownSet }).send('80CA00E000')), '9000')
}
