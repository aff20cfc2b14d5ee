import { Reader, requireFormatVersion, Writer } from '../bytes/index.ts'
import { type InterfaceName, interfaces } from '../catalog/index.ts'
import { UsageError } from '../errors/index.ts'

/** A program in EEPROM that vectors name, with what it may reach: a software object. */
export interface Software {
  readonly version: 1
  /** In the order of `grantableInterfaces`. */
  readonly interfaces: readonly GrantableInterface[]
  /** Units that one call may spend. */
  readonly budget: number
  /** Key places that `mac` and `cipher` reach, ascending. */
  readonly keyPlaces: readonly number[]
  readonly program: Uint8Array
}

/** Interfaces that may be granted to software: neither `chip`, nor those that speak for a resource. */
export const grantableInterfaces = [
  'io',
  'data',
  'random',
  'mac',
  'cipher',
] as const satisfies readonly InterfaceName[]

export type GrantableInterface = (typeof grantableInterfaces)[number]

/** Interfaces of the ROM's program; what its additional software is granted comes on top. */
export const romInterfaces = ['io', 'data'] as const satisfies readonly InterfaceName[]

/** Programs that vectors name. From `added` on they are software in EEPROM; `added` completes the ROM's program. */
export const programNumbers = { native: 0, rom: 1, added: 2 } as const

/** Id of the product-data object that is the data area of a vectored program. */
export function dataAreaOf(program: number): number {
  return 0x100 + program
}

/** version(1) ‖ rights(1) ‖ budget(4) ‖ number of key places(1) ‖ places(4 each) ‖ program. */
export function serializeSoftware(software: Software): Uint8Array {
  let rights = 0
  for (const name of software.interfaces) {
    if (!grantable(name)) throw new UsageError(`software cannot be granted the interface ${name}`)
    rights |= interfaces[name].right
  }
  const w = new Writer().u8(software.version).u8(rights).u32(software.budget).u8(software.keyPlaces.length)
  for (const place of software.keyPlaces) w.u32(place)
  return w.bytes(software.program).finish()
}

export function parseSoftware(bytes: Uint8Array): Software {
  const r = new Reader(bytes, 'software')
  requireFormatVersion('software', r.u8('version'))
  const rights = r.u8('rights')
  const granted: GrantableInterface[] = grantableInterfaces.filter(
    (name) => (rights & interfaces[name].right) !== 0,
  )
  if (granted.reduce((sum, name) => sum | interfaces[name].right, 0) !== rights) throw r.fail('unknown right')
  const budget = r.u32('budget')
  const keyPlaces = Array.from({ length: r.u8('number of key places') }, () => r.u32('key place'))
  if (keyPlaces.some((place, i) => i > 0 && place <= keyPlaces[i - 1]!))
    throw r.fail('key places not ascending')
  const program = r.rest()
  if (program.length === 0) throw r.fail('no program')
  return { version: 1, interfaces: granted, budget, keyPlaces, program }
}

function grantable(name: string): boolean {
  return (grantableInterfaces as readonly string[]).includes(name)
}
