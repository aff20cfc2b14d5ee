import { concat, copyBytes, fixedBytes, u16 } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'

/** A command APDU (ISO/IEC 7816-4, 5.1). */
export interface Command {
  readonly cla: number
  readonly ins: number
  readonly p1: number
  readonly p2: number
  readonly data: Uint8Array
  /** Bytes wanted at most: 1..256, extended 1..65536. Absent: the command names none. */
  readonly le?: number
  /** Length fields have the extended form (cases 2E, 3E, 4E). Always false without data and Le: case 1 has one form. */
  readonly extended: boolean
}

export interface CommandFields {
  readonly cla: number
  readonly ins: number
  readonly p1?: number
  readonly p2?: number
  readonly data?: Uint8Array
  readonly le?: number
  readonly extended?: boolean
}

/** A command from the fields that matter: P1 and P2 are 0, data empty, length fields short unless given. */
export function command(fields: CommandFields): Command {
  const { cla, ins, p1 = 0, p2 = 0, data = new Uint8Array(0), le, extended = false } = fields
  const hasLengths = data.length > 0 || le !== undefined
  return { cla, ins, p1, p2, data, ...(le === undefined ? {} : { le }), extended: extended && hasLengths }
}

/** Parses all seven cases 1, 2S, 3S, 4S, 2E, 3E, 4E. Le 00 becomes 256, extended 0000 becomes 65536. */
export function parseCommand(bytes: Uint8Array): Command {
  const { length } = bytes
  if (length < 4) throw wrong(`${length} bytes, a header has 4`)
  const [cla, ins, p1, p2] = [bytes[0]!, bytes[1]!, bytes[2]!, bytes[3]!]
  if (length === 4) return { cla, ins, p1, p2, data: noData, extended: false }
  const first = bytes[4]!
  if (length === 5) return { cla, ins, p1, p2, data: noData, le: first || 0x100, extended: false }
  if (first > 0) {
    const end = 5 + first
    if (length === end) return { cla, ins, p1, p2, data: copyOf(bytes, 5, end), extended: false }
    if (length !== end + 1) throw wrong(`Lc is ${first}, ${length - 5} bytes follow`)
    const le = bytes[end]! || 0x100
    return { cla, ins, p1, p2, data: copyOf(bytes, 5, end), le, extended: false }
  }
  if (length < 7) throw wrong('an extended length has 3 bytes')
  const second = (bytes[5]! << 8) | bytes[6]!
  if (length === 7) return { cla, ins, p1, p2, data: noData, le: second || 0x1_0000, extended: true }
  if (second === 0) throw wrong('extended Lc is 0')
  const end = 7 + second
  if (length === end) return { cla, ins, p1, p2, data: copyOf(bytes, 7, end), extended: true }
  if (length !== end + 2) throw wrong(`extended Lc is ${second}, ${length - 7} bytes follow`)
  const le = (bytes[end]! << 8) | bytes[end + 1]! || 0x1_0000
  return { cla, ins, p1, p2, data: copyOf(bytes, 7, end), le, extended: true }
}

const noData = new Uint8Array(0)

const ownPlaceFrom = 64

/** Not slice(): on a Buffer that is a view. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start
  // Data long enough for UNLOCK's stay in one place, so that they can be wiped; beyond 64 bytes that costs nothing.
  const out = length < ownPlaceFrom ? new Uint8Array(length) : fixedBytes(length)
  copyBytes(bytes, start, out.length, out, 0)
  return out
}

function wrong(reason: string): DecodeError {
  return new DecodeError(`command APDU: ${reason}`)
}

/** The command as bytes. A length that its form cannot hold is a UsageError. */
export function serializeCommand(command: Command): Uint8Array {
  const { cla, ins, p1, p2, data, le, extended } = command
  for (const byte of [cla, ins, p1, p2]) {
    if (!Number.isInteger(byte) || byte < 0 || byte > 0xff) throw new UsageError(`no header byte: ${byte}`)
  }
  const limit = extended ? 0xffff : 0xff
  if (data.length > limit) {
    throw new UsageError(`expected at most ${limit} bytes of data in this form, got ${data.length}`)
  }
  if (le !== undefined && (!Number.isInteger(le) || le < 1 || le > limit + 1)) {
    throw new UsageError(`expected Le of 1 to ${limit + 1} in this form, got ${le}`)
  }
  const header = Uint8Array.of(cla, ins, p1, p2)
  if (!extended) {
    return concat(
      header,
      data.length > 0 ? Uint8Array.of(data.length) : data,
      data,
      le === undefined ? new Uint8Array(0) : Uint8Array.of(le & 0xff),
    )
  }
  return concat(
    header,
    data.length > 0 || le !== undefined ? Uint8Array.of(0) : data,
    data.length > 0 ? u16(data.length) : data,
    data,
    le === undefined ? new Uint8Array(0) : u16(le & 0xffff),
  )
}
