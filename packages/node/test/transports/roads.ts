import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { LineSettings } from '@sealwright/core/t1'
import type { NoiseRates } from '@sealwright/core/testing'
import { PtyLine, simulatedI2c, streamPair } from '../../src/testing/index.ts'
import {
  type CardOnLine,
  connectTcp,
  i2cStream,
  inProcess,
  listenTcp,
  openLine,
  openSerialPort,
  serialSettings,
  serveLine,
} from '../../src/transport/index.ts'
import type { LaidRoad, Road } from './conformance.ts'

const longestExtended = 0x1_0009
/** Short, for a line in this machine; but no shorter than a busy machine makes others wait. */
const quick: Partial<LineSettings> = { blockMs: 250, characterMs: 60, attempts: 8 }

export const inThisProcess: Road = {
  name: 'in process',
  longest: longestExtended,
  second: 'impossible',
  breaks: 'nothing',
  lay: async (card) => ({ connect: async () => inProcess(card), end: async () => {} }),
}

export const tcp: Road = {
  name: 'TCP',
  longest: longestExtended,
  second: 'turned away',
  breaks: 'at a byte',
  async lay(card) {
    const open = () => ({
      transmit: async (command: Uint8Array) => card.transmit(command),
      close: async () => card.reset(),
    })
    const listener = await listenTcp(open)
    const cable = await Cable.lay(listener.port)
    return {
      connect: () => connectTcp('127.0.0.1', cable.port),
      cut: async () => cable.cut(),
      cutAfter: async (bytes) => cable.cutAfter(bytes),
      bytesToHost: () => cable.bytesToHost,
      async end() {
        await cable.end()
        await listener.close()
      },
    }
  },
}

/** A TCP connection through a place where it can be cut. */
class Cable {
  bytesToHost = 0
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #left = Infinity

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as { port: number }).port
  }

  static async lay(port: number): Promise<Cable> {
    const server = createServer({ noDelay: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const cable = new Cable(server)
    server.on('connection', (host) => cable.#join(host, connect({ host: '127.0.0.1', port, noDelay: true })))
    return cable
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  cutAfter(bytes: number): void {
    this.#left = bytes
  }

  async end(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(host: Socket, module: Socket): void {
    this.#left = Infinity
    for (const [socket, other] of [
      [host, module],
      [module, host],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    host.on('data', (bytes: Buffer) => module.write(bytes))
    module.on('data', (bytes: Buffer) => {
      const room = bytes.subarray(0, Math.max(0, this.#left))
      this.#left -= bytes.length
      this.bytesToHost += room.length
      host.write(room)
      if (this.#left <= 0) host.end()
    })
  }
}

/** Two ends of a byte stream in this process. */
export function anyByteStream(name: string, noise: NoiseRates = {}, settings = quick): Road {
  return {
    name,
    longest: longestExtended,
    second: 'impossible',
    breaks: 'at a byte',
    lay: (card) =>
      mendable(card, settings, async () => {
        const pair = streamPair({ noise, seed: 5 })
        return {
          ...{ module: pair.module, connect: () => openLine(pair.openHost(), settings) },
          cut: async () => pair.cut(),
          breakAfter: (bytes) => pair.breakAfter(bytes),
          bytesToHost: pair.bytesToHost,
          end: async () => {},
        }
      }),
  }
}

export const i2c: Road = {
  name: 'simulated I2C, not always ready, clock stretched',
  longest: longestExtended,
  second: 'impossible',
  breaks: 'whole',
  lay: (card) =>
    mendable(card, quick, async () => {
      const line = simulatedI2c({ notReady: 0.05, stretch: 0.01, stretchMs: 3, seed: 3 })
      return {
        module: line.module,
        connect: () => openLine(i2cStream({ bus: line.bus, address: line.address, patienceMs: 300 }), quick),
        cut: async () => line.remove(),
        end: async () => {},
      }
    }),
}

/** A serial line over real ttys. */
export function serial(name: string, noise: NoiseRates = {}, settings = quick): Road {
  return {
    name,
    longest: longestExtended,
    second: 'turned away',
    breaks: 'at a byte',
    lay: (card) =>
      mendable(card, settings, async () => {
        const line = await PtyLine.open({ noise, seed: 11 })
        return {
          module: await openSerialPort(line.modulePath),
          connect: async () =>
            openLine(await openSerialPort(line.hostPath), { ...serialSettings(), ...settings }),
          cut: () => line.unplug(),
          breakAfter: (bytes) => line.breakAfter(bytes),
          bytesToHost: () => line.bytesToHost,
          end: () => line.unplug(),
        }
      }),
  }
}

interface Breakable {
  readonly module: Parameters<typeof serveLine>[0]
  readonly connect: LaidRoad['connect']
  readonly cut: () => Promise<void>
  readonly breakAfter?: (bytesToHost: number) => void
  readonly bytesToHost?: () => number
  readonly end: () => Promise<void>
}

/** A line that is laid anew after it was broken, with the same card at its end. */
async function mendable(
  card: CardOnLine,
  settings: Partial<LineSettings>,
  lay: () => Promise<Breakable>,
): Promise<LaidRoad> {
  let line = await lay()
  let isBroken = false
  let stop = new AbortController()
  let served = serveLine(line.module, card, { settings, signal: stop.signal })
  const end = async (): Promise<void> => {
    stop.abort()
    await served
    await line.end()
  }
  const { bytesToHost } = line
  return {
    async connect() {
      if (isBroken) {
        await end()
        line = await lay()
        stop = new AbortController()
        served = serveLine(line.module, card, { settings, signal: stop.signal })
        isBroken = false
      }
      return line.connect()
    },
    async cut() {
      isBroken = true
      await line.cut()
    },
    ...(bytesToHost === undefined
      ? {}
      : {
          cutAfter: async (bytes: number) => {
            isBroken = true
            line.breakAfter?.(bytes)
          },
          bytesToHost: () => line.bytesToHost!(),
        }),
    end,
  }
}
