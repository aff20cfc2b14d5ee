import { UsageError } from '@sealwright/core/errors'
import { areaOf, type Geometry, requirePage, totalPages } from './geometry.ts'
import { checkProgram, type Medium, PageDamaged } from './medium.ts'

/** The whole content of a RamMedium; pages never written are absent. */
export interface Snapshot {
  readonly geometry: Geometry
  readonly pages: ReadonlyMap<number, Uint8Array>
  readonly damaged: ReadonlySet<number>
}

/** Non-volatile memory that lives as long as the process. */
export class RamMedium implements Medium {
  readonly geometry: Geometry
  readonly #pages = new Map<number, Uint8Array>()
  readonly #damaged = new Set<number>()
  readonly #blank: Uint8Array
  readonly #total: number
  #revision = 0

  /** @param rom the ROM image, at most `romPages` pages; it can never be changed afterwards */
  constructor(geometry: Geometry, rom: Uint8Array = new Uint8Array()) {
    this.geometry = geometry
    this.#blank = new Uint8Array(geometry.pageSize)
    this.#total = totalPages(geometry)
    for (const [page, bytes] of romPages(geometry, rom)) this.#pages.set(page, bytes)
  }

  static from(snapshot: Snapshot): RamMedium {
    const medium = new RamMedium(snapshot.geometry)
    medium.restore(snapshot)
    return medium
  }

  /** All that another medium holds, as it reads; pages that cannot be read stay so. */
  static copy(medium: Medium): RamMedium {
    const pages = new Map<number, Uint8Array>()
    const damaged = new Set<number>()
    for (let page = 0; page < totalPages(medium.geometry); page++) {
      try {
        const bytes = medium.lend(page)
        if (bytes.some((byte) => byte !== 0)) pages.set(page, bytes.slice())
      } catch (error) {
        if (!(error instanceof PageDamaged)) throw error
        damaged.add(page)
      }
    }
    return RamMedium.from({ geometry: medium.geometry, pages, damaged })
  }

  get revision(): number {
    return this.#revision
  }

  read(page: number): Uint8Array {
    return this.lend(page).slice()
  }

  lend(page: number): Uint8Array {
    const bytes = this.#pages.get(page)
    if (this.#damaged.size > 0 && this.#damaged.has(page))
      throw new PageDamaged(page, 'not what was last written')
    if (bytes !== undefined) return bytes
    requirePage(page, this.#total)
    return this.#blank
  }

  program(page: number, bytes: Uint8Array): void {
    checkProgram(this.geometry, page, bytes, () => (this.#damaged.has(page) ? undefined : this.lend(page)))
    this.#revision++
    this.#damaged.delete(page)
    const old = this.#pages.get(page)
    if (old === undefined) this.#pages.set(page, bytes.slice())
    else old.set(bytes)
  }

  sync(): void {}

  /** Makes a page unreadable until it is programmed again, as a torn program of a checked page does. */
  damage(page: number): void {
    requirePage(page, this.#total)
    this.#revision++
    this.#damaged.add(page)
  }

  snapshot(): Snapshot {
    const pages = new Map<number, Uint8Array>()
    for (const [page, bytes] of this.#pages) pages.set(page, bytes.slice())
    return { geometry: this.geometry, pages, damaged: new Set(this.#damaged) }
  }

  /** Puts back everything, OTP and ROM included: the one way in which a test turns time back. */
  restore(snapshot: Snapshot): void {
    if (totalPages(snapshot.geometry) !== this.#total) {
      throw new UsageError('the snapshot is of a memory of another size')
    }
    this.#revision++
    this.#pages.clear()
    this.#damaged.clear()
    for (const [page, bytes] of snapshot.pages) this.#pages.set(page, bytes.slice())
    for (const page of snapshot.damaged) this.#damaged.add(page)
  }

  clone(): RamMedium {
    return RamMedium.from(this.snapshot())
  }
}

/** A ROM image cut into its pages, the last one filled with zeros; too long for the geometry is a UsageError. */
export function romPages(geometry: Geometry, rom: Uint8Array): [page: number, bytes: Uint8Array][] {
  const { first, pages } = areaOf(geometry, 'rom')
  if (rom.length > pages * geometry.pageSize) {
    throw new UsageError(`a ROM of ${pages} pages cannot hold an image of ${rom.length} bytes`)
  }
  const out: [number, Uint8Array][] = []
  for (let offset = 0; offset < rom.length; offset += geometry.pageSize) {
    const bytes = new Uint8Array(geometry.pageSize)
    bytes.set(rom.subarray(offset, offset + geometry.pageSize))
    out.push([first + offset / geometry.pageSize, bytes])
  }
  return out
}
