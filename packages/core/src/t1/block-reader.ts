import { concat, equal } from '../bytes/index.ts'
import { DecodeError } from '../errors/index.ts'
import { type Block, type BlockFault, longestInformation, parseBlock, prologueLength } from './block.ts'
import { epilogue, epilogueLength } from './error-detection.ts'
import type { LineSettings } from './line-settings.ts'

/** What came: a block, or something that is none. */
export type Received =
  | { readonly block: Block }
  | { readonly block: undefined; readonly fault: Exclude<BlockFault, 'none'> }

/**
 * Cuts what a line brings into blocks. Where a block begins after an error nobody can tell from the bytes: whatever comes is thrown away until
 * the line has been silent.
 */
export class BlockReader {
  readonly #settings: LineSettings
  #bytes: Uint8Array = new Uint8Array(0)
  #discarding: Exclude<BlockFault, 'none'> | undefined
  #discarded = 0
  #deadline: number | undefined

  constructor(settings: LineSettings) {
    this.#settings = settings
  }

  /** When the line will have been silent for too long; undefined between blocks. */
  get deadline(): number | undefined {
    return this.#deadline
  }

  push(bytes: Uint8Array, now: number): Received[] {
    const all: Received[] = []
    if (this.#discarding === undefined) {
      this.#bytes = concat(this.#bytes, bytes)
      this.#cut(all)
    } else this.#discarded += bytes.length
    if (this.#discarded > mostDiscarded) {
      // A line that never falls silent.
      this.#discarded = 0
      all.push({ block: undefined, fault: 'other' })
    }
    const between = this.#bytes.length === 0 && this.#discarding === undefined
    this.#deadline = between ? undefined : now + this.#settings.characterMs + 2 * this.#settings.byteMs
    return all
  }

  /** Call when `deadline` has come. */
  tick(now: number): Received[] {
    if (this.#deadline === undefined || now < this.#deadline) return []
    const fault = this.#discarding ?? 'other'
    this.clear()
    return [{ block: undefined, fault }]
  }

  clear(): void {
    this.#bytes = new Uint8Array(0)
    this.#discarding = undefined
    this.#discarded = 0
    this.#deadline = undefined
  }

  #cut(all: Received[]): void {
    const { detection } = this.#settings
    while (this.#bytes.length > 0) {
      const [address, , length] = this.#bytes
      if (address !== 0 || length === longestInformation + 1) return void this.#discard('other')
      if (length === undefined) return
      const covered = prologueLength + length
      const end = covered + epilogueLength[detection]
      if (this.#bytes.length < end) return
      const whole = this.#bytes.slice(0, end)
      if (!equal(whole.subarray(covered), epilogue(whole.subarray(0, covered), detection)))
        return void this.#discard('epilogue')
      this.#bytes = this.#bytes.slice(end)
      all.push(parsed(whole, detection))
    }
  }

  #discard(fault: Exclude<BlockFault, 'none'>): void {
    this.#discarding = fault
    this.#discarded = this.#bytes.length
    this.#bytes = new Uint8Array(0)
  }
}

function parsed(whole: Uint8Array, detection: LineSettings['detection']): Received {
  try {
    return { block: parseBlock(whole, detection) }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { block: undefined, fault: 'other' }
  }
}

const mostDiscarded = 4096
