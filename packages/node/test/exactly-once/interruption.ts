import { StateError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import type { KeyVault, PartyPorts, Store } from '@sealwright/roles/ports'
import type { Interference } from '../life/index.ts'

/** What may happen at one exchange, or at one change of what a party keeps. */
export type CutKind =
  /** The command does not reach the module; the line is dead from then on. */
  | 'command lost'
  /** The module has done it; its answer does not come back, and the line is dead. */
  | 'answer lost'
  /** The module has done it; the program on the host ends there, and nothing of it runs any more. */
  | 'killed'
  /** The same, and the module loses its power. */
  | 'power lost'
  /** The program on the host ends after it has written or erased something. */
  | 'killed at change'

export const exchangeCuts = ['command lost', 'answer lost', 'killed', 'power lost'] as const

export interface Cut {
  readonly kind: CutKind
  /** Of the exchanges with all chips, or of the changes; from 1. */
  readonly at: number
}

/** Counts what passes, and interrupts it at one point. */
export class Interruption implements Interference {
  readonly exchanges = new Map<string, number>()
  changes = 0
  /** The point of the cut was reached. */
  happened = false
  /** Settles when the program on the host has ended. */
  readonly killed: Promise<'killed'>
  readonly #cut: Cut | undefined
  #count = 0
  #kill: () => void = () => {}
  #isDead = false
  readonly #brokenLines = new Set<string>()

  constructor(cut?: Cut) {
    this.#cut = cut
    this.killed = new Promise((done) => {
      this.#kill = () => done('killed')
    })
  }

  line(chip: string, below: Transport): Transport {
    return {
      direct: true,
      transmit: (command) => this.#exchange(chip, () => below.transmit(command)),
      close: () => (this.#isDead ? never() : below.close()),
    }
  }

  ports(below: PartyPorts): PartyPorts {
    return { ...below, store: this.#store(below.store), vault: this.#vault(below.vault) }
  }

  async #exchange(chip: string, work: () => Promise<Uint8Array>): Promise<Uint8Array> {
    if (this.#isDead) return never()
    if (this.#brokenLines.has(chip)) throw broken()
    this.#count++
    this.exchanges.set(chip, (this.exchanges.get(chip) ?? 0) + 1)
    const { kind, at } = this.#cut ?? {}
    if (at !== this.#count || kind === 'killed at change') return work()
    this.happened = true
    if (kind === 'command lost') return this.#break(chip)
    await work()
    return kind === 'answer lost' ? this.#break(chip) : this.#die()
  }

  async #change<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isDead) return never()
    this.changes++
    const done = await work()
    if (this.#cut?.kind !== 'killed at change' || this.#cut.at !== this.changes) return done
    this.happened = true
    return this.#die()
  }

  #break(chip: string): never {
    this.#brokenLines.add(chip)
    throw broken()
  }

  #die(): Promise<never> {
    this.#isDead = true
    this.#kill()
    return never()
  }

  #alive<T>(work: () => Promise<T>): Promise<T> {
    return this.#isDead ? never() : work()
  }

  #store(below: Store): Store {
    return {
      read: (name) => this.#alive(() => below.read(name)),
      list: (prefix) => this.#alive(() => below.list(prefix)),
      write: (name, bytes) => this.#change(() => below.write(name, bytes)),
      remove: (name) => this.#change(() => below.remove(name)),
    }
  }

  #vault(below: KeyVault): KeyVault {
    return {
      ...below,
      createPair: (name, kind) => this.#change(() => below.createPair(name, kind)),
      createSecret: (name, length, use) => this.#change(() => below.createSecret(name, length, use)),
      importSecret: (name, bytes) => this.#change(() => below.importSecret(name, bytes)),
      remove: (name) => this.#change(() => below.remove(name)),
    }
  }
}

function broken(): StateError {
  return new StateError('the connection broke', { code: 'transport-failed' })
}

/** A program that has ended waits for nothing and does nothing: no handler of its runs. */
function never(): Promise<never> {
  return new Promise(() => {})
}
