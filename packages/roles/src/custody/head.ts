import { Reader } from '@sealwright/core/bytes'
import {
  type ChipMode,
  chipModes,
  dataTags,
  type PersonalizationState,
  personalizationStates,
} from '@sealwright/core/catalog'
import { parseChipStatus } from '@sealwright/core/customization'
import { RefusedError, StateError } from '@sealwright/core/errors'
import type { Channel } from '../channel/index.ts'

/** What a party learns of a module before its step. */
export interface ModuleHead {
  /** 8 bytes. */
  readonly serial: Uint8Array
  readonly mode: ChipMode
  /** In user mode. */
  readonly state?: PersonalizationState
  /** Number of the last event. */
  readonly number: number
}

/** Asks in every mode. In issuer mode the writing of the serial number is the only event there can be. */
export async function readHead(channel: Channel): Promise<ModuleHead> {
  const { mode, serial } = parseChipStatus(await channel.send('CHIP STATUS'))
  if (serial === undefined) throw new StateError('the chip has no serial number yet')
  if (mode === 'issuer') return { serial, mode, number: 1 }
  const state = parseState(await channel.send('GET DATA', tagParameters(dataTags.state)))
  return { serial, ...state }
}

/** P1 and P2 of GET DATA for a tag. */
export function tagParameters(tag: number): { p1: number; p2: number } {
  return { p1: tag >>> 8, p2: tag & 0xff }
}

/** A data object of the module, or undefined when it has none. */
export async function readData(channel: Channel, tag: number): Promise<Uint8Array | undefined> {
  try {
    return await channel.send('GET DATA', tagParameters(tag))
  } catch (error) {
    if (error instanceof RefusedError && error.code === 'module-reference-not-found') return undefined
    throw error
  }
}

/** The value of tag DF20: mode(1) ‖ state(1) ‖ event number(4). */
export function parseState(bytes: Uint8Array): Pick<ModuleHead, 'mode' | 'state' | 'number'> {
  const r = new Reader(bytes, 'module state')
  const modeCode = r.u8('mode')
  const stateCode = r.u8('state')
  const number = r.u32('event number')
  r.end()
  const mode = (Object.keys(chipModes) as ChipMode[]).find((name) => chipModes[name].code === modeCode)
  const state = (Object.keys(personalizationStates) as PersonalizationState[]).find(
    (name) => personalizationStates[name].code === stateCode,
  )
  if (mode === undefined || state === undefined) throw r.fail('no such mode or state')
  return mode === 'user' ? { mode, state, number } : { mode, number }
}
