import { ascii, concat, equal, Reader, requireFormatVersion, u16 } from '../bytes/index.ts'
import { parseReceiptClaim, type ReceiptClaim, serializeReceiptClaim } from './key-record.ts'
import { type KeyMessage, parseKeyMessage, serializeKeyMessage } from './message.ts'
import { type KeyRequest, parseKeyRequest, serializeKeyRequest } from './request.ts'

const version = 1

/** From the module's place to the loader: "SWKR"(4) ‖ version(1) ‖ key request(32). */
export function serializeKeyRequestFile(request: KeyRequest): Uint8Array {
  return concat(ascii('SWKR'), Uint8Array.of(version), serializeKeyRequest(request))
}

export function parseKeyRequestFile(bytes: Uint8Array): KeyRequest {
  const r = begin(bytes, 'SWKR', 'key request file')
  return parseKeyRequest(r.rest())
}

/** From the loader to the module's place: the message with the request that it answers. */
export interface KeyMessageFile {
  readonly request: KeyRequest
  readonly message: KeyMessage
}

/** "SWKM"(4) ‖ version(1) ‖ key request(32) ‖ length(2) ‖ key message. */
export function serializeKeyMessageFile({ request, message }: KeyMessageFile): Uint8Array {
  const bytes = serializeKeyMessage(message)
  return concat(ascii('SWKM'), Uint8Array.of(version), serializeKeyRequest(request), u16(bytes.length), bytes)
}

export function parseKeyMessageFile(bytes: Uint8Array): KeyMessageFile {
  const r = begin(bytes, 'SWKM', 'key message file')
  const request = parseKeyRequest(r.take(32, 'key request'))
  const message = parseKeyMessage(r.take(r.u16('length'), 'key message'))
  r.end()
  const { serial, source, destination } = message.header
  if (!equal(serial, request.serial) || source !== request.source || destination !== request.destination) {
    throw r.fail('the message answers another request')
  }
  return { request, message }
}

/** Back to the loader: "SWKC"(4) ‖ version(1) ‖ key request(32) ‖ XCTR(4) ‖ KCV(5) ‖ ACK(16). */
export function serializeKeyReceiptFile(claim: ReceiptClaim): Uint8Array {
  return concat(ascii('SWKC'), Uint8Array.of(version), serializeReceiptClaim(claim))
}

export function parseKeyReceiptFile(bytes: Uint8Array): ReceiptClaim {
  const r = begin(bytes, 'SWKC', 'key receipt file')
  return parseReceiptClaim(r.rest())
}

function begin(
  bytes: Uint8Array,
  magic: string,
  what: 'key request file' | 'key message file' | 'key receipt file',
): Reader {
  const r = new Reader(bytes, what)
  if (!equal(r.take(4, 'magic'), ascii(magic))) throw r.fail(`not a ${what}`)
  requireFormatVersion(what, r.u8('version'))
  return r
}
