import { type Command, parseCommand, parseResponse } from '@sealwright/core/apdu'
import { encodeHex } from '@sealwright/core/bytes'
import { commands, programInstructions, statusWordName, statusWords } from '@sealwright/core/catalog'
import { isProtected } from '@sealwright/core/channel/secure-messaging'
import type { Transport } from '@sealwright/core/ports'

/** Writes every command and answer to `sink`, one line each, decoded by name; data that is or may be a key is masked. */
export function tracing(transport: Transport, sink: (line: string) => void): Transport {
  let number = 0
  let last: Command | undefined
  return {
    direct: transport.direct,
    async transmit(command) {
      const parsed = parsedCommand(command)
      // GET RESPONSE fetches the rest of what was asked before.
      const asked = parsed !== undefined && parsed.ins === 0xc0 ? last : parsed
      last = asked
      number++
      sink(`${number} > ${describeCommand(command, parsed)}`)
      try {
        const answer = await transport.transmit(command)
        sink(`${number} < ${describeAnswer(answer, asked)}`)
        return answer
      } catch (error) {
        sink(`${number} ! no answer: ${error instanceof Error ? error.message : 'unknown'}`)
        throw error
      }
    },
    close: () => transport.close(),
  }
}

/** A command by the name of its instruction, or undefined. */
export function instructionName(ins: number): string | undefined {
  const all: [string, { readonly ins: number }][] = [
    ...Object.entries(commands),
    ...Object.entries(programInstructions),
  ]
  return all.find(([, row]) => row.ins === ins)?.[0]
}

/** One line for a command APDU, as it stands in a trace. */
export function describeCommand(bytes: Uint8Array, parsed = parsedCommand(bytes)): string {
  if (parsed === undefined) return `no command APDU (${bytes.length} bytes)`
  const { cla, ins, p1, p2, data } = parsed
  const name = ins === 0xc0 ? 'GET RESPONSE' : (instructionName(ins) ?? 'unknown')
  const chained = (cla & 0x10) !== 0 ? ', more follows' : ''
  return `${name} ${hex(cla)} ${hex(ins)} ${hex(p1)} ${hex(p2)}${describeData(data, parsed)}${chained}`
}

/** One line for a response APDU to `asked`. */
export function describeAnswer(bytes: Uint8Array, asked?: Command): string {
  let answer: { data: Uint8Array; sw: number }
  try {
    answer = parseResponse(bytes)
  } catch {
    return `no response APDU (${bytes.length} bytes)`
  }
  const { data, sw } = answer
  return `${encodeHex(Uint8Array.of(sw >>> 8, sw & 0xff))} ${meaning(sw)}${asked === undefined ? mask(data) : describeData(data, asked)}`
}

function describeData(data: Uint8Array, { cla, ins }: Command): string {
  if (data.length === 0) return ''
  if (isProtected(cla)) return ` [${data.length} bytes protected]`
  const name = instructionName(ins)
  return name === undefined || keyBearing.has(name) ? mask(data) : ` ${encodeHex(data)}`
}

function mask(data: Uint8Array): string {
  return data.length === 0 ? '' : ` [${data.length} bytes masked]`
}

function meaning(sw: number): string {
  if (sw >>> 8 === 0x61) return 'more data'
  const name = statusWordName(sw)
  return name === undefined ? 'unknown status' : statusWords[name].meaning
}

function parsedCommand(bytes: Uint8Array): Command | undefined {
  try {
    return parseCommand(bytes)
  } catch {
    return undefined
  }
}

function hex(byte: number): string {
  return encodeHex(Uint8Array.of(byte))
}

/** Instructions whose data holds keys, or may: an application's own data is its business. */
const keyBearing: ReadonlySet<string> = new Set([
  'UNLOCK',
  'WRITE',
  'PUT CUSTOMIZATION KEY',
  'CUSTOMIZE',
  'SESSION KEYS',
  'EXPORT KEY',
  'IMPORT KEY',
  'PUT TRANSPORT KEY',
  'MAKE SET',
  'MAKE KEY',
  'LOAD BLOCK',
])
