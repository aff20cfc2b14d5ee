import { ascii, concat, Reader, u32, Writer } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'

/** P1 of MESSAGE CODE. */
export const messageModes = { protect: 0x01, check: 0x02 } as const

/** Bytes of the longest message. */
export const longestMessage = 1024

/** MESSAGE CODE, protect: place(4) ‖ message. Answer: number(4) ‖ MAC(16). */
export interface ProtectRequest {
  readonly place: number
  /** 1 to 1024 bytes. */
  readonly message: Uint8Array
}

/** MESSAGE CODE, check: place(4) ‖ number(4) ‖ time(4) ‖ MAC(16) ‖ message. */
export interface CheckRequest extends ProtectRequest {
  /** Rises with each message of the central system under this key. */
  readonly number: number
  /** The central system's time, seconds since 1970. */
  readonly time: number
  readonly mac: Uint8Array
}

export interface ProtectAnswer {
  /** Rises with each message of the module under this key. */
  readonly number: number
  readonly mac: Uint8Array
}

export function parseProtectRequest(bytes: Uint8Array): ProtectRequest {
  const r = new Reader(bytes, 'MESSAGE CODE')
  const request = { place: r.u32('place'), message: messageOf(r) }
  return request
}

export function serializeProtectRequest({ place, message }: ProtectRequest): Uint8Array {
  return concat(u32(place), message)
}

export function parseCheckRequest(bytes: Uint8Array): CheckRequest {
  const r = new Reader(bytes, 'MESSAGE CODE')
  return {
    place: r.u32('place'),
    number: r.u32('number'),
    time: r.u32('time'),
    mac: r.take(16, 'MAC'),
    message: messageOf(r),
  }
}

export function serializeCheckRequest({ place, number, time, mac, message }: CheckRequest): Uint8Array {
  return new Writer().u32(place).u32(number).u32(time).bytes(mac).bytes(message).finish()
}

export function parseProtectAnswer(bytes: Uint8Array): ProtectAnswer {
  const r = new Reader(bytes, 'answer of MESSAGE CODE')
  const answer = { number: r.u32('number'), mac: r.take(16, 'MAC') }
  r.end()
  return answer
}

export function serializeProtectAnswer({ number, mac }: ProtectAnswer): Uint8Array {
  return concat(u32(number), mac)
}

/** What the module MACs for its central system: "LKM1" ‖ serial ‖ 01 ‖ number ‖ message. */
export function outgoingInput(serial: Uint8Array, number: number, message: Uint8Array): Uint8Array[] {
  return [ascii(labels.limitedKeyMessage.text), serial, Uint8Array.of(0x01), u32(number), message]
}

/** What the central system MACs for the module: "LKM1" ‖ serial ‖ 02 ‖ number ‖ time ‖ message. */
export function incomingInput(
  serial: Uint8Array,
  { number, time, message }: Pick<CheckRequest, 'number' | 'time' | 'message'>,
): Uint8Array[] {
  return [ascii(labels.limitedKeyMessage.text), serial, Uint8Array.of(0x02), u32(number), u32(time), message]
}

function messageOf(r: Reader): Uint8Array {
  const message = r.rest()
  if (message.length < 1 || message.length > longestMessage) {
    throw r.fail(`message: expected 1 to ${longestMessage} bytes`)
  }
  return message
}
