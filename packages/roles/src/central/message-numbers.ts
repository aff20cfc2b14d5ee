import { encodeCanonical, MapReader } from '@sealwright/core/cbor'

/** How far the messages under a limited key have come. */
export interface MessageNumbers {
  /** Number of the last message that was sent to the module. */
  readonly sent: number
  /** Number of the last one that was taken from it. */
  readonly received: number
}

export function serializeMessageNumbers({ sent, received }: MessageNumbers): Uint8Array {
  return encodeCanonical({ v: 1, format, sent, received })
}

export function parseMessageNumbers(bytes: Uint8Array): MessageNumbers {
  const r = MapReader.of(bytes, 'message numbers')
  r.begin('message numbers')
  const numbers = { sent: r.uint('sent'), received: r.uint('received') }
  r.end()
  return numbers
}

const format = 'sealwright message numbers'
