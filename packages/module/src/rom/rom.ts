import {
  allZero,
  ascii,
  equal,
  fromAscii,
  Reader,
  requireFormatVersion,
  Writer,
} from '@sealwright/core/bytes'
import { romMagics } from '@sealwright/core/customization'
import { DecodeError, UsageError } from '@sealwright/core/errors'
import { areaOf, type Medium, pageSize } from '../medium/index.ts'
import { parseVectors, serializeVectors, type Vector, vectorLength } from './vectors.ts'

/** A WebAssembly program masked in ROM. `address` is where its code begins in ROM. */
export interface RomProgram {
  /** 1 to 255; 0 names the native entries. */
  readonly id: number
  /** 1 to 32 characters of ASCII. */
  readonly name: string
  readonly address: number
  readonly code: Uint8Array
}

/** What the chip manufacturer masks: never changed after. */
export interface RomImage {
  readonly version: 1
  /** Whether the chips are test modules: what the OTP test bit of each must say. */
  readonly test: boolean
  /** EEPROM size in bytes that the image was made for. */
  readonly eepromSize: number
  /** The client's public key, uncompressed point on P-256, 65 bytes. */
  readonly clientKey: Uint8Array
  /** What issuer mode reaches. */
  readonly bootVectors: readonly Vector[]
  /** Numbers of the native entries that the chip carries, ascending. */
  readonly nativeEntries: readonly number[]
  /** Ascending by id and by address. */
  readonly programs: readonly RomProgram[]
}

/** A ROM image together with the bytes it was parsed from. */
export interface Rom extends RomImage {
  readonly bytes: Uint8Array
}

/** Places programs one after another behind the header, each at the start of a page. */
export function layOutRom(
  parts: Omit<RomImage, 'version' | 'programs'> & { programs: readonly Omit<RomProgram, 'address'>[] },
): RomImage {
  const sorted = parts.programs.toSorted((a, b) => a.id - b.id)
  const draft: RomImage = { ...parts, version: 1, programs: sorted.map((one) => ({ ...one, address: 0 })) }
  let address = headerOf(draft, 0).length
  const programs = sorted.map((one) => {
    const placed = { ...one, address: roundUp(address) }
    address = placed.address + one.code.length
    return placed
  })
  return { ...draft, programs }
}

/**
 * magic "SWRM", of test modules "SWRT"(4) ‖ version(1) ‖ length of the image(4) ‖ EEPROM size(4) ‖ client key(65) ‖ number of boot vectors(2) ‖ vectors(3 each)
 * ‖ number of native entries(2) ‖ entries(1 each) ‖ number of programs(1) ‖ per program: id(1) ‖ address(4) ‖ length(4) ‖ name length(1) ‖ name;
 * then the programs, each from the next page on, zeros between.
 */
export function serializeRom(rom: RomImage): Uint8Array {
  const last = rom.programs.at(-1)
  const header = headerOf(rom, 0)
  const length = last === undefined ? header.length : last.address + last.code.length
  const out = new Uint8Array(Math.max(length, header.length))
  out.set(headerOf(rom, length))
  for (const { address, code } of rom.programs) out.set(code, address)
  return out
}

/** Refuses what `serializeRom` would not make: order, addresses and gaps are all fixed. */
export function parseRom(bytes: Uint8Array): Rom {
  const r = new Reader(bytes, 'ROM image')
  const magic = r.take(4, 'magic')
  const test = equal(magic, romMagics.test)
  if (!test && !equal(magic, romMagics.real)) throw r.fail('not a ROM image')
  requireFormatVersion('ROM image', r.u8('version'))
  const length = r.u32('length')
  if (length !== bytes.length) throw r.fail(`length says ${length}, there are ${bytes.length} bytes`)
  const eepromSize = r.u32('EEPROM size')
  const clientKey = r.take(65, 'client key')
  const bootVectors = parseVectors(r.take(vectorLength * r.u16('number of boot vectors'), 'boot vectors'))
  const nativeEntries = Array.from({ length: r.u16('number of native entries') }, () => r.u8('native entry'))
  ascending(r, nativeEntries, 'native entries')
  const heads = Array.from({ length: r.u8('number of programs') }, () => ({
    id: r.u8('id'),
    address: r.u32('address'),
    length: r.u32('length'),
    name: programName(r, r.take(r.u8('name length'), 'name')),
  }))
  ascending(
    r,
    heads.map(({ id }) => id),
    'programs',
  )
  const programs = heads.map(({ id, name, address, length }) => {
    if (id === 0) throw r.fail('program 0 is reserved')
    if (address !== roundUp(r.offset))
      throw r.fail(`program ${id} at ${address}, expected ${roundUp(r.offset)}`)
    if (!allZero(r.take(address - r.offset, 'gap'))) throw r.fail('gap not zero')
    return { id, name, address, code: r.take(length, 'program') }
  })
  r.end()
  return {
    version: 1,
    test,
    eepromSize,
    clientKey,
    bootVectors,
    nativeEntries,
    programs,
    bytes: bytes.slice(),
  }
}

/** The image in a medium's ROM pages. */
export function readRom(medium: Medium): Rom {
  const { first, pages } = areaOf(medium.geometry, 'rom')
  const bytes = new Uint8Array(pages * pageSize)
  for (let i = 0; i < pages; i++) bytes.set(medium.read(first + i), i * pageSize)
  if (bytes.length < 9) throw new DecodeError('ROM image: this chip has no ROM')
  const length = new DataView(bytes.buffer).getUint32(5)
  return parseRom(bytes.subarray(0, Math.min(length, bytes.length)))
}

function headerOf(rom: RomImage, length: number): Uint8Array {
  if (rom.clientKey.length !== 65)
    throw new UsageError(`client key: expected 65 bytes, got ${rom.clientKey.length}`)
  const w = new Writer()
    .bytes(rom.test ? romMagics.test : romMagics.real)
    .u8(rom.version)
    .u32(length)
    .u32(rom.eepromSize)
    .bytes(rom.clientKey)
  w.u16(rom.bootVectors.length).bytes(serializeVectors(rom.bootVectors))
  w.u16(rom.nativeEntries.length)
  for (const entry of rom.nativeEntries) w.u8(entry)
  w.u8(rom.programs.length)
  for (const { id, address, code, name } of rom.programs) {
    w.u8(id).u32(address).u32(code.length).u8(name.length).bytes(ascii(name))
  }
  return w.finish()
}

function programName(r: Reader, bytes: Uint8Array): string {
  const printable = bytes.every((byte) => byte >= 0x20 && byte < 0x7f)
  if (bytes.length < 1 || bytes.length > 32 || !printable)
    throw r.fail('name: expected 1 to 32 ASCII characters')
  return fromAscii(bytes)
}

function ascending(r: Reader, numbers: readonly number[], what: string): void {
  if (numbers.some((n, i) => i > 0 && n <= numbers[i - 1]!)) throw r.fail(`${what} not ascending`)
}

function roundUp(address: number): number {
  return Math.ceil(address / pageSize) * pageSize
}
