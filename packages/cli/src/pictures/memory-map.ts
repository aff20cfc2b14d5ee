import { encodeHex, fromAscii } from '@sealwright/core/bytes'
import { commandByEntry, productDataIds } from '@sealwright/core/catalog'
import { Module, type ModuleWorld } from '@sealwright/module'
import { nativeProgram, vectorsInForce } from '@sealwright/module/dispatch'
import { type JournalSurvey, surveyJournal } from '@sealwright/module/journal'
import {
  type AreaName,
  areaNames,
  areaOf,
  areaOfPage,
  type Medium,
  pageSize,
} from '@sealwright/module/medium'
import { otpBits, otpLength } from '@sealwright/module/otp'
import { parseVectors, type RomSegment, romMap, type Vector } from '@sealwright/module/rom'
import { instructionName } from '@sealwright/node/transport'
import { type EepromMap, readEepromMap } from './eeprom-map.ts'

/** Everything non-volatile of one module: what lies where, whose it is, what reaches it, how often it was written. */
export interface MemoryMap extends EepromMap {
  readonly serial: string | undefined
  readonly product: string | undefined
  readonly mode: string
  /** Parts of EEPROM by what they are for. */
  readonly zones: readonly { readonly name: string; readonly start: number; readonly end: number }[]
  readonly rom: RomMap
  readonly vectors: readonly VectorRow[]
  readonly otp: {
    readonly bits: readonly { readonly bit: number; readonly name: string; readonly set: boolean }[]
    /** How many bits have no name, and which of them are set. */
    readonly spare: { readonly count: number; readonly set: readonly number[] }
  }
  readonly journal: JournalMap
  /** How often each page was written, area by area; absent where the medium does not count. */
  readonly writes?: Readonly<Record<AreaName, readonly number[]>>
}

export interface JournalMap extends Pick<JournalSurvey, 'state' | 'used'> {
  /** Bytes of the area. */
  readonly size: number
  /** What a committed transaction replaces. */
  readonly pages: readonly { readonly area: AreaName; readonly page: number }[]
}

export interface RomMap {
  /** Bytes of the image. */
  readonly length: number
  readonly test: boolean
  readonly segments: readonly RomSegment[]
  readonly natives: readonly NativeFunction[]
}

/** A native function that the chip carries. */
export interface NativeFunction {
  readonly entry: number
  /** The command that it carries out. */
  readonly command: string
  /** Instructions of the vectors in force that reach it. */
  readonly vectors: readonly number[]
  /** Instructions of the ROM's vectors that reached it in an earlier mode, or will in a later one. */
  readonly dormant: readonly number[]
}

export interface VectorRow extends Vector {
  readonly lies: 'ROM' | 'EEPROM'
  /** Whether the module goes by it in its present mode. */
  readonly inForce: boolean
  /** What it runs, for people. */
  readonly runs: string
}

/**
 * The whole map of a memory as it lies there. The module is powered up on it, and so settles what a power cut left: give a copy.
 * Throws what power-up throws for a memory that does not hold.
 */
export function readMemoryMap(world: ModuleWorld): MemoryMap {
  const { medium } = world
  const writes = writesOf(medium)
  const journal = surveyJournal(medium)
  const module = new Module(world)
  const { rom, otp, nvm, life, objects } = module.parts
  const mode = life.mode()
  const vectors = vectorRows(module)
  const serial = module.parts.serial()
  const product = mode === 'user' ? objects.read('product-data', productDataIds.name) : undefined
  const { bits, spare } = otp.list()
  const names = Object.entries(otpBits)
  return {
    serial: serial && encodeHex(serial),
    product: product && fromAscii(product),
    mode,
    ...readEepromMap(module),
    zones: Object.entries(nvm.zones).map(([name, { start, end }]) => ({ name, start, end })),
    rom: {
      length: rom.bytes.length,
      test: rom.test,
      segments: romMap(rom),
      natives: rom.nativeEntries.map((entry) => {
        const own = vectors.filter((row) => row.program === nativeProgram && row.function === entry)
        const instructions = (inForce: boolean): number[] =>
          own.filter((row) => row.inForce === inForce).map(({ ins }) => ins)
        const command = commandByEntry.get(entry) ?? `native function ${entry}`
        return { entry, command, vectors: instructions(true), dormant: instructions(false) }
      }),
    },
    vectors,
    otp: {
      bits: names.map(([name, bit]) => ({ bit, name, set: bits[name as keyof typeof otpBits] })),
      spare: { count: 8 * otpLength - names.length, set: spare },
    },
    journal: {
      ...journal,
      size: areaOf(medium.geometry, 'journal').pages * pageSize,
      pages: journal.pages.map((page) => {
        const area = areaOfPage(medium.geometry, page)
        return { area: area.name, page: page - area.first }
      }),
    },
    ...(writes === undefined ? {} : { writes }),
  }
}

function writesOf(medium: Medium): Record<AreaName, number[]> | undefined {
  if (medium.writes === undefined) return undefined
  const counts = areaNames.map((name): [AreaName, number[]] => {
    const { first, pages } = areaOf(medium.geometry, name)
    return [name, Array.from({ length: pages }, (_, i) => medium.writes!(first + i))]
  })
  return Object.fromEntries(counts) as Record<AreaName, number[]>
}

function vectorRows({ parts: { rom, objects, life } }: Module): VectorRow[] {
  const inForce = vectorsInForce(life.mode(), rom, objects)
  const table = parseVectors(objects.read('vector-table', 0) ?? new Uint8Array(0))
  const has = (one: Vector): boolean =>
    inForce.some(
      (other) =>
        !rom.bootVectors.includes(other) &&
        other.ins === one.ins &&
        other.program === one.program &&
        other.function === one.function,
    )
  const runs = ({ ins, program, function: number }: Vector): string => {
    const meant = instructionName(ins)
    if (program === nativeProgram) return commandByEntry.get(number) ?? `native function ${number}`
    const masked = rom.programs.find(({ id }) => id === program)
    const where = masked === undefined ? `software ${program}` : `ROM program ${masked.name}`
    return `${where}, function ${number}${meant === undefined ? '' : ` (${meant})`}`
  }
  return [
    ...rom.bootVectors.map((one): VectorRow => {
      return { ...one, lies: 'ROM', inForce: inForce.includes(one), runs: runs(one) }
    }),
    ...table.map((one): VectorRow => ({ ...one, lies: 'EEPROM', inForce: has(one), runs: runs(one) })),
  ]
}
