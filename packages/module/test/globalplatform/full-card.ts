import { keyPlaces } from '@sealwright/core/catalog'
import type { RamMedium } from '../../src/medium/index.ts'
import type { Fixture, FixtureOptions } from '../../src/testing/index.ts'
import { customizedModule } from '../../src/testing/index.ts'
import { Card, crypto } from './card.ts'
import { ownSet } from './fixture.ts'

export interface FullCard {
  readonly card: Card<RamMedium>
  readonly fixture: Fixture
}

/** Version of the issuer security domain's first set in a full card. */
export const fullVersion = 0x30

/** A module of all our own flows, whose issuer security domain has a set of keys, with application keys, transport keys and own channels' keys in it. */
export function fullCard(options: Partial<FixtureOptions> = {}): FullCard {
  const fixture = customizedModule({
    crypto,
    operating: true,
    ...options,
    prepare: (parts) => {
      const { tx, keys } = parts
      for (const [i, key] of ownSet.entries()) {
        keys.putAes(tx, (0xfd00_0000 | (fullVersion << 8) | (i + 1)) >>> 0, key)
      }
      keys.putAes(tx, keyPlaces.transport, crypto.sha256(Uint8Array.of(1)).slice(0, 16))
      keys.putAes(tx, keyPlaces.transportNext, crypto.sha256(Uint8Array.of(2)).slice(0, 16))
      keys.putAes(tx, keyPlaces.signature, crypto.sha256(Uint8Array.of(3)).slice(0, 16))
      for (let i = 0; i < 3; i++) {
        keys.putAes(tx, keyPlaces.customization + i, crypto.sha256(Uint8Array.of(4, i)).slice(0, 16))
      }
      options.prepare?.(parts)
    },
  })
  return { card: new Card(fixture.medium, fixture.power), fixture }
}
