import assert from 'node:assert/strict'
import { scriptedEntropy } from '@sealwright/core/testing'
import type { RamMedium } from '../../src/medium/index.ts'
import type { PlainKeys } from '../../src/profile/index.ts'
import { plainModule } from '../../src/testing/index.ts'
import { Card, crypto, hex, sw } from './card.ts'
import { type KeySet, openScp03, type Session } from './session.ts'

const test = plainModule({ crypto })

/** A test card in its beginning: factory keys FF, SCP11b key 13/01. */
export function testCard(): Card<RamMedium> {
  return new Card(test.medium.clone(), test.power)
}

/** Keys of a card that is no test card: nobody's published ones. */
const entropy = scriptedEntropy('keys of a card')
export const ownSet: KeySet = [entropy.bytes(16), entropy.bytes(16), entropy.bytes(16)]
export const ownKeys: PlainKeys = { version: 0x30, keys: ownSet }
const real = plainModule({ crypto, keys: ownKeys, seed: 'real' })

/** A card that is no test card: own set 30, SCP11b key 13/01. */
export function realCard(): Card<RamMedium> {
  return new Card(real.medium.clone(), real.power)
}

/** A channel with the issuer security domain under the card's own keys. */
export function asIssuer(card: Card): Session {
  card.select()
  return openScp03(card, { keys: ownSet })
}

/** A channel with another security domain. */
export function asDomain(card: Card, aid: Uint8Array, keys: KeySet): Session {
  assert.equal(sw(card.select(aid)), '9000')
  return openScp03(card, { keys })
}

/** Done, or the test fails; the data in hex. */
export function done(answer: { data: Uint8Array; sw: number }): string {
  assert.equal(answer.sw.toString(16), '9000')
  return hex(answer.data)
}
