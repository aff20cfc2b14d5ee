import { decodeHex, equal } from '@sealwright/core/bytes'
import { SealwrightError } from '@sealwright/core/errors'
import { parseKeySet, type Scp03KeyBytes, testOnlyScp03Key } from '@sealwright/core/globalplatform'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import type { Medium } from '@sealwright/module/medium'
import { fixtureTime, plainModule, type Scenario, transportTo } from '@sealwright/module/testing'
import {
  type CardPorts,
  createDomain,
  type DomainSession,
  openScp03Session,
  putKeys,
  readRegistry,
  selectDomain,
} from '@sealwright/roles/globalplatform'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'

export const ports: CardPorts = {
  crypto,
  entropy: scriptedEntropy('host'),
  clock: { now: () => fixtureTime },
  progress: () => {},
}
export const testKeys = () => parseKeySet(testOnlyScp03Key())
export const set = (fill: number, length = 16): Scp03KeyBytes => {
  const key = (add: number) => crypto.sha256(Uint8Array.of(fill, add)).slice(0, length)
  return { enc: key(0), mac: key(1), dek: key(2) }
}
export const domainAid = decodeHex('A00000015153504102')

export async function scp03(
  transport: Transport,
  keys: () => Scp03KeyBytes = testKeys,
  keyVersion = 0,
  aid?: Uint8Array,
): Promise<DomainSession> {
  await selectDomain(transport, aid)
  return openScp03Session(transport, ports, { keys, keyVersion, level: 'best' })
}

export function put(transport: Transport, keys = testKeys, newKeys = () => set(1), newKeyVersion?: number) {
  return putKeys(transport, ports, {
    newKeys,
    openSession: () => scp03(transport, keys),
    ...(newKeyVersion !== undefined && { newKeyVersion }),
  })
}

export async function opensWith(transport: Transport, keys: () => Scp03KeyBytes): Promise<boolean> {
  try {
    const session = await scp03(transport, keys)
    session.close()
    return true
  } catch (error) {
    if (error instanceof SealwrightError && error.code === 'card-keys-differ') return false
    throw error
  }
}

function scenarioOf(
  name: string,
  work: (transport: Transport) => Promise<unknown>,
  done: (transport: Transport) => Promise<boolean>,
): Scenario {
  const made = plainModule({ crypto })
  const power = (medium: Medium) => transportTo(made.power(medium))
  return {
    name,
    // A run after the cut ends it, whatever the cut left.
    repeatable: true,
    prepare: () => made.medium.snapshot(),
    async run(medium) {
      await work(power(medium))
    },
    check: async (medium) => ((await done(power(medium))) ? 'new' : 'old'),
  }
}

/** What the host changes in a card, for cuts of the power at every write. */
export const powerScenarios: readonly Scenario[] = [
  scenarioOf(
    'put-keys',
    (transport) => put(transport),
    (transport) => opensWith(transport, () => set(1)),
  ),
  scenarioOf(
    'domain',
    async (transport) => createDomain(await scp03(transport), { aid: domainAid }),
    async (transport) => {
      const { domains } = await readRegistry(await scp03(transport))
      return domains.some(({ aid }) => equal(aid, domainAid))
    },
  ),
]
