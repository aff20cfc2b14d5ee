import type { Response } from '@sealwright/core/apdu'
import type { SupplierForm } from '@sealwright/core/catalog'
import type { Transport } from '@sealwright/core/ports'
import type { CheckedActivation } from '@sealwright/core/resources'
import { type Channel, endChannel, plain } from '../channel/index.ts'
import { readHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { keptActivation, openResource, readIssuer } from './resource.ts'

export interface RunInput {
  /** AID of the application; may be left out where the supplier has one resource in the module. */
  readonly aid?: Uint8Array
  /** How both ends prove themselves and agree on keys; SCP11a unless given. */
  readonly form?: SupplierForm
}

/** The application as its supplier reaches it. */
export interface Application {
  readonly activation: CheckedActivation
  /** One command of the application, in the supplier's channel; data and status word. */
  command(
    ins: number,
    data?: Uint8Array,
    parameters?: { readonly p1?: number; readonly p2?: number },
  ): Promise<Response>
}

/** Selects the application, opens the supplier's channel with it, works, and ends both. */
export async function run<T>(
  ports: PartyPorts,
  transport: Transport,
  { aid, form }: RunInput,
  work: (application: Application) => Promise<T>,
): Promise<T> {
  await endChannel(transport)
  const open = plain(transport)
  const { serial } = await readHead(open)
  const activation = await keptActivation(ports, serial, aid)
  const issuer = await readIssuer(transport)
  await open.send('SELECT', { p1: 0x04, data: activation.reservation.aid })
  try {
    const channel = await openResource(ports, transport, activation, issuer, form)
    try {
      return await work({ activation, command: commandIn(channel) })
    } finally {
      channel.close()
    }
  } finally {
    await endChannel(transport)
  }
}

function commandIn(channel: Channel): Application['command'] {
  return (ins, data = new Uint8Array(0), { p1 = 0, p2 = 0 } = {}) =>
    channel.exchange({ name: `application ${ins.toString(16).toUpperCase()}`, ins }, { p1, p2, data })
}
