import type { Transport } from '@sealwright/core/ports'

/** A module in this process; closing resets it, as pulling a card does. */
export function inProcess(module: { transmit(command: Uint8Array): Uint8Array; reset(): void }): Transport {
  return {
    direct: true,
    transmit: async (command) => module.transmit(command),
    close: async () => module.reset(),
  }
}
