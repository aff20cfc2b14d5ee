import { equal } from '@sealwright/core/bytes'
import { type ChipMode, commandByEntry, commands } from '@sealwright/core/catalog'
import type { Objects } from '../eeprom/index.ts'
import { parseVectors, type Rom, type Vector } from '../rom/index.ts'

/** Program 0 of a vector: the ROM's table of native entries. 1 is the ROM's wasm; others lie in EEPROM. */
export const nativeProgram = 0

/** The vectors in force, read from memory for every command: changed bytes change what runs. */
export function vectorsInForce(mode: ChipMode, rom: Rom, objects: Objects): Vector[] {
  const boot = mode === 'user' ? [] : rom.bootVectors.filter((vector) => allowedIn(mode, vector))
  const loaded = mode === 'customization' || mode === 'user' ? objects.read('vector-table', 0) : undefined
  if (loaded === undefined) return boot
  return boot.length === 0 ? parsedVectors(objects, loaded) : [...boot, ...parsedVectors(objects, loaded)]
}

/** The table is read for every command, and parsed again when its bytes are not those parsed last. */
function parsedVectors(objects: Objects, bytes: Uint8Array): Vector[] {
  const last = lastParsed.get(objects)
  if (last !== undefined && equal(last.bytes, bytes)) return last.vectors
  const vectors = parseVectors(bytes)
  lastParsed.set(objects, { bytes, vectors })
  return vectors
}

const lastParsed = new WeakMap<Objects, { readonly bytes: Uint8Array; readonly vectors: Vector[] }>()

function allowedIn(mode: ChipMode, vector: Vector): boolean {
  const name = commandByEntry.get(vector.function)
  const modes: readonly ChipMode[] = name === undefined ? [] : commands[name].modes
  return vector.program === nativeProgram && modes.includes(mode)
}
