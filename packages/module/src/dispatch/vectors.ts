import { type ChipMode, commandByEntry, commands } from '@sealwright/core/catalog'
import { asDamage, type Objects, ParsedObject } from '../eeprom/index.ts'
import { parseVectors, type Rom, type Vector } from '../rom/index.ts'

/** Program 0 of a vector: the ROM's table of native entries. 1 is the ROM's wasm; others lie in EEPROM. */
export const nativeProgram = 0

/** The vectors in force now: changed bytes change what runs. */
export function vectorsInForce(mode: ChipMode, rom: Rom, objects: Objects): readonly Vector[] {
  const boot = mode === 'user' ? none : rom.bootVectors.filter((vector) => allowedIn(mode, vector))
  const loaded = mode === 'customization' || mode === 'user' ? tableOf(objects) : undefined
  if (loaded === undefined) return boot
  return boot.length === 0 ? loaded : [...boot, ...loaded]
}

function tableOf(objects: Objects): readonly Vector[] | undefined {
  let table = tables.get(objects)
  if (table === undefined) {
    table = new ParsedObject(objects, 'vector-table', 0, (bytes) => asDamage(() => parseVectors(bytes)))
    tables.set(objects, table)
  }
  return table.value()
}

const none: readonly Vector[] = []
const tables = new WeakMap<Objects, ParsedObject<readonly Vector[]>>()

function allowedIn(mode: ChipMode, vector: Vector): boolean {
  const name = commandByEntry.get(vector.function)
  const modes: readonly ChipMode[] = name === undefined ? [] : commands[name].modes
  return vector.program === nativeProgram && modes.includes(mode)
}
