import { type AreaName, areaOf, type Medium } from '../medium/index.ts'
import type { Ram } from '../ram/index.ts'

export interface ImageParts {
  readonly medium: Medium
  readonly ram: Ram
  /** Memories of the programs that are instantiated. */
  readonly programs?: readonly { readonly name: string; readonly memory: Uint8Array }[]
}

export interface ImageSection {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** Everything the module remembers, as one byte string: EEPROM, OTP, journal, RAM and the programs' memories. */
export class MemoryImage {
  readonly bytes: Uint8Array
  readonly sections: readonly ImageSection[]

  constructor(parts: readonly { name: string; bytes: Uint8Array }[]) {
    this.bytes = new Uint8Array(parts.reduce((sum, { bytes }) => sum + bytes.length, 0))
    let start = 0
    this.sections = parts.map(({ name, bytes }) => {
      this.bytes.set(bytes, start)
      const section = { name, start, end: start + bytes.length }
      start = section.end
      return section
    })
  }

  section(name: string): Uint8Array | undefined {
    const found = this.sections.find((section) => section.name === name)
    return found && this.bytes.subarray(found.start, found.end)
  }

  /** Every place where the pattern stands inside one section: its name and the offset in it. */
  search(pattern: Uint8Array): { section: string; offset: number }[] {
    if (pattern.length === 0) return []
    const found: { section: string; offset: number }[] = []
    for (const { name, start, end } of this.sections) {
      for (let at = this.bytes.indexOf(pattern[0]!, start); at >= 0 && at + pattern.length <= end; ) {
        if (pattern.every((byte, i) => this.bytes[at + i] === byte))
          found.push({ section: name, offset: at - start })
        at = this.bytes.indexOf(pattern[0]!, at + 1)
      }
    }
    return found
  }
}

/** Reads the parts of a module into an image. */
export function memoryImage({ medium, ram, programs = [] }: ImageParts): MemoryImage {
  return new MemoryImage([
    ...(['eeprom', 'otp', 'journal'] as const).map((name) => ({ name, bytes: areaBytes(medium, name) })),
    { name: 'ram', bytes: ram.image() },
    ...programs.map(({ name, memory }) => ({ name: `program ${name}`, bytes: memory })),
  ])
}

function areaBytes(medium: Medium, name: AreaName): Uint8Array {
  const { first, pages } = areaOf(medium.geometry, name)
  const { pageSize } = medium.geometry
  const out = new Uint8Array(pages * pageSize)
  for (let i = 0; i < pages; i++) out.set(medium.read(first + i), i * pageSize)
  return out
}
