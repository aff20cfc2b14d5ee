import { resolve } from 'node:path'
import { wipe } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { readWhole } from '@sealwright/node/files'
import type { Terminal } from './terminal.ts'

/**
 * A secret from a file, `-` (standard input), `fd:N`, or a person. Text of an even number of hex digits (blanks and a line end apart)
 * is the bytes it spells; anything else is taken as it is, without a line end.
 */
export async function readSecret(
  terminal: Terminal,
  source: string | undefined,
  what: string,
): Promise<Uint8Array> {
  const raw = await read(terminal, source, what)
  const bytes = decode(raw)
  if (bytes !== raw) wipe(raw)
  if (bytes.length === 0) throw new UsageError(`${what}: expected a secret, got nothing`)
  return bytes
}

/** The same as text: nothing is taken for hex digits, and a line end is left out. For PINs and passphrases that others compare. */
export async function readSecretText(
  terminal: Terminal,
  source: string | undefined,
  what: string,
): Promise<Uint8Array> {
  const raw = await read(terminal, source, what)
  const text = withoutLineEnd(raw).slice()
  wipe(raw)
  if (text.length === 0) throw new UsageError(`${what}: expected a secret, got nothing`)
  return text
}

async function read(terminal: Terminal, source: string | undefined, what: string): Promise<Uint8Array> {
  if (source === undefined) {
    if (terminal.askSecret === undefined) {
      throw new UsageError(`${what} is needed: name a file, - or fd:N, or run the command at a terminal`)
    }
    return new TextEncoder().encode(await terminal.askSecret(`${what}: `))
  }
  if (source === '-') return terminal.readInput()
  const descriptor = /^fd:([0-9]{1,4})$/.exec(source)
  return descriptor === null
    ? readWhole(resolve(terminal.cwd, source))
    : terminal.readDescriptor(Number(descriptor[1]))
}

function decode(raw: Uint8Array): Uint8Array {
  const text = withoutLineEnd(raw)
  const digits = text.filter((byte) => !isBlank(byte))
  const isHex = digits.length > 0 && digits.length % 2 === 0 && digits.every((byte) => hexDigit(byte) >= 0)
  const bytes = isHex
    ? Uint8Array.from(
        { length: digits.length / 2 },
        (_, i) => hexDigit(digits[2 * i]!) * 16 + hexDigit(digits[2 * i + 1]!),
      )
    : text.slice()
  wipe(digits)
  return bytes
}

function withoutLineEnd(raw: Uint8Array): Uint8Array {
  const end = raw.at(-1) === lineFeed ? (raw.at(-2) === carriageReturn ? -2 : -1) : raw.length
  return raw.subarray(0, end)
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === lineFeed || byte === carriageReturn
}

const lineFeed = 0x0a
const carriageReturn = 0x0d
