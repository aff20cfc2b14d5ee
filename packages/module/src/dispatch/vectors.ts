import { type ChipMode, commandByEntry, commands } from '@sealwright/core/catalog'
import type { Objects } from '../eeprom/index.ts'
import { parseVectors, type Rom, type Vector } from '../rom/index.ts'

/** Program 0 of a vector: the ROM's table of native entries. 1 is the ROM's wasm; others lie in EEPROM. */
export const nativeProgram = 0

/** The vectors in force, read from memory for every command: changed bytes change what runs. */
export function vectorsInForce(mode: ChipMode, rom: Rom, objects: Objects): Vector[] {
  const boot = mode === 'user' ? [] : rom.bootVectors.filter((vector) => allowedIn(mode, vector))
  const loaded = mode === 'customization' || mode === 'user' ? objects.read('vector-table', 0) : undefined
  return loaded === undefined ? boot : [...boot, ...parseVectors(loaded)]
}

function allowedIn(mode: ChipMode, vector: Vector): boolean {
  const name = commandByEntry.get(vector.function)
  const modes: readonly ChipMode[] = name === undefined ? [] : commands[name].modes
  return vector.program === nativeProgram && modes.includes(mode)
}
