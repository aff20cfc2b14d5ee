import type { Transport } from '@sealwright/core/ports'

/** What has passed: commands, their bytes, the bytes of the answers, and pages written to non-volatile memory where that can be told. */
export interface Traffic {
  readonly apdus: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly nvmWrites: number
}

export interface CountingTransport extends Transport {
  traffic(): Traffic
}

/** Counts what passes to another transport. `nvmWrites` reads the count of the memory below, if there is one in reach. */
export function counting(inner: Transport, nvmWrites: () => number = () => 0): CountingTransport {
  let apdus = 0
  let bytesIn = 0
  let bytesOut = 0
  return {
    direct: inner.direct,
    async transmit(command) {
      apdus++
      bytesIn += command.length
      const answer = await inner.transmit(command)
      bytesOut += answer.length
      return answer
    },
    close: () => inner.close(),
    traffic: () => ({ apdus, bytesIn, bytesOut, nvmWrites: nvmWrites() }),
  }
}
