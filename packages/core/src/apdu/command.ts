import { concat, Reader, u16 } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'

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
  const r = new Reader(bytes, 'command APDU')
  const header = { cla: r.u8('CLA'), ins: r.u8('INS'), p1: r.u8('P1'), p2: r.u8('P2') }
  const none = new Uint8Array(0)
  if (r.remaining === 0) return { ...header, data: none, extended: false }
  const first = r.u8('length')
  if (r.remaining === 0) return { ...header, data: none, le: first || 0x100, extended: false }
  if (first > 0) {
    const data = r.take(first, 'data')
    const parsed =
      r.remaining === 0
        ? { ...header, data, extended: false }
        : { ...header, data, le: r.u8('Le') || 0x100, extended: false }
    r.end()
    return parsed
  }
  const second = r.u16('extended length')
  if (r.remaining === 0) return { ...header, data: none, le: second || 0x1_0000, extended: true }
  if (second === 0) throw r.fail('extended Lc is 0')
  const data = r.take(second, 'data')
  const parsed =
    r.remaining === 0
      ? { ...header, data, extended: true }
      : { ...header, data, le: r.u16('extended Le') || 0x1_0000, extended: true }
  r.end()
  return parsed
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
