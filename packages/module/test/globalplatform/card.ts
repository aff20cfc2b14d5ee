import assert from 'node:assert/strict'
import {
  type Command,
  type CommandFields,
  command,
  parseCommand,
  parseResponse,
  type Response,
  serializeCommand,
} from '@sealwright/core/apdu'
import { concat, decodeHex, encodeHex } from '@sealwright/core/bytes'
import { statusWordName } from '@sealwright/core/catalog'
import { portableCrypto } from '@sealwright/core/crypto'
import { type Medium, totalPages } from '../../src/medium/index.ts'
import type { Module } from '../../src/module.ts'

export const crypto = portableCrypto

/** The published key of test cards, and what names the issuer security domain. */
export const factoryKey = decodeHex('404142434445464748494A4B4C4D4E4F')
export const issuerAid = decodeHex('A000000151000000')

/** How a command of more than 255 bytes of data goes out. */
export type Chaining = 'class' | 'p1' | 'both' | 'extended'

/** A card and the reader it lies in: nothing here waits, and nothing is hidden. */
export class Card<M extends Medium = Medium> {
  readonly medium: M
  module: Module
  /** Powers a module from a medium, as this one is. */
  readonly power: (medium: Medium) => Module
  /** Called after each answer. */
  heard: (() => void) | undefined

  constructor(medium: M, power: (medium: Medium) => Module) {
    this.medium = medium
    this.power = power
    this.module = power(medium)
  }

  /** Sends an APDU as it is, one answer. Every status word must stand in the catalog. */
  apdu(bytes: Uint8Array | string): Response {
    const answer = parseResponse(this.module.transmit(typeof bytes === 'string' ? decodeHex(bytes) : bytes))
    const known = statusWordName(answer.sw) !== undefined || answer.sw >>> 8 === 0x61
    assert.ok(known && answer.sw !== 0x6f00, `status word ${answer.sw.toString(16)}`)
    this.heard?.()
    return answer
  }

  /** One command, chained where it is long, its answer fetched. */
  send(sent: Command | CommandFields | string, chaining: Chaining = 'class'): Response {
    const full = typeof sent === 'string' ? parseCommand(decodeHex(sent)) : command(sent)
    let answer: Response = { data: new Uint8Array(0), sw: 0x9000 }
    for (const block of blocksOf(full, chaining)) {
      assert.equal(encodeHex(answer.data), '', 'data before the chain is complete')
      if (answer.sw !== 0x9000) return answer
      answer = this.apdu(serializeCommand(block))
    }
    const parts = [answer.data]
    while (answer.sw >>> 8 === 0x61) {
      answer = this.apdu('00C0000000')
      parts.push(answer.data)
    }
    return { data: concat(...parts), sw: answer.sw }
  }

  select(aid: Uint8Array | string = issuerAid): Response {
    const data = typeof aid === 'string' ? decodeHex(aid) : aid
    return this.send({ cla: 0x00, ins: 0xa4, p1: 0x04, data, le: 0x100 })
  }

  /** Everything that the card keeps. */
  memory(): string {
    return memoryOf(this.medium)
  }

  /** How often these bytes stand anywhere in the memory, over the ends of pages too. */
  copies(bytes: Uint8Array): number {
    const { geometry } = this.medium
    const pages = Array.from({ length: totalPages(geometry) }, (_, number) =>
      Buffer.from(this.medium.read(number)),
    )
    const memory = Buffer.concat(pages)
    let found = 0
    for (let at = memory.indexOf(bytes); at >= 0; at = memory.indexOf(bytes, at + 1)) found++
    return found
  }

  /** What is kept, by kind and id. */
  objects(): Map<string, string> {
    const { objects } = this.module.parts
    return new Map(
      objects.list().map(({ kind, id }) => [`${kind} ${id.toString(16)}`, hex(objects.read(kind, id)!)]),
    )
  }

  /** Names of the objects that came, went or changed since. */
  changedSince(before: ReadonlyMap<string, string>): string[] {
    const now = this.objects()
    const names = new Set([...before.keys(), ...now.keys()])
    return [...names].filter((name) => before.get(name) !== now.get(name)).sort()
  }

  /** Power off and on. */
  repower(): void {
    this.module = this.power(this.medium)
  }

  events(): number {
    return this.module.parts.events.head()?.number ?? 0
  }
}

/** Everything that a medium holds, page by page; a page never written is a page of zeros. */
export function memoryOf(medium: Medium): string {
  const rows: string[] = []
  for (let number = 0; number < totalPages(medium.geometry); number++) {
    const page = medium.lend(number)
    if (page.some((byte) => byte !== 0)) rows.push(`${number} ${hex(page)}`)
  }
  return rows.join('\n')
}

/** The status word as one reads it. */
export function sw(answer: Response): string {
  return answer.sw.toString(16).toUpperCase()
}

export function hex(bytes: Uint8Array): string {
  // Whole memories are compared: Node's own is many times as fast as core's.
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex').toUpperCase()
}

function blocksOf(full: Command, chaining: Chaining): Command[] {
  const { data } = full
  if (chaining === 'extended') {
    return [{ ...full, extended: true, ...(full.le === undefined ? {} : { le: 0x1_0000 }) }]
  }
  if (data.length <= 255) return [full]
  const blocks: Command[] = []
  for (let at = 0; at < data.length; at += 255) {
    const last = at + 255 >= data.length
    const byClass = !last && chaining !== 'p1' ? 0x10 : 0
    const byP1 = !last && chaining !== 'class' ? 0x80 : 0
    const { le, ...rest } = full
    blocks.push({
      ...rest,
      ...(last && le !== undefined ? { le } : {}),
      cla: full.cla | byClass,
      p1: full.p1 | byP1,
      data: data.subarray(at, at + 255),
      extended: false,
    })
  }
  return blocks
}
