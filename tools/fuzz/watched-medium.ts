import { createHash } from 'node:crypto'
import {
  areaOfPage,
  checkProgram,
  type Geometry,
  type Medium,
  pageSize,
  RamMedium,
  type Snapshot,
} from '@sealwright/module/medium'

/** A chip's memory over a snapshot that stays as it is. It can say what it was before the command that is now carried out. */
export class WatchedMedium implements Medium {
  /** Pages programmed since the start. */
  programs = 0
  readonly #snapshot: Snapshot
  readonly #programmed = new Map<number, Uint8Array>()
  /** Pages that changed since `mark`, as they were. */
  readonly #old = new Map<number, Uint8Array>()

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot
  }

  get geometry(): Geometry {
    return this.#snapshot.geometry
  }

  get changed(): boolean {
    return this.#old.size > 0
  }

  get revision(): number {
    return this.programs
  }

  read(page: number): Uint8Array {
    return this.lend(page).slice()
  }

  lend(page: number): Uint8Array {
    areaOfPage(this.geometry, page)
    return this.#programmed.get(page) ?? this.#snapshot.pages.get(page) ?? blank
  }

  program(page: number, bytes: Uint8Array): void {
    checkProgram(this.geometry, page, bytes, () => this.read(page))
    this.programs++
    if (!this.#old.has(page)) this.#old.set(page, this.read(page))
    this.#programmed.set(page, bytes.slice())
  }

  sync(): void {}

  /** From now on `before` is the memory as it is now. */
  mark(): void {
    this.#old.clear()
  }

  /** Stands for what was programmed since the start. */
  digest(): string {
    const state = createHash('sha256')
    for (const [page, bytes] of [...this.#programmed].sort(([a], [b]) => a - b)) {
      state.update(Uint8Array.of(page >> 16, page >> 8, page)).update(bytes)
    }
    return state.digest('base64')
  }

  before(): RamMedium {
    return this.#with(this.#old)
  }

  now(): RamMedium {
    return this.#with(new Map())
  }

  #with(pages: ReadonlyMap<number, Uint8Array>): RamMedium {
    const { geometry, pages: first, damaged } = this.#snapshot
    return RamMedium.from({ geometry, pages: new Map([...first, ...this.#programmed, ...pages]), damaged })
  }
}

const blank = new Uint8Array(pageSize)
