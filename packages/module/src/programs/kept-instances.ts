import type { Command, Response } from '@sealwright/core/apdu'
import type { Nvm } from '../eeprom/index.ts'
import type { Instantiation, ProgramInstance } from '../program/index.ts'
import { requireInstance } from './call-in-transaction.ts'
import { Frame, Stopped } from './frame.ts'

interface Kept<S> {
  readonly source: S
  readonly frame: Frame
  readonly instance: ProgramInstance
}

export interface KeptCall<S> {
  readonly command: Command
  /** What the instance is made of: one that was made of the same is as good. */
  readonly source: S
  make(frame: Frame): Instantiation
  /** Who answers for what the call writes. */
  readonly writer: string
  readonly function: number
  readonly budget: number
  readonly fromSupplier: boolean
}

/**
 * Instances between commands. Each command meets an instance as new: memory and globals of the last call are overwritten before its answer
 * leaves. A changed source, a call that did not end well, and a program that can change more of its instance make another one.
 */
export class KeptInstances<S> {
  readonly #nvm: Nvm
  readonly #kept = new Map<number, Kept<S>>()

  constructor(nvm: Nvm) {
    this.#nvm = nvm
  }

  /** One call in one transaction. @param key under which the instance is kept */
  call(key: number, call: KeptCall<S>): Response {
    const { frame, instance } = this.#current(key, call)
    this.#nvm.writer = call.writer
    let ended = false
    try {
      const answer = frame.run(instance, call, call.command)
      ended = true
      return answer
    } catch (error) {
      if (error instanceof Stopped) return error.answer
      throw error
    } finally {
      if (!instance.renew() || !ended) this.#kept.delete(key)
    }
  }

  memories(): readonly { readonly key: number; readonly memory: Uint8Array }[] {
    return [...this.#kept].flatMap(([key, { instance }]) =>
      instance.memories().map(({ memory }) => ({ key, memory })),
    )
  }

  /** Drops them all: what is in them was overwritten after the last call. */
  clear(): void {
    this.#kept.clear()
  }

  #current(key: number, { source, make }: KeptCall<S>): Kept<S> {
    const known = this.#kept.get(key)
    if (known !== undefined && known.source === source) return known
    const frame = new Frame(this.#nvm)
    const kept = { source, frame, instance: requireInstance(make(frame)) }
    if (this.#kept.size >= most) this.#kept.clear()
    this.#kept.set(key, kept)
    return kept
  }
}

/** Instances that are kept at most. */
const most = 8
