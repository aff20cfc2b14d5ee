import { encodeHex } from '@sealwright/core/bytes'
import { DecodeError, UsageError } from '@sealwright/core/errors'
import { requireSerial } from './serial-argument.ts'

/** Serial numbers of a file, one a line, 16 hex digits; empty lines and lines that begin with # do not count. One that comes twice is refused. */
export function parseSerialList(name: string, bytes: Uint8Array): Uint8Array[] {
  const lines = text(name, bytes).split(/\r?\n/)
  const seen = new Map<string, number>()
  const serials: Uint8Array[] = []
  for (const [i, line] of lines.entries()) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const serial = requireLine(name, i + 1, trimmed)
    const hex = encodeHex(serial)
    const other = seen.get(hex)
    if (other !== undefined) {
      throw new UsageError(`${name}: the serial number ${hex} stands in lines ${other} and ${i + 1}`)
    }
    seen.set(hex, i + 1)
    serials.push(serial)
  }
  return serials
}

/** The file for such a list. */
export function serialListBytes(serials: readonly Uint8Array[]): Uint8Array {
  return new TextEncoder().encode(serials.map((serial) => `${encodeHex(serial)}\n`).join(''))
}

/** So many serial numbers in a row. Beyond FFFFFFFFFFFFFFFF there are none: UsageError. */
export function serialsFrom(first: Uint8Array, count: number): Uint8Array[] {
  const start = BigInt(`0x${encodeHex(first)}`)
  if (start === 0n || start + BigInt(count) > 1n << 64n) {
    throw new UsageError(`there are no ${count} serial numbers from ${encodeHex(first)} on`)
  }
  return Array.from({ length: count }, (_, i) =>
    requireSerial((start + BigInt(i)).toString(16).padStart(16, '0')),
  )
}

function requireLine(name: string, line: number, value: string): Uint8Array {
  try {
    const serial = requireSerial(value)
    if (serial.some((byte) => byte !== 0)) return serial
  } catch (cause) {
    throw new UsageError(`${name}, line ${line}: ${(cause as Error).message}`, { cause })
  }
  throw new UsageError(`${name}, line ${line}: a serial number is not all zeros`)
}

function text(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new DecodeError(`${name}: expected text`, { cause })
  }
}
