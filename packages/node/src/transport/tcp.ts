import { connect, createServer, type Server, type Socket } from 'node:net'
import { concat, u32 } from '@sealwright/core/bytes'
import { PeerError, StateError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'

/** Frames on the wire: length(4) ‖ APDU, both ways. Longer ones are a PeerError. */
const longestFrame = 0x1_0010

/** A module behind a TCP port. The line itself protects nothing: open a channel on it. */
export async function connectTcp(host: string, port: number): Promise<Transport> {
  const socket = await new Promise<Socket>((done, failed) => {
    const opening = connect({ host, port, noDelay: true }, () => done(opening))
    opening.once('error', (cause) => failed(lost(`no connection to ${host}:${port}`, cause)))
  })
  const frames = new Frames(socket)
  return {
    async transmit(command) {
      frames.send(command)
      return frames.next()
    },
    async close() {
      await new Promise<void>((done) => {
        if (socket.destroyed) return done()
        socket.once('close', () => done())
        socket.end()
      })
    },
  }
}

export interface TcpListener {
  readonly port: number
  close(): Promise<void>
}

/** Serves a module on a TCP port (0: any free one), one connection at a time; each begins with a fresh module. */
export async function listenTcp(
  open: () => Transport | Promise<Transport>,
  { port = 0, host = '127.0.0.1' }: { readonly port?: number; readonly host?: string } = {},
): Promise<TcpListener> {
  let busy = false
  const sockets = new Set<Socket>()
  const server: Server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    if (busy) return void socket.destroy()
    busy = true
    sockets.add(socket)
    serve(socket, open)
      .catch(() => {})
      .finally(() => {
        busy = false
        sockets.delete(socket)
        socket.destroy()
      })
  })
  await new Promise<void>((done, failed) => {
    server.once('error', (cause) => failed(lost(`no listening on port ${port}`, cause)))
    server.listen(port, host, done)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

async function serve(socket: Socket, open: () => Transport | Promise<Transport>): Promise<void> {
  const transport = await open()
  const frames = new Frames(socket)
  try {
    for (;;) frames.send(await transport.transmit(await frames.next()))
  } finally {
    await transport.close()
  }
}

/** Cuts the stream of a socket into frames; at most one reader waits. */
class Frames {
  readonly #socket: Socket
  #bytes: Uint8Array = new Uint8Array(0)
  #waiting: { done: (frame: Uint8Array) => void; failed: (error: Error) => void } | undefined
  #failure: Error | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = concat(this.#bytes, chunk)
      this.#deliver()
    })
    socket.on('error', (cause) => this.#fail(lost('the connection broke', cause)))
    socket.on('close', () => this.#fail(lost('the connection was closed')))
  }

  send(frame: Uint8Array): void {
    this.#socket.write(concat(u32(frame.length), frame))
  }

  next(): Promise<Uint8Array> {
    return new Promise((done, failed) => {
      this.#waiting = { done, failed }
      this.#deliver()
    })
  }

  #deliver(): void {
    if (this.#waiting === undefined) return
    const length = this.#bytes.length < 4 ? undefined : new DataView(this.#bytes.buffer).getUint32(0)
    if (length !== undefined && length > longestFrame) {
      this.#fail(new PeerError(`expected a frame of at most ${longestFrame} bytes, got ${length}`))
      this.#socket.destroy()
    } else if (length !== undefined && this.#bytes.length >= 4 + length) {
      const { done } = this.#waiting
      this.#waiting = undefined
      const frame = this.#bytes.slice(4, 4 + length)
      this.#bytes = this.#bytes.slice(4 + length)
      done(frame)
    } else if (this.#failure !== undefined) {
      this.#waiting.failed(this.#failure)
      this.#waiting = undefined
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#deliverFailure()
  }

  #deliverFailure(): void {
    this.#waiting?.failed(this.#failure!)
    this.#waiting = undefined
  }
}

function lost(message: string, cause?: unknown): StateError {
  return new StateError(message, { code: 'transport-failed', cause })
}
