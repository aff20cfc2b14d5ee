import type { Transport } from '@sealwright/core/ports'
import { exchangeBytes, type LineSettings, lineMs, resetBytes } from '@sealwright/core/t1'

/** A transport that is as fast as the one below, and tells how long the same conversation would take on a serial line with T=1. */
export interface LineClock extends Transport {
  readonly apdus: number
  /** Bytes on the line, both directions, with the reset at either end. */
  readonly bytes: number
  /** Milliseconds for these bytes alone, at a speed in baud. */
  ms(baud: number): number
}

export function lineClock(below: Transport, settings: Partial<LineSettings> = {}): LineClock {
  let apdus = 0
  let bytes = 2 * resetBytes(settings)
  return {
    direct: below.direct,
    async transmit(command) {
      const answer = await below.transmit(command)
      apdus++
      bytes += exchangeBytes(command.length, answer.length, settings)
      return answer
    },
    close: () => below.close(),
    get apdus() {
      return apdus
    },
    get bytes() {
      return bytes
    },
    ms: (baud) => lineMs(bytes, baud),
  }
}
