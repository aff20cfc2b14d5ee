import { concat, Reader, u16 } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'

/**
 * What passes between vpcd, the driver of vsmartcard's virtual reader, and a card: length(2) ‖ payload, both ways.
 * A payload of one byte is a control; anything longer is a command APDU, which no control can be taken for.
 */
export type VpcdMessage =
  | { readonly kind: VpcdControl }
  | { readonly kind: 'command'; readonly command: Uint8Array }

export type VpcdControl = keyof typeof controls

const controls = { 'power off': 0x00, 'power on': 0x01, reset: 0x02, 'get ATR': 0x04 } as const

const longestPayload = 0xffff

/** One whole frame from vpcd. An empty payload and an unknown control are a DecodeError. */
export function parseVpcdMessage(frame: Uint8Array): VpcdMessage {
  const payload = parseVpcdFrame(frame)
  if (payload.length > 1) return { kind: 'command', command: payload }
  const control = Object.entries(controls).find(([, byte]) => byte === payload[0])
  if (control !== undefined) return { kind: control[0] as VpcdControl }
  throw new Reader(payload, 'vpcd message').fail('expected a control of vpcd or a command')
}

/** The frame of a message. A command of less than two bytes or more than 65,535 is a UsageError. */
export function serializeVpcdMessage(message: VpcdMessage): Uint8Array {
  if (message.kind !== 'command') return serializeVpcdFrame(Uint8Array.of(controls[message.kind]))
  if (message.command.length < 2) throw new UsageError('a command for vpcd has two bytes or more')
  return serializeVpcdFrame(message.command)
}

/** The payload of one whole frame: an answer, or what `parseVpcdMessage` tells apart. */
export function parseVpcdFrame(frame: Uint8Array): Uint8Array {
  const r = new Reader(frame, 'vpcd frame')
  const payload = r.take(r.u16('length'), 'payload')
  r.end()
  if (payload.length === 0) throw r.fail('expected a payload')
  return payload
}

/** One buffer with the length before the payload. An empty one, for which pcscd would wait for ever, is a UsageError. */
export function serializeVpcdFrame(payload: Uint8Array): Uint8Array {
  if (payload.length === 0 || payload.length > longestPayload)
    throw new UsageError(`a vpcd frame carries 1 to ${longestPayload} bytes, not ${payload.length}`)
  return concat(u16(payload.length), payload)
}

/** Cuts a stream into whole frames, wherever its chunks end. */
export class VpcdFrames {
  #chunks: Uint8Array[] = []
  #length = 0

  /** Bytes that wait: whole frames and the beginning of one. */
  get waiting(): number {
    return this.#length
  }

  /** Takes the bytes that came; the caller leaves them as they are. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#length += chunk.length
  }

  /** The next whole frame with its length, or undefined until more bytes have come. */
  next(): Uint8Array | undefined {
    if (this.#length < 2) return undefined
    const length = 2 + ((this.#byte(0) << 8) | this.#byte(1))
    if (this.#length < length) return undefined
    const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : concat(...this.#chunks)
    const rest = bytes.subarray(length)
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#length = rest.length
    return bytes.subarray(0, length)
  }

  #byte(at: number): number {
    const [first, second] = this.#chunks
    return first!.length > at ? first![at]! : second![0]!
  }
}
