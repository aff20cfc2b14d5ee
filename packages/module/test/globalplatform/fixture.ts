import { scriptedEntropy } from '@sealwright/core/testing'
import type { RamMedium } from '../../src/medium/index.ts'
import type { PlainKeys } from '../../src/profile/index.ts'
import { plainModule } from '../../src/testing/index.ts'
import { Card, crypto } from './card.ts'
import type { KeySet } from './session.ts'

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
