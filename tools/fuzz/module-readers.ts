import { Reader } from '@sealwright/core/bytes'
import { DecodeError } from '@sealwright/core/errors'
import {
  parseControlPage,
  parseObjectEntry,
  serializeControlPage,
  serializeObjectEntry,
} from '@sealwright/module/eeprom'
import { parseRecord } from '@sealwright/module/journal'
import { compileProgram, ProgramRefused } from '@sealwright/module/program'
import { parseDefinition, serializeDefinition } from '@sealwright/module/resources'
import { parseRom, parseVectors, serializeVectors } from '@sealwright/module/rom'
import type { Reading } from './parser-target.ts'

export function isDecodeError(error: unknown): boolean {
  return error instanceof DecodeError
}

/** What the module reads besides commands: programs, the ROM image, and what lies in its memory. */
export const moduleReaders: readonly Reading[] = [
  reading('compileProgram', compileProgram, undefined, (error) => error instanceof ProgramRefused),
  reading('parseRom', parseRom),
  reading('parseVectors', parseVectors, serializeVectors),
  reading('parseRecord', parseRecord),
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
