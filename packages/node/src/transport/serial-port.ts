import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { type ErrorCode, StateError, UsageError } from '@sealwright/core/errors'
import type { LineSettings } from '@sealwright/core/t1'
import type { ByteListener, ByteStream } from './byte-stream.ts'

export interface SerialPortOptions {
  /** Bits per second; 115,200 when absent. */
  readonly baud?: number
}

export const defaultBaud = 115_200
/** One start bit, eight bits, one stop bit. */
const bitsPerByte = 10

/** What the speed of a serial line means for T=1. */
export function serialSettings(baud: number = defaultBaud): Partial<LineSettings> {
  return { byteMs: (1000 * bitsPerByte) / baud }
}

/**
 * A serial line: 8 bits, no parity, 1 stop bit, no flow control, raw, and held against every other program until `close`.
 * @param path of any tty, e.g. /dev/ttyUSB0
 */
export async function openSerialPort(
  path: string,
  { baud = defaultBaud }: SerialPortOptions = {},
): Promise<ByteStream> {
  if (!Number.isInteger(baud) || baud < 50 || baud > 4_000_000)
    throw new UsageError(`expected a speed of 50 to 4000000 baud, got ${baud}`)
  requireDevice(path)
  const bindings = await loadBinding()
  let port: BindingPort
  try {
    port = await bindings.autoDetect().open({ path, baudRate: baud, lock: true })
  } catch (error) {
    throw openingError(path, error)
  }
  try {
    // What an earlier program left there belongs to nobody.
    await port.flush()
    return new SerialPort(path, port)
  } catch (error) {
    await port.close()
    throw openingError(path, error)
  }
}

type Bindings = typeof import('@serialport/bindings-cpp')
type BindingPort = Awaited<ReturnType<ReturnType<Bindings['autoDetect']>['open']>>

class SerialPort implements ByteStream {
  readonly name: string
  readonly direct: boolean
  readonly #port: BindingPort
  readonly #watch: NodeJS.Timeout
  #listener: ByteListener | undefined
  #over = false
  #closing: Promise<void> | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(path: string, port: BindingPort) {
    this.name = path
    this.direct = isCable(path)
    this.#port = port
    // A tty that hangs up reads as empty, again and again; only its attributes tell that the device is gone.
    this.#watch = setInterval(() => {
      this.#port.getBaudRate().catch((error: unknown) => this.#end(error))
    }, watchMs)
    this.#watch.unref()
  }

  listen(listener: ByteListener): void {
    this.#listener = listener
    void this.#read()
  }

  write(bytes: Uint8Array): void {
    const copy = Buffer.from(bytes)
    this.#writing = this.#writing
      .then(async () => {
        if (!this.#over) await this.#port.write(copy)
      })
      .catch((error: unknown) => this.#end(error))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#over = true
    clearInterval(this.#watch)
    // A device that is gone cannot be closed either.
    await this.#port.close().catch(() => {})
  }

  async #read(): Promise<void> {
    const buffer = Buffer.alloc(bufferLength)
    try {
      while (!this.#over) {
        const { bytesRead } = await this.#port.read(buffer, 0, buffer.length)
        if (!this.#over) this.#listener?.bytes(new Uint8Array(buffer.subarray(0, bytesRead)))
      }
    } catch (error) {
      this.#end(error)
    }
  }

  #end(cause: unknown): void {
    if (this.#over) return
    void this.close()
    const reason = new StateError(`${this.name}: the line is gone`, { code: 'line-lost', cause })
    this.#listener?.ended(reason)
  }
}

/** The library says what went wrong in words only; what the file system knows is asked for beforehand. */
function requireDevice(path: string): void {
  if (process.platform === 'win32') return
  try {
    if (!statSync(path).isCharacterDevice())
      throw new StateError(`${path} is no serial line`, { code: 'line-missing' })
    accessSync(path, constants.R_OK | constants.W_OK)
  } catch (error) {
    if (error instanceof StateError) throw error
    const { code } = error as NodeJS.ErrnoException
    const [name, text] =
      code === 'EACCES' || code === 'EPERM'
        ? (['line-denied', 'this user may not use it'] as const)
        : (['line-missing', 'there is no such device'] as const)
    throw new StateError(`${path}: ${text}`, { code: name, cause: error })
  }
}

/** Whether it is a line of this machine, and not a radio's, or one that another program made and carries anywhere. */
function isCable(path: string): boolean {
  if (process.platform === 'win32') return false
  return !/^\/dev\/(rfcomm|ircomm|pts\/)/.test(realpathSync(path))
}

function openingError(path: string, cause: unknown): StateError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const known = openings.find(({ pattern }) => pattern.test(message))
  return new StateError(`${path}: ${known?.text ?? message}`, { code: known?.code ?? 'line-lost', cause })
}

const openings: readonly {
  readonly pattern: RegExp
  readonly code: ErrorCode
  readonly text: string
}[] = [
  {
    pattern: /lock|busy|temporarily unavailable/i,
    code: 'line-in-use',
    text: 'another program holds the line',
  },
  { pattern: /permission|access denied/i, code: 'line-denied', text: 'this user may not use it' },
  { pattern: /no such|not found/i, code: 'line-missing', text: 'there is no such device' },
  { pattern: /inappropriate ioctl|not a tty/i, code: 'line-missing', text: 'this is no serial line' },
]

/** Loaded when the first line is opened: nobody else needs it. */
async function loadBinding(): Promise<Bindings> {
  try {
    return await import('@serialport/bindings-cpp')
  } catch (cause) {
    throw new StateError('the library for serial lines is not there', { code: 'line-unsupported', cause })
  }
}

const bufferLength = 4096
const watchMs = 1000
