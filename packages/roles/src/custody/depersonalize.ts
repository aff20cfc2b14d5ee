import { encodeHex, equal } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import type { DepersonalizeReceipt } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { plain } from '../channel/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { readHead } from './head.ts'
import { intentFile, moduleStep, pendingIntent } from './step.ts'

/** A module whose file the party keeps, and the hand that is laid on it. */
export interface DepersonalizeByHand {
  /** To ask the module what became of it. */
  readonly transport: Transport
  /** Serial number of the module that is meant, 8 bytes. */
  readonly serial: Uint8Array
  /** Has the module erase what personalization gave it. No APDU does this: only who holds the module's memory. */
  carryOut(): Pick<DepersonalizeReceipt, 'number'>
}

/** Depersonalizes a module by hand and queues the signed entry of it for the log. A run that was broken off is settled by the next. */
export async function depersonalizeByHand(
  ports: PartyPorts,
  { transport, serial, carryOut }: DepersonalizeByHand,
): Promise<{ readonly number: number; readonly entries: readonly LogEntry[] }> {
  const channel = plain(transport)
  const before = await readHead(channel)
  if (!equal(before.serial, serial)) {
    throw new StateError('this is another module than the one that is meant; nothing was erased', {
      code: 'wrong-module',
      details: { ordered: encodeHex(serial), connected: encodeHex(before.serial) },
    })
  }
  // A run that was broken off has left its intent; without one there is nothing to settle.
  const begun = await pendingIntent(ports, intentFile(encodeHex(serial)))
  if (before.state !== 'operating' && begun === undefined) {
    throw new StateError('the module is not personalized')
  }
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'module depersonalize',
    types: ['depersonalized'],
    async settle() {
      const { state, number } = await readHead(channel)
      return state === 'operating' ? undefined : number
    },
    run: async () => carryOut().number,
  })
  return { number: result, entries }
}
