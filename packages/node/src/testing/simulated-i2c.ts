import { concat } from '@sealwright/core/bytes'
import { chance, LineNoise, type NoiseRates } from '@sealwright/core/testing'
import type { ByteListener, ByteStream, I2cBus } from '../transport/index.ts'

export interface SimulatedI2cOptions {
  readonly address?: number
  readonly seed?: number
  /** How often the device does not acknowledge its address, from 0 to 1. */
  readonly notReady?: number
  /** How often it stretches the clock, and for how long. */
  readonly stretch?: number
  readonly stretchMs?: number
  readonly noise?: NoiseRates
}

/** A bus with one module on it: both ends, in this process. */
export interface SimulatedI2c {
  readonly bus: I2cBus
  readonly address: number
  readonly module: ByteStream
  /** The module is taken from the bus: nobody acknowledges its address. */
  remove(): void
  readonly counts: { transactions: number; notAcknowledged: number; stretched: number; longest: number }
}

export function simulatedI2c(options: SimulatedI2cOptions = {}): SimulatedI2c {
  const { address = 0x48, seed = 1, notReady = 0, stretch = 0, stretchMs = 2, noise = {} } = options
  const random = chance(seed)
  const up = new LineNoise(2 * seed, noise)
  const down = new LineNoise(2 * seed + 1, noise)
  const counts = { transactions: 0, notAcknowledged: 0, stretched: 0, longest: 0 }
  let listener: ByteListener | undefined
  let outgoing: Uint8Array = new Uint8Array(0)
  let isThere = true
  let busy = false

  const acknowledges = async (asked: number): Promise<boolean> => {
    if (busy) throw new Error('two transactions at once on one bus')
    busy = true
    counts.transactions++
    if (random() < stretch) {
      counts.stretched++
      await new Promise((done) => setTimeout(done, stretchMs))
    } else await new Promise((done) => setImmediate(done))
    busy = false
    if (asked === address && isThere && random() >= notReady) return true
    counts.notAcknowledged++
    return false
  }
  return {
    ...{ address, counts },
    bus: {
      async write(asked, bytes) {
        if (!(await acknowledges(asked))) return 'not-acknowledged'
        counts.longest = Math.max(counts.longest, bytes.length)
        const came = concat(...up.pass(bytes).map((piece) => piece.bytes))
        if (came.length > 0) listener?.bytes(came)
        return 'acknowledged'
      },
      async read(asked, most) {
        if (!(await acknowledges(asked))) return 'not-acknowledged'
        const said = outgoing.subarray(0, most)
        outgoing = outgoing.slice(said.length)
        counts.longest = Math.max(counts.longest, said.length)
        return concat(...down.pass(said).map((piece) => piece.bytes))
      },
    },
    module: {
      name: 'I2C bus',
      direct: true,
      listen: (one) => {
        listener = one
      },
      write: (bytes) => {
        outgoing = concat(outgoing, bytes)
      },
      close: async () => {
        listener = undefined
      },
    },
    remove: () => {
      isThere = false
    },
  }
}
