import { Reader } from '@sealwright/core/bytes'
import { DecodeError } from '@sealwright/core/errors'
import { scriptedEntropy } from '@sealwright/core/testing'
import {
  parseControlPage,
  parseObjectEntry,
  serializeControlPage,
  serializeObjectEntry,
} from '@sealwright/module/eeprom'
import { parseRecord } from '@sealwright/module/journal'
import { compileProgram, ProgramRefused, ProgramSimulator } from '@sealwright/module/program'
import { parseDefinition, serializeDefinition } from '@sealwright/module/resources'
import { parseRom, parseVectors, serializeVectors } from '@sealwright/module/rom'
import { parseSealState, serializeSealState } from '@sealwright/module/seal'
import type { Reading } from './parser-target.ts'
import { insecureStampingCrypto } from './stamping-crypto.ts'

export function isDecodeError(error: unknown): boolean {
  return error instanceof DecodeError
}

/** What the module reads besides commands: programs, which are run too, the ROM image, and what lies in its memory. */
export const moduleReaders: readonly Reading[] = [
  reading('compileProgram', compileProgram, undefined, isProgramRefused),
  reading('runProgram', runProgram, undefined, isProgramRefused),
  reading('parseRom', parseRom),
  reading('parseVectors', parseVectors, serializeVectors),
  reading('parseRecord', parseRecord),
  reading('parseSealState', parseSealState, serializeSealState),
  reading('parseControlPage', parseControlPage, serializeControlPage),
  reading('parseObjectEntry', parseObjectEntry, serializeObjectEntry),
  reading(
    'parseDefinition',
    (bytes) => {
      const r = new Reader(bytes, 'definition')
      const definition = parseDefinition(r)
      r.end()
      return definition
    },
    serializeDefinition,
  ),
]

function isProgramRefused(error: unknown): boolean {
  return error instanceof ProgramRefused
}

/** A program that passes the check runs, whatever it is, within its budget, and ends well or with a status word. */
function runProgram(program: Uint8Array): void {
  const simulator = new ProgramSimulator({
    ...{ program, crypto: insecureStampingCrypto, entropy: scriptedEntropy('program'), dataSize: 64 },
    keys: new Map([[1, new Uint8Array(16)]]),
    signer: { scalar: new Uint8Array(32).fill(1), resource: Uint8Array.of(1) },
    now: () => 1_800_000_000,
    budget: 500_000,
  })
  if (simulator.compiled.functions.get('process') !== 'entry') return
  for (const ins of [0x10, 0x12]) simulator.transmit(ins, Uint8Array.of(ins, 1, 2, 3))
}

function reading<T>(
  name: string,
  parse: (bytes: Uint8Array) => T,
  serialize?: (value: T) => Uint8Array,
  refuses: (error: unknown) => boolean = isDecodeError,
): Reading {
  return {
    name,
    takes: 'bytes',
    parse,
    refuses,
    ...(serialize === undefined ? {} : { serialize: serialize as (value: never) => Uint8Array }),
  }
}
