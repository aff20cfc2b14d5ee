import type { Transport } from '@sealwright/core/ports'
import { inProcess } from '@sealwright/node/transport'
import type { PartyPorts } from '@sealwright/roles/ports'
import { personalize } from '@sealwright/roles/unit'
import { serials } from '../../packages/node/test/life/stage.ts'
import { lifeUpTo, powered } from './lives.ts'
import type { Flow } from './measure.ts'

interface Desk {
  readonly ports: PartyPorts
  readonly module: Transport
}

const chip = 'terminal'

/** A whole personalization on the desk: the unit's verb against a module that awaits it. Power-up comes before, not measured. */
export const personalization: Flow<Desk> = {
  name: 'personalization',
  text: "the unit's whole step: identity, SCP11b, BEGIN, certificates, COMPLETE, receipt, log entry; both ends",
  operations: 20,
  async setUp(crypto) {
    const life = await lifeUpTo(crypto, `personalize ${chip}`)
    return {
      // Each time the same module fresh from the factory, and a unit that has no memory of it.
      async before() {
        const own = life.clone()
        return { ports: await own.party('unit'), module: inProcess(powered(own, chip)) }
      },
      async run({ ports, module }) {
        await personalize(ports, module, {
          serial: serials[chip],
          unit: life.file('unit'),
          root: life.file('root'),
          central: life.file('central'),
          centralFingerprint: life.file('central.fingerprint'),
        })
      },
    }
  },
}
