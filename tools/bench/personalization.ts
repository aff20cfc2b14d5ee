import { keyPlaces } from '@sealwright/core/catalog'
import { prepareCertificateRequest } from '@sealwright/core/personalization'
import { fixedClock } from '@sealwright/core/testing'
import { Module } from '@sealwright/module'
import { RamMedium } from '@sealwright/module/medium'
import { customizedModule, fixtureCertificate, fixtureTime } from '@sealwright/module/testing'
import { nodeEntropy } from '@sealwright/node/crypto'
import { inProcess } from '@sealwright/node/transport'
import { memoryPorts } from '@sealwright/roles/ports'
import { initKey, personalize } from '@sealwright/roles/unit'
import type { Flow } from './measure.ts'

/** A whole personalization on the desk: the unit's verb against a module that awaits it. Power-up comes before, not measured. */
export const personalization: Flow<Module> = {
  name: 'personalization',
  text: "the unit's whole step: identity, SCP11b, BEGIN, certificates, COMPLETE, receipt, log entry; both ends",
  operations: 12,
  async setUp(crypto) {
    const { medium, manufacturer, serial } = customizedModule({ crypto })
    const snapshot = medium.snapshot()
    const world = { clock: fixedClock(fixtureTime), entropy: nodeEntropy, crypto }
    const centralPorts = await memoryPorts('central', world)
    const point = await centralPorts.vault.createPair('session')
    const request = prepareCertificateRequest({ role: 'central-system', name: 'central', point }, crypto)
    const central = request.finish(await centralPorts.vault.sign('session', request.toBeSigned))
    const ports = await memoryPorts('unit', world)
    const unit = fixtureCertificate(
      crypto,
      {
        role: 'unit',
        subject: { commonName: 'unit' },
        publicPoint: await initKey(ports),
        customer: new Uint8Array(16).fill(7),
        issuer: manufacturer.certificate,
      },
      manufacturer.key,
    )
    const input = { serial, unit: unit.encoded, root: manufacturer.certificate.encoded, central }
    return {
      async before() {
        for (const name of await ports.store.list()) {
          if (!name.startsWith('central/')) await ports.store.remove(name)
        }
        const module = new Module({ medium: RamMedium.from(snapshot), crypto, entropy: nodeEntropy })
        // The prepared identity key stays in a module that is in use.
        module.parts.keys.pair(keyPlaces.identity)
        return module
      },
      async run(module) {
        await personalize(ports, inProcess(module), input)
      },
    }
  },
}
