import type { Command, Response } from '@sealwright/core/apdu'
import { wipe } from '@sealwright/core/bytes'
import type { InterfaceName } from '@sealwright/core/catalog'
import { Refusal } from '../dispatch/refusal.ts'
import type { Nvm } from '../eeprom/index.ts'
import {
  type CompiledProgram,
  type Instantiation,
  instantiate,
  type ProgramHost,
  type ProgramInstance,
  ProgramRefused,
} from '../program/index.ts'
import { Frame, Stopped } from './frame.ts'

export interface ProgramCall {
  /** Who answers for what the call writes. */
  readonly writer: string
  readonly program: CompiledProgram
  readonly grants: ReadonlySet<InterfaceName>
  /** Number of the function; 0 = `process`. */
  readonly function: number
  readonly budget: number
  readonly command: Command
  /** The interfaces besides `io`, over the transaction of this call. */
  host(frame: Frame): Omit<ProgramHost, 'io'>
}

/**
 * Runs one call of a fresh instance inside one transaction. A call that is refused, traps or spends its budget leaves nothing behind.
 * The instance's memory is wiped after.
 */
export function callInTransaction(nvm: Nvm, call: ProgramCall): Response {
  const { command, program, grants } = call
  const frame = new Frame(nvm)
  const instance = requireInstance({ program, host: { io: frame, ...call.host(frame) }, grants })
  nvm.writer = call.writer
  try {
    return frame.run(instance, { ...call, fromSupplier: false }, command)
  } catch (error) {
    if (error instanceof Stopped) return error.answer
    throw error
  } finally {
    for (const { memory } of instance.memories()) wipe(memory)
  }
}

/** An instance; a program that was never granted what it imports does not run. */
export function requireInstance(instantiation: Instantiation): ProgramInstance {
  try {
    return instantiate(instantiation)
  } catch (error) {
    if (error instanceof ProgramRefused) throw new Refusal('conditions-not-satisfied')
    throw error
  }
}
