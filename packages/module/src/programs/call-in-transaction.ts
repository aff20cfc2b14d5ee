import type { Command, Response } from '@sealwright/core/apdu'
import { concat, wipe } from '@sealwright/core/bytes'
import { type InterfaceName, statusWords } from '@sealwright/core/catalog'
import { InternalError } from '@sealwright/core/errors'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import { type CompiledProgram, instantiate, type ProgramHost, ProgramRefused } from '../program/index.ts'

export interface ProgramCall {
  /** Who answers for what the call writes. */
  readonly writer: string
  readonly program: CompiledProgram
  readonly added?: CompiledProgram | undefined
  readonly grants: ReadonlySet<InterfaceName>
  /** Number of the function; 0 = `process`. */
  readonly function: number
  readonly budget: number
  readonly command: Command
  /** The interfaces besides `io`, over the transaction of this call. */
  host(tx: Transaction): Omit<ProgramHost, 'io'>
}

/**
 * Runs one call of a fresh instance inside one transaction. A call that is refused, traps or spends its budget leaves nothing behind.
 * The instance's memory is wiped after.
 */
export function callInTransaction(nvm: Parts['nvm'], call: ProgramCall): Response {
  const { command } = call
  const answer: { data: Uint8Array; sw: number } = { data: new Uint8Array(0), sw: statusWords.success.sw }
  const io = {
    command,
    fromSupplier: false,
    output: (bytes: Uint8Array) => {
      if (answer.data.length + bytes.length > longestAnswer) throw new Refusal('wrong-length')
      answer.data = concat(answer.data, bytes)
    },
    status: (sw: number) => {
      answer.sw = sw
    },
  }
  nvm.writer = call.writer
  try {
    nvm.transaction((tx) => {
      const host = { io, ...call.host(tx) }
      const { program, added, grants } = call
      const instance = made(() => instantiate({ program, host, grants, added }))
      try {
        const result = instance.call(call.function, call.budget)
        if (!result.ok) throw new Stopped(result.sw)
      } finally {
        for (const { memory } of instance.memories()) wipe(memory)
      }
    })
  } catch (error) {
    if (error instanceof Stopped) return { data: new Uint8Array(0), sw: error.sw }
    throw error
  }
  return answer
}

/** A program that was never granted what it imports does not run. */
function made<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof ProgramRefused) throw new Refusal('conditions-not-satisfied')
    throw error
  }
}

/** Undoes the transaction of a call that did not end well. */
class Stopped extends Error {
  readonly sw: number

  constructor(sw: number) {
    super('a program was stopped')
    this.sw = sw
  }
}

/** Bytes of data that a program's answer holds at most. */
const longestAnswer = 4096

/** The bytes of an area that a program reads and writes as its own, kept in an object. */
export function dataHostOf(
  { objects }: Pick<Parts, 'objects'>,
  tx: Transaction,
  area: number,
): NonNullable<ProgramHost['data']> {
  const entry = () => {
    const found = objects.find('product-data', area)
    if (found === undefined) throw new InternalError(`there is no data area ${area}`)
    return found
  }
  return {
    size: objects.find('product-data', area)?.length ?? 0,
    read: (offset, length) => tx.read(entry().address + offset, length),
    write: (offset, bytes) => tx.write(entry().address + offset, bytes),
  }
}
