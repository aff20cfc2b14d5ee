import {
  type ChipMode,
  chipModes,
  firstDomainKeyVersion,
  keyPlaces,
  securityDomainKeys,
} from '@sealwright/core/catalog'
import { serializeSessionLimit } from '@sealwright/core/customization'
import type { Entropy } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { Module } from '@sealwright/module'
import type { Medium, Snapshot } from '@sealwright/module/medium'
import { customizedModule, fixtureKey, plainModule } from '@sealwright/module/testing'
import type { Chip } from './line.ts'
import type { Recorded } from './recording.ts'
import { insecureStampingCrypto as crypto } from './stamping-crypto.ts'

/** A real module on this memory. */
export function chipOf(name: string, snapshot: Snapshot, seed: string): Chip {
  return {
    ...{ name, snapshot, seed },
    power: (medium: Medium, entropy: Entropy, report) => new Module({ medium, crypto, entropy, report }),
  }
}

/** The chips that something was recorded with, each as it was before. */
export function recordedChips(recorded: readonly Recorded[]): Chip[] {
  return recorded.map(({ name, snapshot, seed }) => chipOf(name, snapshot, seed))
}

/** Plain GlobalPlatform cards: a test card, and one that is none. */
export function plainChips(): Chip[] {
  const entropy = scriptedEntropy('plain, own keys')
  const keys = [entropy.bytes(16), entropy.bytes(16), entropy.bytes(16)] as const
  const own = { version: firstDomainKeyVersion, keys }
  return [
    { name: 'plain, test keys', ...plainModule({ crypto }) },
    { name: 'plain, own keys', ...plainModule({ crypto, keys: own }) },
  ].map(({ name, medium }) => chipOf(name, medium.snapshot(), name))
}

/** Keys for every channel, for key download and of a SAM: the first set of the issuer security domain, customization, transport and signature keys. */
const places: readonly number[] = [
  ...[1, 2, 3].map((id) => ((securityDomainKeys << 16) | (firstDomainKeyVersion << 8) | id) >>> 0),
  ...[0, 1, 2].map((n) => keyPlaces.customization + n),
  ...[0, 1, 2].map((n) => keyPlaces['later-customization'] + n),
  keyPlaces.samMaster,
  ...[keyPlaces.transport, keyPlaces.transportNext, keyPlaces.signature],
]

/** Chips in every mode and state whose vector table names every native command, whatever product has it. */
export function customizedChips(): Chip[] {
  const modes = Object.keys(chipModes) as ChipMode[]
  return modes.flatMap((mode) =>
    (mode === 'user' ? [false, true] : [false]).map((operating) => {
      const name = `every command, ${mode}${operating ? ', operating' : ''}`
      const operators = [fixtureKey(crypto, 'operator').publicPoint]
      const { medium } = customizedModule({
        ...{ crypto, seed: name, mode, operating, operators, eepromSize: 64 * 1024 },
        prepare({ tx, keys, objects }) {
          objects.put(tx, 'sam-state', 0, serializeSessionLimit(3))
          for (const [i, place] of places.entries()) {
            keys.putAes(tx, place, crypto.sha256(Uint8Array.of(i)).slice(0, 16))
          }
        },
      })
      return chipOf(name, medium.snapshot(), name)
    }),
  )
}
