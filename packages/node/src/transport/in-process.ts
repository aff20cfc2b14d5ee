import { StateError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'

/** A module in this process; closing resets it, as pulling a card does, and it is not reached any more. */
export function inProcess(module: {
  transmit(command: Uint8Array): Uint8Array | Promise<Uint8Array>
  reset(): void
}): Transport {
  let isOpen = true
  return {
    direct: true,
    async transmit(command) {
      if (!isOpen) throw new StateError('the connection was closed', { code: 'transport-failed' })
      return module.transmit(command)
    },
    async close() {
      if (isOpen) module.reset()
      isOpen = false
    },
  }
}
