import { parseCommand, parseResponse } from '@sealwright/core/apdu'
import { encodeHex } from '@sealwright/core/bytes'
import {
  type CommandRow,
  commands,
  programInstructions,
  statusWordName,
  statusWords,
} from '@sealwright/core/catalog'
import { DecodeError } from '@sealwright/core/errors'
import { parseTlvs, type Tlv } from '@sealwright/core/tlv'
import { instructionName } from '@sealwright/node/transport'
import type { Explanation } from './explanation.ts'

/** A command APDU of a known instruction, a response APDU, BER-TLV, or any command APDU, in this order. */
export function explainWire(bytes: Uint8Array): Explanation {
  const known = attempt(() => explainCommand(bytes))
  if (known?.json['name'] !== undefined) return known
  const found = attempt(() => explainResponse(bytes)) ?? attempt(() => explainTlv(bytes)) ?? known
  if (found === undefined) throw new DecodeError('nothing that is known here begins or ends like this')
  return found
}

function explainCommand(bytes: Uint8Array): Explanation {
  const { cla, ins, p1, p2, data, le } = parseCommand(bytes)
  const name = ins === 0xc0 ? 'GET RESPONSE' : instructionName(ins)
  const purpose =
    name === undefined || name === 'GET RESPONSE'
      ? undefined
      : { ...commands, ...programInstructions }[name as keyof typeof commands].purpose
  const row = commands[name as keyof typeof commands] as CommandRow | undefined
  const flags = [
    (cla & 0x10) !== 0 ? 'more follows (command chaining)' : '',
    (cla & 0x40) === 0 && (cla & 0x04) !== 0 ? 'protected by secure messaging' : '',
  ].filter((flag) => flag !== '')
  return {
    kind: 'command APDU',
    json: { ...(name === undefined ? {} : { name }), cla, ins, p1, p2, data, le },
    lines: [
      `${hex(cla)} ${hex(ins)} ${hex(p1)} ${hex(p2)}: ${name ?? 'no instruction of ours'}`,
      ...(purpose === undefined ? [] : [purpose]),
      ...flags,
      ...(row === undefined ? [] : [`allowed in ${row.modes.join(', ')} mode, channel ${row.channel}`]),
      `${data.length} bytes of data${le === undefined ? '' : `, at most ${le} bytes of answer wanted`}`,
      ...(data.length === 0 ? [] : [encodeHex(data)]),
    ],
  }
}

function explainResponse(bytes: Uint8Array): Explanation {
  const { data, sw } = parseResponse(bytes)
  const name = statusWordName(sw)
  const more = sw >>> 8 === 0x61
  if (name === undefined && !more) throw new DecodeError('no status word of ours')
  const row = name === undefined ? undefined : statusWords[name]
  return {
    kind: 'response APDU',
    json: { sw: hex(sw >>> 8) + hex(sw & 0xff), name, meaning: row?.meaning, remedy: row?.remedy, data },
    lines: [
      `${hex(sw >>> 8)}${hex(sw & 0xff)}: ${row?.meaning ?? `${sw & 0xff || 256} bytes or more wait for GET RESPONSE`}`,
      ...(row === undefined ? [] : [`next step: ${row.remedy}`]),
      ...(data.length === 0 ? [] : [`${data.length} bytes of data: ${encodeHex(data)}`]),
    ],
  }
}

function explainTlv(bytes: Uint8Array): Explanation {
  const objects = parseTlvs(bytes)
  if (objects.length === 0) throw new DecodeError('no data objects')
  return { kind: 'BER-TLV', json: { objects: objects.map(treeOf) }, lines: objects.flatMap(linesOf) }
}

function treeOf({ tag, value }: Tlv): Record<string, unknown> {
  const inside = childrenOf({ tag, value })
  return { tag: tagText(tag), ...(inside === undefined ? { value } : { objects: inside.map(treeOf) }) }
}

function linesOf(object: Tlv): string[] {
  const { tag, value } = object
  const inside = childrenOf(object)
  if (inside === undefined) return [`${tagText(tag)} (${value.length}) ${encodeHex(value)}`]
  return [`${tagText(tag)} (${value.length})`, ...inside.flatMap(linesOf).map((line) => `  ${line}`)]
}

/** What a constructed data object holds (b6 of the first tag byte). */
function childrenOf({ tag, value }: Tlv): Tlv[] | undefined {
  const first = tag > 0xffff ? tag >>> 16 : tag > 0xff ? tag >>> 8 : tag
  return (first & 0x20) === 0 ? undefined : attempt(() => parseTlvs(value))
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function tagText(tag: number): string {
  const text = tag.toString(16).toUpperCase()
  return text.length % 2 === 0 ? text : `0${text}`
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0')
}
