import { endianness } from 'node:os'
import { DecodeError, UsageError } from '@sealwright/core/errors'

/**
 * The structures that programs and pcscd exchange on pcscd's socket, protocol 4:4 to 4:6 (pcsc-lite 1.8.24 to 2.5 and later). A request
 * is a header, a structure and, to send an APDU, its bytes; an answer has no header. Numbers have the byte order of the machine.
 */
export interface Structure<V> {
  /** Bytes that it takes. */
  readonly length: number
  serialize(values: V): Uint8Array
  /** Exactly `length` bytes; anything else is a DecodeError. */
  parse(bytes: Uint8Array): V
}

/** A number, or so many opaque bytes. */
type Field = 'u32' | number
type Values<F> = { readonly [K in keyof F]: F[K] extends number ? Uint8Array : number }

function structure<const F extends Record<string, Field>>(what: string, fields: F): Structure<Values<F>> {
  const entries = Object.entries(fields)
  const length = entries.reduce((sum, [, field]) => sum + widthOf(field), 0)
  return {
    length,
    serialize(values) {
      const bytes = new Uint8Array(length)
      let offset = 0
      for (const [name, field] of entries) {
        put(bytes, offset, field, values[name]!, `${what} ${name}`)
        offset += widthOf(field)
      }
      return bytes
    },
    parse(bytes) {
      if (bytes.length !== length)
        throw new DecodeError(`${what}: expected ${length} bytes, got ${bytes.length}`)
      const values: Record<string, number | Uint8Array> = {}
      let offset = 0
      for (const [name, field] of entries) {
        values[name] =
          field === 'u32' ? u32(bytes, offset) : new Uint8Array(bytes.subarray(offset, offset + field))
        offset += widthOf(field)
      }
      return values as Values<F>
    },
  }
}

function widthOf(field: Field): number {
  return field === 'u32' ? 4 : field
}

function put(bytes: Uint8Array, at: number, field: Field, value: number | Uint8Array, what: string): void {
  if (field === 'u32' && typeof value === 'number' && value >= 0 && value < 2 ** 32) {
    new DataView(bytes.buffer).setUint32(at, value, littleEndian)
  } else if (value instanceof Uint8Array && value.length === field) bytes.set(value, at)
  else throw new UsageError(`${what}: expected ${field === 'u32' ? 'a number of 32 bits' : `${field} bytes`}`)
}

function u32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, littleEndian)
}

const littleEndian = endianness() === 'LE'
const nameLength = 128
const longestAtr = 33

/** Numbers of the requests. */
export const requests = {
  establishContext: 0x01,
  releaseContext: 0x02,
  connect: 0x04,
  reconnect: 0x05,
  disconnect: 0x06,
  beginTransaction: 0x07,
  endTransaction: 0x08,
  transmit: 0x09,
  version: 0x11,
  readerStates: 0x12,
} as const

export type RequestName = keyof typeof requests

/** Before each request: length of what follows, without the APDU, and the request's number. */
export const headerStructure = structure('request header', { size: 'u32', request: 'u32' })

/** What each request carries; its answer is the same structure with `result` and what else was asked for. */
export const structures = {
  version: structure('version', { major: 'u32', minor: 'u32', result: 'u32' }),
  establishContext: structure('establish context', { scope: 'u32', context: 'u32', result: 'u32' }),
  releaseContext: structure('release context', { context: 'u32', result: 'u32' }),
  connect: structure('connect', {
    context: 'u32',
    reader: nameLength,
    shareMode: 'u32',
    protocols: 'u32',
    card: 'u32',
    protocol: 'u32',
    result: 'u32',
  }),
  reconnect: structure('reconnect', {
    card: 'u32',
    shareMode: 'u32',
    protocols: 'u32',
    initialization: 'u32',
    protocol: 'u32',
    result: 'u32',
  }),
  disconnect: structure('disconnect', { card: 'u32', disposition: 'u32', result: 'u32' }),
  beginTransaction: structure('begin transaction', { card: 'u32', result: 'u32' }),
  endTransaction: structure('end transaction', { card: 'u32', disposition: 'u32', result: 'u32' }),
  transmit: structure('transmit', {
    card: 'u32',
    sendProtocol: 'u32',
    sendPciLength: 'u32',
    sendLength: 'u32',
    receiveProtocol: 'u32',
    receivePciLength: 'u32',
    receiveLength: 'u32',
    result: 'u32',
  }),
} as const

/** A reader as pcscd keeps it; the name is 128 bytes, to be given back as they are. */
export const readerStructure = structure('reader state', {
  name: nameLength,
  events: 'u32',
  state: 'u32',
  sharing: 'u32',
  atr: longestAtr,
  padding: 3,
  atrLength: 'u32',
  protocol: 'u32',
})

/** The answer to `readerStates`: so many places for readers, in use or not. */
export const readerPlaces = 16

export interface ReaderState {
  readonly name: string
  /** The name as pcscd has it, for `connect`. */
  readonly nameBytes: Uint8Array
  readonly card: 'absent' | 'present' | 'mute'
  /** Undefined where there is no card, or a mute one. */
  readonly atr: Uint8Array | undefined
  /** How many programs are connected, or that one has the reader for itself. */
  readonly connections: number | 'exclusive'
}

/** The readers among the places of one answer. */
export function parseReaderStates(bytes: Uint8Array): ReaderState[] {
  if (bytes.length !== readerPlaces * readerStructure.length) {
    throw new DecodeError(`reader states: expected ${readerPlaces} places, got ${bytes.length} bytes`)
  }
  const readers: ReaderState[] = []
  for (let at = 0; at < bytes.length; at += readerStructure.length) {
    const place = readerStructure.parse(bytes.subarray(at, at + readerStructure.length))
    const end = place.name.indexOf(0)
    if (end < 0) throw new DecodeError('reader states: a name without an end')
    if (end === 0) continue
    const card = cardOf(place.state)
    const atrKnown = card === 'present' && place.atrLength > 0 && place.atrLength <= longestAtr
    readers.push({
      name: new TextDecoder().decode(place.name.subarray(0, end)),
      nameBytes: place.name,
      card,
      atr: atrKnown ? place.atr.slice(0, place.atrLength) : undefined,
      connections: place.sharing === 0xffff_ffff ? 'exclusive' : place.sharing,
    })
  }
  return readers
}

function cardOf(state: number): ReaderState['card'] {
  if ((state & stateBits.present) === 0) return 'absent'
  return (state & stateBits.mute) === 0 ? 'present' : 'mute'
}

export const stateBits = { absent: 0x02, present: 0x04, mute: 0x08, powered: 0x10, negotiable: 0x20 } as const
export const shareModes = { exclusive: 1, shared: 2 } as const
export const protocols = { T0: 1, T1: 2 } as const
/** What becomes of the card at the end of a connection or transaction. */
export const dispositions = { leave: 0, reset: 1 } as const
export const systemScope = 2
/** Longest answer that pcscd takes from a card. */
export const longestAnswer = 65_548
