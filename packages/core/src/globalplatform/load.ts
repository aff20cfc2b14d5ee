import { concat, Reader } from '../bytes/index.ts'
import { DecodeError, StateError, UsageError } from '../errors/index.ts'
import { parseTlvs, serializeTlv, serializeTlvs, tlv } from '../tlv/index.ts'
import { asAid, requireAid } from './aid.ts'

/** A signature over the hash of the load file data block: E2 { 4F security domain ‖ C3 signature } (GPC 2.3.1, 11.6.2.3). */
export interface DapBlock {
  readonly securityDomain: Uint8Array
  readonly signature: Uint8Array
}

/** What all LOAD commands together carry: DAP blocks, then C4 with the load file data block, or D4 when it is encrypted. */
export interface LoadFile {
  readonly dapBlocks: readonly DapBlock[]
  readonly ciphered: boolean
  readonly dataBlock: Uint8Array
}

const tags = { dap: 0xe2, clear: 0xc4, ciphered: 0xd4 } as const

export function parseLoadFile(bytes: Uint8Array): LoadFile {
  const what = 'load file'
  const list = parseTlvs(bytes, what)
  const block = list.at(-1)
  if (!block || (block.tag !== tags.clear && block.tag !== tags.ciphered)) {
    throw new DecodeError(`${what}: expected the data block, C4 or D4, last`)
  }
  const dapBlocks = list.slice(0, -1).map(({ tag, value }) => {
    const [domain, signature, ...others] = tag === tags.dap ? parseTlvs(value, what) : []
    if (domain?.tag !== 0x4f || signature?.tag !== 0xc3 || others.length > 0) {
      throw new DecodeError(`${what}: expected E2 with 4F and C3 before the data block`)
    }
    return { securityDomain: asAid(domain.value, what), signature: signature.value }
  })
  return { dapBlocks, ciphered: block.tag === tags.ciphered, dataBlock: block.value }
}

export function serializeLoadFile({ dapBlocks, ciphered, dataBlock }: LoadFile): Uint8Array {
  const list = dapBlocks.map(({ securityDomain, signature }) =>
    tlv(tags.dap, serializeTlvs([tlv(0x4f, requireAid(securityDomain)), tlv(0xc3, signature)])),
  )
  return concat(
    serializeTlvs(list),
    serializeTlv({ tag: ciphered ? tags.ciphered : tags.clear, value: dataBlock }),
  )
}

/** The data field and P1, P2 of one LOAD: P1 bit 8 marks the last, P2 counts from 0 (GPC 2.3.1, 11.6.2). */
export interface LoadBlock {
  readonly last: boolean
  /** 0..255. */
  readonly number: number
  readonly data: Uint8Array
}

/** Cuts a load file into blocks of at most `size` bytes. More than 256 blocks are a UsageError. */
export function splitLoadFile(bytes: Uint8Array, size: number): LoadBlock[] {
  if (!Number.isInteger(size) || size < 1) throw new UsageError('expected a block size of at least one byte')
  if (bytes.length === 0) throw new UsageError('the load file is empty')
  const count = Math.ceil(bytes.length / size)
  if (count > 256)
    throw new UsageError(`the load file needs ${count} blocks of ${size} bytes; 256 can be numbered`)
  return Array.from({ length: count }, (_, number) => ({
    last: number === count - 1,
    number,
    data: bytes.slice(number * size, (number + 1) * size),
  }))
}

/** P1 of LOAD; other bits than bit 8 are a DecodeError. */
export function parseLoadP1(p1: number): { last: boolean } {
  if ((p1 & 0x7f) !== 0) throw new DecodeError('LOAD: expected 00 or 80 in P1')
  return { last: p1 === 0x80 }
}

/**
 * The card's side of LOAD: takes the blocks in their order and gives the load file with the last. The length of the data block stands near the
 * front; more than it declares, or more than `limit`, is refused at once. After a refusal the collector takes nothing any more.
 */
export class LoadFileCollector {
  readonly #limit: number
  #parts: Uint8Array[] = []
  #length = 0
  #declared: number | undefined
  #spent = false

  /** @param limit most bytes of a load file with its DAP blocks */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** How many blocks came. */
  get next(): number {
    return this.#parts.length
  }

  /**
   * @returns the load file with the last block, else undefined
   * @throws StateError for a number out of order, or after a refusal; DecodeError for what is no load file, or is longer than it says
   */
  add({ last, number, data }: LoadBlock): LoadFile | undefined {
    if (this.#spent) throw new StateError('LOAD: the load file was refused, or is complete')
    this.#spent = true
    if (number !== this.#parts.length) {
      throw new StateError(`LOAD: expected block ${this.#parts.length}, got ${number}`)
    }
    this.#length += data.length
    if (this.#length > this.#limit) throw new DecodeError(`LOAD: more than ${this.#limit} bytes`)
    this.#parts.push(data.slice())
    this.#declared ??= declaredLength(concat(...this.#parts))
    if (this.#declared !== undefined && (this.#declared > this.#limit || this.#length > this.#declared)) {
      throw new DecodeError(`LOAD: the load file declares ${this.#declared} bytes`)
    }
    if (!last) {
      if (this.#parts.length > 0xff) throw new DecodeError('LOAD: the last block cannot be numbered')
      this.#spent = false
      return undefined
    }
    const whole = concat(...this.#parts)
    this.#parts = []
    return parseLoadFile(whole)
  }
}

/** Length of the load file as far as its heads have come: where the data block ends. */
function declaredLength(front: Uint8Array): number | undefined {
  const r = new Reader(front, 'load file')
  try {
    for (;;) {
      const tag = r.u8('tag')
      const first = r.u8('length')
      const width = first < 0x80 ? 0 : first - 0x80
      if (width > 3) return undefined
      const length =
        width === 0 ? first : width === 1 ? r.u8('length') : width === 2 ? r.u16('length') : r.u24('length')
      if (tag !== tags.dap) return r.offset + length
      r.take(length, 'DAP block')
    }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
