import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type CardOnLine, listReaders, openReader } from '../../src/transport/index.ts'
import { insertCard } from '../../src/vpcd/index.ts'
import { needReaders, Readers, readerName, tellWhyNoReaders } from '../readers/index.ts'
import { conformance, type LaidRoad } from './conformance.ts'

const missing = tellWhyNoReaders(import.meta.url)
const relay = fileURLToPath(new URL('vpcd-relay.ts', import.meta.url))
const vpcdPort = 35_963

test('readers can be had here, or this is not CI', () => needReaders(missing))

if (missing === undefined) {
  let readers: Readers
  before(async () => {
    readers = await Readers.start()
  })
  after(() => readers?.stop())

  conformance({
    name: 'PC/SC, through pcscd and vpcd',
    // vpcd counts a message in 16 bits.
    longest: 0xffff,
    second: 'turned away',
    breaks: 'whole',
    lay: (card) => inReader(() => readers, card),
  })
}

/** The card stays in this process; its bytes go through a Unix socket to where the readers are. */
async function inReader(readers: () => Readers, card: CardOnLine): Promise<LaidRoad> {
  const path = join(readers().folder, 'card.socket')
  const stop = new AbortController()
  const bridge = await Bridge.open(path)
  const inserted = insertCard(card, { port: bridge.port, signal: stop.signal })
  let carrier: ChildProcess | undefined
  const isEmpty = async (): Promise<boolean> => {
    const all = await listReaders({ socket: readers().socket })
    return all.find(({ name }) => name === readerName())?.card === 'absent'
  }
  const insert = async (): Promise<void> => {
    // pcscd sees a card vanish only when it looks next; until then the reader shows the one before.
    while (!(await isEmpty())) await new Promise((done) => setTimeout(done, 50))
    carrier = readers().spawn(process.execPath, [relay, path, String(vpcdPort)], {
      env: { NODE_OPTIONS: '' },
    })
    await readers().untilSeen(0)
  }
  const remove = async (): Promise<void> => {
    const closed = carrier === undefined ? undefined : once(carrier, 'close')
    carrier?.kill('SIGKILL')
    carrier = undefined
    await closed
  }
  await insert()
  return {
    async connect() {
      if (carrier === undefined) await insert()
      return openReader(readerName(), { socket: readers().socket, patienceMs: 1000 })
    },
    cut: remove,
    async end() {
      stop.abort()
      await remove()
      await inserted
      await bridge.close()
      rmSync(path, { force: true })
    },
  }
}

/** Joins whoever calls on the port with whoever calls on the socket, two at a time. */
class Bridge {
  readonly port: number
  readonly #servers: readonly Server[]
  readonly #sockets: Set<Socket>

  private constructor(port: number, servers: readonly Server[], sockets: Set<Socket>) {
    this.port = port
    this.#servers = servers
    this.#sockets = sockets
  }

  static async open(path: string): Promise<Bridge> {
    const waiting: { card?: Socket | undefined; reader?: Socket | undefined } = {}
    const sockets = new Set<Socket>()
    const serverFor = (side: 'card' | 'reader'): Server =>
      createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
        sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => {
          sockets.delete(socket)
          if (waiting[side] === socket) waiting[side] = undefined
        })
        waiting[side] = socket
        const { card, reader } = waiting
        if (card === undefined || reader === undefined) return
        waiting.card = undefined
        waiting.reader = undefined
        joinEnds(card, reader)
      })
    const [card, reader] = [serverFor('card'), serverFor('reader')]
    card.listen(0, '127.0.0.1')
    reader.listen(path)
    await Promise.all([once(card, 'listening'), once(reader, 'listening')])
    return new Bridge((card.address() as { port: number }).port, [card, reader], sockets)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    for (const server of this.#servers) server.close()
    await Promise.all(this.#servers.map((server) => once(server, 'close')))
  }
}

function joinEnds(card: Socket, reader: Socket): void {
  for (const [one, other] of [
    [card, reader],
    [reader, card],
  ] as const) {
    one.on('data', (bytes) => other.write(bytes))
    one.on('close', () => other.destroy())
    one.resume()
  }
}
