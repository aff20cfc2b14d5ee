import { encodeHex } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { prepareActivation } from '@sealwright/core/resources'
import type { PartyPorts } from '../ports/index.ts'
import { ownCertificate } from '../trust/index.ts'
import { operatorKey } from './key.ts'
import { findResource, operate, operatorStep } from './operate.ts'
import type { ResourceRecord } from './records.ts'

export interface Activated {
  readonly serial: Uint8Array
  readonly resource: ResourceRecord
  /** The file for the supplier. */
  readonly activation: Uint8Array
  readonly entries: readonly LogEntry[]
}

/**
 * Makes a reserved resource usable and the document for its supplier (ACT): the module's certificates, the resource's identification,
 * reservation and release with the module's receipts, the operator's own certificate. Again: the same document.
 */
export async function activate(
  ports: PartyPorts,
  transport: Transport,
  { resource: id }: { readonly resource: number },
): Promise<Activated> {
  const { crypto, store, vault } = ports
  const operator = await ownCertificate(ports)
  const {
    result: resource,
    module,
    entries,
  } = await operatorStep(ports, transport, {
    name: 'operator activate',
    done(record) {
      const found = findResource(record, id)
      if (found.state === 'active') return found
      if (found.state !== 'reserved') throw new StateError(`resource ${id} is ${found.state}`)
      return undefined
    },
    run: (work) => operate(ports, work, { type: 'release', resource: id }),
  })
  const { serial, operating, unit } = module
  const file = `activations/${encodeHex(serial).toLowerCase()}-${encodeHex(crypto.sha256(resource.reservation).slice(0, 8)).toLowerCase()}`
  const stored = await store.read(file)
  if (stored !== undefined) return { serial, resource, activation: stored, entries }
  const { reservation, reserved, release, released } = resource
  if (release === undefined || released === undefined)
    throw new StateError(`resource ${id} was never released`)
  const unsigned = prepareActivation(
    {
      ...{ module: serial, resource: id, operating: operating.encoded, unit: unit.encoded },
      ...{ reservation, reserved, release, released, operator: operator.encoded },
    },
    await vault.publicPoint(operatorKey),
    crypto,
  )
  const activation = unsigned.finish(await vault.sign(operatorKey, unsigned.toBeSigned))
  await store.write(file, activation)
  return { serial, resource, activation, entries }
}
