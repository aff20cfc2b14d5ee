import { type CommandRow, commands } from '@sealwright/core/catalog'
import { type MaskFile, maskPagesOf, programNumbers } from '@sealwright/core/customization'
import { DecodeError, UsageError } from '@sealwright/core/errors'
import { Objects, openMemory, openNvm } from '../eeprom/index.ts'
import {
  areaOf,
  defaultEeprom,
  type Geometry,
  geometryFor,
  type Medium,
  pageSize,
  RamMedium,
} from '../medium/index.ts'
import { compileProgram } from '../program/index.ts'
import { layOutRom, parseRom, serializeRom, type Vector } from '../rom/index.ts'

/** What the client puts into a mask. */
export interface MaskParts {
  /** Bytes of EEPROM; 256 KiB unless given. */
  readonly eepromSize?: number
  /** The client's public key, 65 bytes. */
  readonly clientKey: Uint8Array
  /** WebAssembly masked in ROM as program 1. */
  readonly program: Uint8Array
  /** The customization software under the unlocking key. */
  readonly encryptedImage: Uint8Array
  /** The chips are test modules (X9). */
  readonly test?: boolean
}

/**
 * Lays a mask out as the chip's memory: ROM with all native entries, of which the boot vectors name only those that serve before
 * FINISH, and a formatted EEPROM that holds the encrypted image and nothing else. A program that is none is ProgramRefused.
 */
export function layOutMask(parts: MaskParts): MaskFile {
  const { eepromSize = defaultEeprom, clientKey, program, encryptedImage, test = false } = parts
  compileProgram(program)
  const nativeEntries = rows.map(({ entry }) => entry).sort((a, b) => a - b)
  const masked = { id: programNumbers.rom, name: 'masked software', code: program }
  const rom = serializeRom(
    layOutRom({ test, eepromSize, clientKey, bootVectors: bootVectors(), nativeEntries, programs: [masked] }),
  )
  const medium = new RamMedium(geometryFor(eepromSize, rom.length), rom)
  // Not started as a chip: the test bit is set, and its mark written to EEPROM, by each chip itself.
  const nvm = openNvm(medium)
  const objects = new Objects(nvm)
  nvm.transaction((tx) => objects.put(tx, 'encrypted-image', 0, encryptedImage))
  return { version: 1, eepromSize, rom, eeprom: maskPagesOf(nvm.read(0, nvm.size)) }
}

/** The memory that a chip of this mask needs. */
export function maskGeometry({ eepromSize, rom }: Pick<MaskFile, 'eepromSize' | 'rom'>): Geometry {
  if (parseRom(rom).eepromSize !== eepromSize) {
    throw new UsageError('the ROM image was made for another size of EEPROM')
  }
  return geometryFor(eepromSize, rom.length)
}

/**
 * Writes the mask's EEPROM pages into a blank chip that was made with its ROM, and starts it once: a test module leaves production with
 * its OTP bit set.
 */
export function programMask(medium: Medium, mask: MaskFile): void {
  const { first } = areaOf(medium.geometry, 'eeprom')
  for (const { number, bytes } of mask.eeprom) medium.program(first + number, bytes)
  medium.sync()
  openMemory(medium)
}

/** Where the encrypted image lies in the EEPROM that a mask delivers. DecodeError when there is none. */
export function maskedImage(mask: MaskFile): { readonly address: number; readonly bytes: Uint8Array } {
  const medium = new RamMedium(maskGeometry(mask), mask.rom)
  programMask(medium, mask)
  const { objects } = openMemory(medium)
  const entry = objects.find('encrypted-image', 0)
  if (entry === undefined) throw new DecodeError('mask file: there is no encrypted image in it')
  return { address: entry.address, bytes: objects.nvm.read(entry.address, entry.length) }
}

/** The whole EEPROM that a mask delivers. */
export function maskedEeprom({ eepromSize, eeprom }: Pick<MaskFile, 'eepromSize' | 'eeprom'>): Uint8Array {
  const bytes = new Uint8Array(eepromSize)
  for (const page of eeprom) bytes.set(page.bytes, page.number * pageSize)
  return bytes
}

/** What serves before any vector is loaded: commands of issuer mode, and those that open the customization channel. */
function bootVectors(): Vector[] {
  return rows
    .filter(
      ({ modes, channel }) =>
        channel === 'none' && modes.some((mode) => mode !== 'user' && mode !== 'terminated'),
    )
    .map(({ ins, entry }) => ({ ins, program: programNumbers.native, function: entry }))
    .sort((a, b) => a.ins - b.ins)
}

const rows: readonly CommandRow[] = Object.values(commands)
