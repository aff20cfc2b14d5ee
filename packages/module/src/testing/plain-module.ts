import type { Crypto } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { type Medium, RamMedium } from '../medium/index.ts'
import { Module } from '../module.ts'
import { layOutPlain, makeCardProof, makePlain, type PlainParts } from '../profile/index.ts'
import { fixtureTime } from './fixture.ts'

export interface PlainFixture {
  readonly medium: RamMedium
  readonly module: Module
  readonly serial: Uint8Array
  /** DER of the root above the CA in the module. */
  readonly root: Uint8Array
  /** A module powered from this medium, e.g. a snapshot or a fault medium over it. */
  power(medium?: Medium): Module
}

/** A plain GlobalPlatform module as `sealwright module new` makes it; a test module with the factory keys unless other keys are given. */
export function plainModule(
  options: { readonly crypto: Crypto; readonly seed?: string } & Partial<PlainParts>,
): PlainFixture {
  const { crypto, seed = 'plain', ...given } = options
  const entropy = scriptedEntropy(`${seed} making`)
  const serial = given.serial ?? Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  const year = 365 * 86_400
  const validity = { notBefore: fixtureTime - year, notAfter: fixtureTime + year }
  const { proof, root } = makeCardProof({ crypto, entropy }, serial, validity)
  const parts: PlainParts = {
    ...{ serial, issuer: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1), keys: 'test', proof },
    ...given,
  }
  const { geometry, rom } = layOutPlain(parts)
  const medium = new RamMedium(geometry, rom)
  makePlain(medium, crypto, parts)
  const power = (from: Medium = medium): Module =>
    new Module({
      medium: from,
      crypto,
      entropy: scriptedEntropy(`${seed} power`),
      report: (error) => {
        throw error
      },
    })
  return { medium, module: power(), serial, root, power }
}
