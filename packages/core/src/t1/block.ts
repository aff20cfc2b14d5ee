import { concat, equal, Reader } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { type ErrorDetection, epilogue, epilogueLength } from './error-detection.ts'

/** A number of blocks in one direction, modulo 2. */
export type SequenceNumber = 0 | 1

export function nextNumber(number: SequenceNumber): SequenceNumber {
  return number === 0 ? 1 : 0
}

/** What an R-block says of the block before it: nothing wrong, its epilogue was wrong, or something else. */
export type BlockFault = 'none' | 'epilogue' | 'other'

/** A block of T=1 (ISO/IEC 7816-3, 11.3) whose two node addresses are 0. */
export type Block =
  /** Information: a piece of an APDU. `more`: the next block goes on with it. */
  | {
      readonly kind: 'I'
      readonly number: SequenceNumber
      readonly more: boolean
      readonly information: Uint8Array
    }
  /** Ready for the I-block with this number. */
  | { readonly kind: 'R'; readonly expected: SequenceNumber; readonly fault: BlockFault }
  /** About the line itself. */
  | {
      readonly kind: 'S'
      readonly about: Supervision
      readonly response: boolean
      readonly information: Uint8Array
    }

/**
 * Resynchronization, information field size, abortion of a chain and waiting time extension are ISO/IEC 7816-3's (11.3.2.2). `reset` is the code
 * 0F that secure elements on I2C have for a reset without a wire of its own.
 */
export type Supervision = keyof typeof supervisionCodes

const supervisionCodes = { resynch: 0x00, ifs: 0x01, abort: 0x02, wtx: 0x03, reset: 0x0f } as const

const faults: readonly BlockFault[] = ['none', 'epilogue', 'other']

/** Node address, control byte and length. */
export const prologueLength = 3
export const longestInformation = 254

/** Parses one whole block. Throws DecodeError for every other form: a foreign node address, reserved bits, a wrong epilogue. */
export function parseBlock(bytes: Uint8Array, detection: ErrorDetection): Block {
  const r = new Reader(bytes, 'T=1 block')
  const address = r.u8('node address')
  const control = r.u8('control byte')
  const length = r.u8('length')
  if (address !== 0) throw r.fail('the node address is not 00')
  if (length > longestInformation) throw r.fail('length FF')
  const information = r.take(length, 'information field')
  const sum = r.take(epilogueLength[detection], 'epilogue')
  r.end()
  if (!equal(sum, epilogue(bytes.subarray(0, prologueLength + length), detection)))
    throw r.fail('wrong epilogue')
  return blockOf(control, information)
}

export function serializeBlock(block: Block, detection: ErrorDetection): Uint8Array {
  const information = block.kind === 'R' ? new Uint8Array(0) : block.information
  if (information.length > longestInformation) throw new UsageError('a T=1 block holds at most 254 bytes')
  const covered = concat(Uint8Array.of(0, controlOf(block), information.length), information)
  return concat(covered, epilogue(covered, detection))
}

function controlOf(block: Block): number {
  switch (block.kind) {
    case 'I':
      return (block.number << 6) | (block.more ? 0x20 : 0)
    case 'R':
      return 0x80 | (block.expected << 4) | faults.indexOf(block.fault)
    case 'S':
      return 0xc0 | (block.response ? 0x20 : 0) | supervisionCodes[block.about]
    default:
      return block satisfies never
  }
}

function blockOf(control: number, information: Uint8Array): Block {
  if (control < 0x80) {
    if ((control & 0x1f) !== 0) throw malformed('reserved bits of an I-block are set')
    return {
      kind: 'I',
      number: (control >>> 6) as SequenceNumber,
      more: (control & 0x20) !== 0,
      information,
    }
  }
  if (control < 0xc0) {
    const fault = faults[control & 0x0f]
    if ((control & 0x20) !== 0 || fault === undefined) throw malformed('reserved bits of an R-block are set')
    if (information.length > 0) throw malformed('an R-block has no information field')
    return { kind: 'R', expected: ((control >>> 4) & 1) as SequenceNumber, fault }
  }
  const response = (control & 0x20) !== 0
  for (const [name, code] of Object.entries(supervisionCodes)) {
    if (code !== (control & 0x1f)) continue
    const about = name as Supervision
    if (!fits(about, response, information)) throw malformed(`an S-block ${about} of a wrong length or value`)
    return { kind: 'S', about, response, information }
  }
  throw malformed('an S-block of an unknown kind')
}

function fits(about: Supervision, response: boolean, information: Uint8Array): boolean {
  switch (about) {
    case 'resynch':
    case 'abort':
      return information.length === 0
    case 'ifs':
      return information.length === 1 && information[0]! >= 1 && information[0]! <= longestInformation
    case 'wtx':
      return information.length === 1 && information[0]! >= 1
    case 'reset':
      return response || information.length <= longestResetTag
    default:
      return about satisfies never
  }
}

function malformed(reason: string): DecodeError {
  return new DecodeError(`T=1 block: ${reason}`)
}

/** Bytes that tell one reset from another; the response begins with them. */
export const longestResetTag = 8
