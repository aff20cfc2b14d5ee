import { concat } from '../bytes/index.ts'
import { PeerError } from '../errors/index.ts'
import type { Transport } from '../ports/index.ts'
import { type Command, command, serializeCommand } from './command.ts'
import { parseResponse, type Response } from './response.ts'

/**
 * Sends one command and returns its whole answer: data of more than 255 bytes goes out by command chaining
 * unless the command is extended, 61XX is followed with GET RESPONSE, 6CXX with the Le it names (ISO/IEC 7816-4, 5.3).
 * An answer that ends in an error has no data. More than 65536 bytes, or 61XX without end, is a PeerError.
 */
export async function exchange(transport: Transport, sent: Command): Promise<Response> {
  for (const block of precedingBlocks(sent)) {
    const response = await transmit(transport, block)
    if (response.sw !== 0x9000) return { data: new Uint8Array(0), sw: response.sw }
    if (response.data.length > 0)
      throw new PeerError('the module answered data before the chain was complete')
  }
  let response = await transmitWithRightLe(transport, lastBlock(sent))
  const parts = [response.data]
  let length = response.data.length
  while (response.sw >>> 8 === 0x61) {
    const le = response.sw & 0xff || blockLimit + 1
    response = await transmitWithRightLe(transport, command({ cla: sent.cla & 0x03, ins: 0xc0, le }))
    if (response.data.length === 0 && response.sw >>> 8 === 0x61) {
      throw new PeerError('expected data after GET RESPONSE, got none and 61XX again')
    }
    parts.push(response.data)
    length += response.data.length
    if (length > answerLimit) throw new PeerError(`expected at most ${answerLimit} bytes of answer`)
  }
  const processed = response.sw === 0x9000 || response.sw >>> 8 === 0x62 || response.sw >>> 8 === 0x63
  return { data: processed ? concat(...parts) : new Uint8Array(0), sw: response.sw }
}

function precedingBlocks({ cla, ins, p1, p2, data, extended }: Command): Command[] {
  const blocks: Command[] = []
  if (extended) return blocks
  for (let offset = 0; data.length - offset > blockLimit; offset += blockLimit) {
    blocks.push(command({ cla: cla | 0x10, ins, p1, p2, data: data.subarray(offset, offset + blockLimit) }))
  }
  return blocks
}

function lastBlock(sent: Command): Command {
  if (sent.extended || sent.data.length <= blockLimit) return sent
  const rest = sent.data.length % blockLimit || blockLimit
  return { ...sent, data: sent.data.subarray(sent.data.length - rest) }
}

async function transmitWithRightLe(transport: Transport, block: Command): Promise<Response> {
  const response = await transmit(transport, block)
  if (response.sw >>> 8 !== 0x6c) return response
  const again = await transmit(transport, { ...block, le: response.sw & 0xff || blockLimit + 1 })
  if (again.sw >>> 8 === 0x6c) throw new PeerError('expected an answer to the Le of 6CXX, got 6CXX again')
  return again
}

async function transmit(transport: Transport, block: Command): Promise<Response> {
  return parseResponse(await transport.transmit(serializeCommand(block)))
}

/** Data bytes in one short command. */
const blockLimit = 255
const answerLimit = 0x1_0000
