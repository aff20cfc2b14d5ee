import type { ResourceState } from '@sealwright/core/catalog'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import type { ResourceOrder } from '@sealwright/core/resources'
import type { PartyPorts } from '../ports/index.ts'
import { findResource, operate, operatorStep } from './operate.ts'
import type { ResourceRecord } from './records.ts'

export interface Ordered {
  readonly serial: Uint8Array
  readonly resource: ResourceRecord
  readonly entries: readonly LogEntry[]
}

type Which = { readonly resource: number }

/** Makes a resource unusable, without erasing it: its supplier's key opens nothing any more, its application is gone from sight. */
export function block(ports: PartyPorts, transport: Transport, which: Which): Promise<Ordered> {
  return order(ports, transport, 'block', 'blocked', which)
}

/** Makes a blocked resource usable again, as it was. */
export function release(ports: PartyPorts, transport: Transport, which: Which): Promise<Ordered> {
  return order(ports, transport, 'release', 'active', which)
}

/** Erases a resource: area, definition, key. */
export function deleteResource(ports: PartyPorts, transport: Transport, which: Which): Promise<Ordered> {
  return order(ports, transport, 'deletion', 'deleted', which)
}

async function order(
  ports: PartyPorts,
  transport: Transport,
  type: ResourceOrder['type'],
  after: ResourceState,
  { resource }: Which,
): Promise<Ordered> {
  const { result, module, entries } = await operatorStep(ports, transport, {
    name: `operator ${type === 'deletion' ? 'delete' : type}`,
    done(record) {
      const found = findResource(record, resource)
      return found.state === after ? found : undefined
    },
    run: (work) => operate(ports, work, { type, resource }),
  })
  return { serial: module.serial, resource: result, entries }
}
