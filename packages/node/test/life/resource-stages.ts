import { ascii, concat, decodeHex } from '@sealwright/core/bytes'
import { RefusedError, SealwrightError, StateError } from '@sealwright/core/errors'
import * as authority from '@sealwright/roles/authority'
import * as operator from '@sealwright/roles/operator'
import * as supplier from '@sealwright/roles/supplier'
import { pinRoot } from '@sealwright/roles/trust'
import type { Life } from './life.ts'
import type { Stage } from './stage.ts'

const { block, deleteResource, release } = operator
const resource = 1

/** Before the factory: the operator's key goes into the phone. */
export const partiesStage: Stage = {
  name: 'certify-parties',
  async run(life) {
    const root = await authority.initAuthority(await life.party('authority'))
    for (const [role, verbs] of [
      ['operator', operator],
      ['supplier', supplier],
    ] as const) {
      const party = await life.party(role)
      const { document, fingerprint, point } = await verbs.key(party, { name: role })
      const certificate = await authority.certify(await life.party('authority'), {
        ...{ role, request: document, fingerprint },
      })
      await pinRoot(party, { certificate: root.encoded })
      await pinRoot(party, { certificate: life.file('root') })
      await verbs.certificate(party, { certificate: certificate.encoded })
      life.exchange.set(`${role}.point`, point)
    }
  },
}

/** A bank's application in the phone, from the request to the deletion. */
export const resourceStages: readonly Stage[] = [
  {
    name: 'request',
    async run(life) {
      const { document } = await supplier.request(await life.party('supplier'), {
        name: 'bank',
        aid: decodeHex('F053570101'),
        size: 24 * 1024,
        interfaces: ['io', 'data', 'random', 'sign', 'clock'],
      })
      life.exchange.set('request', document)
    },
  },
  {
    name: 'reserve',
    chip: 'phone',
    async run(life) {
      await operator.reserve(await life.party('operator'), life.module('phone'), {
        request: life.file('request'),
      })
    },
  },
  {
    name: 'activate',
    chip: 'phone',
    async run(life) {
      const done = await operator.activate(await life.party('operator'), life.module('phone'), { resource })
      life.exchange.set('activation', done.activation)
    },
  },
  {
    name: 'load',
    chip: 'phone',
    restarts: true,
    async run(life) {
      await supplier.load(await life.party('supplier'), life.module('phone'), {
        activation: life.file('activation'),
        program: life.world.programs.bank,
        data: { size: 96 },
      })
    },
  },
  { name: 'run', chip: 'phone', run: useBank },
  order('block', block, refuseBank),
  order('release', release, useBank),
  order('delete', deleteResource, refuseBank),
]

/** @param after what the supplier meets then */
function order(name: string, verb: typeof block, after: (life: Life) => Promise<void>): Stage {
  return {
    name,
    chip: 'phone',
    async run(life) {
      await verb(await life.party('operator'), life.module('phone'), { resource })
    },
    check: after,
  }
}

const storeAccount = concat(
  decodeHex('0000000000002710'),
  Uint8Array.of(10),
  ascii('1234567890'),
  ascii('4711'),
)

/** Stores the account where it is not stored yet, and identifies its holder. */
async function useBank(life: Life): Promise<void> {
  const party = await life.party('supplier')
  await supplier.run(party, life.module('phone'), {}, async ({ command }) => {
    const stored = await command(0x10, storeAccount)
    if (stored.sw !== 0x9000 && stored.sw !== 0x6985) throw new RefusedError(stored.sw, 'account')
    const identified = await command(0x12, ascii('4711'))
    if (identified.sw !== 0x9000) throw new RefusedError(identified.sw, 'PIN')
  })
}

async function refuseBank(life: Life): Promise<void> {
  try {
    await supplier.run(await life.party('supplier'), life.module('phone'), {}, async () => {})
  } catch (error) {
    if (error instanceof SealwrightError) return
    throw error
  }
  throw new StateError('the application still answers')
}
