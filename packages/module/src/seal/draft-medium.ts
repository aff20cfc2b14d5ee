import { wipe } from '@sealwright/core/bytes'
import { Journal } from '../journal/index.ts'
import { checkProgram, type Geometry, type Medium } from '../medium/index.ts'
import type { CommitMark } from './commit-mark.ts'
import type { DraftPage, SealedMedium } from './sealed-medium.ts'

/**
 * A sealed memory that is worked on in RAM: what transactions program stays here, unsealed, until `commit` seals all of it as one. For a
 * memory that is put in the place of another as a whole, between which no state counts.
 */
export class DraftMedium implements Medium, Disposable {
  readonly geometry: Geometry
  readonly #sealed: SealedMedium
  readonly #changed = new Map<number, DraftPage>()
  #programs = 0
  #recovered = false

  /** Takes over the sealed memory. Until the first program it reads as it lies there, an interrupted transaction included. */
  constructor(sealed: SealedMedium) {
    this.geometry = sealed.geometry
    this.#sealed = sealed
  }

  /** The state of the sealed memory after the last commit. */
  get mark(): CommitMark {
    return this.#sealed.mark
  }

  get revision(): number {
    return this.#programs + this.#sealed.revision
  }

  read(page: number): Uint8Array {
    return this.lend(page).slice()
  }

  lend(page: number): Uint8Array {
    return this.#changed.get(page)?.content ?? this.#sealed.lend(page)
  }

  writes(page: number): number {
    return this.#sealed.writes(page) + (this.#changed.get(page)?.writes ?? 0)
  }

  program(page: number, bytes: Uint8Array): void {
    if (!this.#recovered) {
      new Journal(this.#sealed).recover()
      this.#recovered = true
    }
    const old = this.lend(page)
    checkProgram(this.geometry, page, bytes, () => old)
    this.#programs++
    const changed = this.#changed.get(page)
    if (changed === undefined) {
      this.#changed.set(page, { content: bytes.slice(), writes: 1 })
      return
    }
    changed.content.set(bytes)
    changed.writes++
  }

  /** Nothing here outlives the process; `commit` makes it part of the sealed memory. */
  sync(): void {}

  /** Seals what was programmed since the last time, as one commit; nothing when there is nothing. Between transactions only. */
  commit(): void {
    this.#sealed.programDraft(this.#changed)
    this.#forget()
  }

  /** Forgets content and keys. */
  close(): void {
    this.#forget()
    this.#sealed.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #forget(): void {
    for (const { content } of this.#changed.values()) wipe(content)
    this.#changed.clear()
  }
}
