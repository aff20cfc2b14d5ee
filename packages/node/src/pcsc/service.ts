import { connect, type Socket } from 'node:net'
import { concat } from '@sealwright/core/bytes'
import { type ErrorCode, PeerError, StateError } from '@sealwright/core/errors'
import { resetByAnother, resultError, serviceStopped, sharingViolation, success } from './results.ts'
import {
  dispositions,
  headerStructure,
  longestAnswer,
  parseReaderStates,
  protocols,
  type ReaderState,
  type RequestName,
  readerPlaces,
  readerStructure,
  requests,
  type Structure,
  shareModes,
  structures,
  systemScope,
} from './structures.ts'

export interface PcscOptions {
  /** pcscd's socket; what PCSCLITE_CSOCK_NAME names, or the usual place, when absent. */
  readonly socket?: string
  /** Milliseconds for pcscd to answer what does not depend on a card; 10,000 when absent. */
  readonly patienceMs?: number
}

export interface ConnectedCard {
  readonly handle: number
  readonly protocol: number
}

const usualSocket = '/run/pcscd/pcscd.comm'
const major = 4
/** The oldest minor version that has all that is used here; every newer one so far has it in the same form. */
const oldestMinor = 4
const newestMinor = 6

/** A connection to pcscd, pcsc-lite's service, over its own socket: what libpcsclite does, without native code. */
export class PcscService {
  readonly #socket: Socket
  readonly #patienceMs: number
  #version = ''
  #context = 0
  #bytes: Uint8Array[] = []
  #length = 0
  #waiting:
    | { length: number; done: (bytes: Uint8Array) => void; failed: (error: unknown) => void }
    | undefined
  #failure: StateError | PeerError | undefined
  /** Requests go one after another. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(socket: Socket, patienceMs: number) {
    this.#socket = socket
    this.#patienceMs = patienceMs
    socket.on('data', (chunk: Buffer) => {
      this.#bytes.push(chunk)
      this.#length += chunk.length
      this.#deliver()
    })
    socket.on('error', (cause) => this.#fail(lost('the connection to pcscd broke', cause)))
    socket.on('close', () => this.#fail(lost('pcscd has ended, or closed the connection')))
  }

  /** Throws StateError `pcsc-missing`, `pcsc-denied`, or PeerError where something else listens there. */
  static async open({ socket, patienceMs = 10_000 }: PcscOptions = {}): Promise<PcscService> {
    const path = socket ?? process.env['PCSCLITE_CSOCK_NAME'] ?? usualSocket
    if (process.platform === 'win32' || process.platform === 'darwin') {
      throw new StateError("PC/SC is reached through pcscd, which this system's own service is not", {
        code: 'pcsc-missing',
      })
    }
    const service = new PcscService(await opened(path), patienceMs)
    try {
      await service.#begin()
    } catch (error) {
      service.#socket.destroy()
      throw error
    }
    return service
  }

  /** Version of the protocol that both sides speak: `4:4`. */
  get version(): string {
    return this.#version
  }

  async readers(): Promise<ReaderState[]> {
    return parseReaderStates(
      await this.#inTurn(async () => {
        this.#send('readerStates', new Uint8Array(0))
        return this.#receive(readerPlaces * readerStructure.length, this.#patienceMs)
      }),
    )
  }

  /**
   * Connects in shared mode: with T=1 if the card speaks it.
   * While another program holds a transaction pcscd keeps this one waiting; after the patience it is StateError `card-in-use`.
   */
  async connect(reader: ReaderState): Promise<ConnectedCard> {
    const { card, protocol } = await this.#ask(
      'connect',
      reader.name,
      {
        context: this.#context,
        reader: reader.nameBytes,
        shareMode: shareModes.shared,
        protocols: protocols.T0 | protocols.T1,
        card: 0,
        protocol: 0,
        result: 0,
      },
      inUse(reader.name),
    )
    return { handle: card, protocol }
  }

  /** Resets the card, which this program holds; returns the protocol that it speaks now. */
  async reset(reader: ReaderState, card: number): Promise<number> {
    const { result, protocol } = await this.#reconnect(card, dispositions.reset)
    if (result !== success) throw resultError(reader.name, result)
    return protocol
  }

  /**
   * Keeps other programs from the card until `endTransaction`. While another has it pcscd says so again and again, and when that one has
   * reset the card this one must first take note; StateError `card-in-use` after the patience.
   */
  async beginTransaction(reader: ReaderState, card: number): Promise<void> {
    const limit = performance.now() + this.#patienceMs
    for (;;) {
      const { result } = await this.#exchange('beginTransaction', { card, result: 0 })
      if (result === success) return
      if (result === resetByAnother) await this.#reconnect(card, dispositions.leave)
      else if (result !== sharingViolation) throw resultError(reader.name, result)
      if (performance.now() > limit) throw inUse(reader.name)
      await new Promise((done) => setTimeout(done, retryMs))
    }
  }

  /** Lets other programs at the card, which is reset before. */
  async endTransaction(reader: ReaderState, card: number): Promise<void> {
    await this.#ask('endTransaction', reader.name, { card, disposition: dispositions.reset, result: 0 })
  }

  async disconnect(reader: ReaderState, card: number): Promise<void> {
    await this.#ask('disconnect', reader.name, { card, disposition: dispositions.leave, result: 0 })
  }

  /** One APDU, however long the card works on it. Returns the answer, or the result of pcscd that says why there is none. */
  transmit({ handle, protocol }: ConnectedCard, command: Uint8Array): Promise<Uint8Array | number> {
    return this.#inTurn(async () => {
      this.#send(
        'transmit',
        structures.transmit.serialize({
          card: handle,
          sendProtocol: protocol,
          sendPciLength: pciLength,
          sendLength: command.length,
          receiveProtocol: protocol,
          receivePciLength: pciLength,
          receiveLength: longestAnswer,
          result: 0,
        }),
        command,
      )
      const { result, receiveLength } = structures.transmit.parse(
        await this.#receive(structures.transmit.length),
      )
      if (result !== success) return result
      if (receiveLength > longestAnswer) {
        throw this.#fail(new PeerError(`pcscd announced an answer of ${receiveLength} bytes`))
      }
      return this.#receive(receiveLength)
    })
  }

  /** Ends the connection; pcscd gives back whatever was left open, and resets a card that was held. */
  async close(): Promise<void> {
    await new Promise<void>((done) => {
      if (this.#socket.closed) return done()
      this.#socket.once('close', () => done())
      this.#socket.destroy()
    })
  }

  #reconnect(card: number, initialization: number): Promise<ValuesOf<'reconnect'>> {
    return this.#exchange('reconnect', {
      card,
      shareMode: shareModes.shared,
      protocols: protocols.T0 | protocols.T1,
      initialization,
      protocol: 0,
      result: 0,
    })
  }

  async #begin(): Promise<void> {
    await this.#agree(oldestMinor)
    const { context } = await this.#ask('establishContext', 'pcscd', {
      scope: systemScope,
      context: 0,
      result: 0,
    })
    this.#context = context
  }

  /** Offers a version; a service of before the end of 2025 takes its own only, and says which that is. */
  async #agree(minor: number): Promise<void> {
    const answer = await this.#exchange('version', { major, minor, result: 0 }).catch((error) => {
      if (!(error instanceof StateError) || error.code !== 'pcsc-lost') throw error
      throw new StateError('pcscd closes the connection at once: it may not let this user in (polkit)', {
        code: 'pcsc-denied',
        cause: error,
      })
    })
    this.#version = `${major}:${minor}`
    if (answer.result === success) return
    const speaks = `${answer.major}:${answer.minor}`
    const known = answer.major === major && answer.minor > oldestMinor && answer.minor <= newestMinor
    if (answer.result !== serviceStopped || minor !== oldestMinor || !known) {
      throw new PeerError(
        `pcscd speaks version ${speaks} of its protocol, expected ${major}:${oldestMinor} to ${major}:${newestMinor}`,
      )
    }
    await this.#agree(answer.minor)
  }

  async #ask<N extends keyof Structures, V extends { readonly result: number } & ValuesOf<N>>(
    name: N,
    where: string,
    values: V,
    tooLate?: StateError,
  ): Promise<ValuesOf<N>> {
    const answer = await this.#exchange(name, values, tooLate)
    if (answer.result !== success) throw resultError(where, answer.result)
    return answer
  }

  #exchange<N extends keyof Structures>(
    name: N,
    values: ValuesOf<N>,
    tooLate?: StateError,
  ): Promise<ValuesOf<N>> {
    const structure = structures[name] as unknown as Structure<ValuesOf<N>>
    return this.#inTurn(async () => {
      this.#send(name, structure.serialize(values))
      return structure.parse(await this.#receive(structure.length, this.#patienceMs, tooLate))
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => {})
    return mine
  }

  /** One buffer: the header, the structure, the APDU. */
  #send(name: RequestName, body: Uint8Array, apdu: Uint8Array = new Uint8Array(0)): void {
    if (this.#length > 0) this.#fail(new PeerError('pcscd sent what nobody asked for'))
    if (this.#failure !== undefined) throw this.#failure
    const header = headerStructure.serialize({ size: body.length, request: requests[name] })
    this.#socket.write(concat(header, body, apdu))
  }

  /** @param patienceMs after which the connection is given up: what comes later could be taken for the answer to something else */
  #receive(length: number, patienceMs?: number, tooLate?: StateError): Promise<Uint8Array> {
    return new Promise((done, failed) => {
      const timer =
        patienceMs === undefined
          ? undefined
          : setTimeout(() => {
              this.#fail(tooLate ?? new StateError('pcscd does not answer', { code: 'pcsc-lost' }))
              this.#socket.destroy()
            }, patienceMs)
      this.#waiting = {
        length,
        done(bytes) {
          clearTimeout(timer)
          done(bytes)
        },
        failed(error) {
          clearTimeout(timer)
          failed(error)
        },
      }
      this.#deliver()
    })
  }

  #deliver(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    if (this.#length >= waiting.length) {
      const bytes = this.#bytes.length === 1 ? this.#bytes[0]! : concat(...this.#bytes)
      const rest = bytes.subarray(waiting.length)
      this.#bytes = rest.length === 0 ? [] : [rest]
      this.#length = rest.length
      this.#waiting = undefined
      waiting.done(new Uint8Array(bytes.subarray(0, waiting.length)))
    } else if (this.#failure !== undefined) {
      this.#waiting = undefined
      waiting.failed(this.#failure)
    }
  }

  /** The first failure is the one that is told; all later requests get it too. */
  #fail(error: StateError | PeerError): StateError | PeerError {
    this.#failure ??= error
    this.#deliver()
    return this.#failure
  }
}

type Structures = typeof structures
type ValuesOf<N extends keyof Structures> = ReturnType<Structures[N]['parse']>

function opened(path: string): Promise<Socket> {
  return new Promise((done, failed) => {
    const socket = connect({ path }, () => done(socket))
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      const [code, text]: [ErrorCode, string] =
        cause.code === 'EACCES' || cause.code === 'EPERM'
          ? ['pcsc-denied', `this user may not use ${path}`]
          : ['pcsc-missing', `no pcscd at ${path}`]
      failed(new StateError(text, { code, cause }))
    })
  })
}

function inUse(reader: string): StateError {
  return new StateError(`${reader}: another program holds the card`, { code: 'card-in-use' })
}

function lost(message: string, cause?: unknown): StateError {
  return new StateError(message, { code: 'pcsc-lost', cause })
}

const retryMs = 20
/** Length of SCARD_IO_REQUEST on a machine of 64 bits; pcscd hands it through. */
const pciLength = 16
