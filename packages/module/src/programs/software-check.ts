import { functionExport } from '@sealwright/core/catalog'
import { parseSoftware, programNumbers, romInterfaces } from '@sealwright/core/customization'
import { DecodeError } from '@sealwright/core/errors'
import { Refusal } from '../dispatch/refusal.ts'
import type { Parts } from '../parts.ts'
import { type CompiledProgram, ProgramRefused } from '../program/index.ts'
import { parseVectors, type Vector } from '../rom/index.ts'
import { ProgramCache } from './program-cache.ts'

type CheckParts = Pick<Parts, 'objects' | 'rom'>

/** Refuses a vector that leads nowhere: no such native entry or program, no such function, or software that is no program. */
export function requireVector(
  parts: CheckParts,
  cache: ProgramCache,
  { program, function: number }: Omit<Vector, 'ins'>,
): void {
  const { rom } = parts
  if (program === programNumbers.native) {
    if (!rom.nativeEntries.includes(number)) throw new Refusal('reference-not-found')
    return
  }
  const compiled =
    program === programNumbers.rom ? maskedProgram(parts, cache) : compiledSoftware(parts, cache, program)
  if (compiled?.functions.get(functionExport(number)) !== 'entry') throw new Refusal('reference-not-found')
}

/** Refuses software that could not run as it lies in EEPROM, and a vector table that leads nowhere. */
export function requireSoftware(parts: CheckParts & Pick<Parts, 'compile' | 'crypto'>): void {
  const { objects } = parts
  // Many vectors lead to one program.
  const cache = new ProgramCache(parts.crypto, parts.compile)
  for (const { id } of objects.list('software')) compiledSoftware(parts, cache, id)
  for (const vector of parseVectors(objects.read('vector-table', 0) ?? new Uint8Array(0))) {
    requireVector(parts, cache, vector)
  }
}

function maskedProgram({ rom }: Pick<Parts, 'rom'>, cache: ProgramCache): CompiledProgram | undefined {
  const masked = rom.programs.find(({ id }) => id === programNumbers.rom)
  return masked === undefined ? undefined : cache.compiled(masked.code)
}

/** Undefined when there is none. */
function compiledSoftware(
  { objects }: Pick<Parts, 'objects'>,
  cache: ProgramCache,
  id: number,
): CompiledProgram | undefined {
  const bytes = objects.read('software', id)
  if (bytes === undefined) return undefined
  try {
    const software = parseSoftware(bytes)
    const compiled = cache.compiled(software.program)
    const granted: readonly string[] =
      id === programNumbers.added ? [...software.interfaces, ...romInterfaces] : software.interfaces
    if (!compiled.interfaces.every((name) => granted.includes(name))) throw new Refusal('wrong-data')
    return compiled
  } catch (error) {
    if (error instanceof DecodeError || error instanceof ProgramRefused) throw new Refusal('wrong-data')
    throw error
  }
}
