import type { Command, Response } from '@sealwright/core/apdu'
import { copyBytes } from '@sealwright/core/bytes'
import { statusWords } from '@sealwright/core/catalog'
import { InternalError } from '@sealwright/core/errors'
import { Refusal } from '../dispatch/refusal.ts'
import type { Nvm, Transaction } from '../eeprom/index.ts'
import type { IoHost, ProgramInstance } from '../program/index.ts'

/** What a program's instance is told of the call that runs: the command, the transaction of its writes, and the answer so far. */
export class Frame implements IoHost {
  readonly #nvm: Nvm
  readonly #answer = new Uint8Array(longestAnswer)
  #length = 0
  #sw: number = statusWords.success.sw
  #command: Command | undefined
  #tx: Transaction | undefined
  #fromSupplier = false

  constructor(nvm: Nvm) {
    this.#nvm = nvm
  }

  get command(): Command {
    if (this.#command === undefined) throw outside()
    return this.#command
  }

  get fromSupplier(): boolean {
    return this.#fromSupplier
  }

  get tx(): Transaction {
    if (this.#tx === undefined) throw outside()
    return this.#tx
  }

  output(memory: Uint8Array, from: number, length: number): void {
    if (this.#length + length > longestAnswer) throw new Refusal('wrong-length')
    copyBytes(memory, from, length, this.#answer, this.#length)
    this.#length += length
  }

  status(sw: number): void {
    this.#sw = sw
  }

  /** One call in one transaction. When it does not end well it leaves nothing behind and throws Stopped. */
  run(
    instance: ProgramInstance,
    call: { readonly function: number; readonly budget: number; readonly fromSupplier: boolean },
    command: Command,
  ): Response {
    this.#command = command
    this.#fromSupplier = call.fromSupplier
    this.#sw = statusWords.success.sw
    try {
      this.#nvm.transaction((tx) => {
        this.#tx = tx
        const result = instance.call(call.function, call.budget)
        if (!result.ok) throw new Stopped(result.sw)
      })
      return { data: this.#answer.slice(0, this.#length), sw: this.#sw }
    } finally {
      this.#answer.fill(0, 0, this.#length)
      this.#length = 0
      this.#command = undefined
      this.#tx = undefined
    }
  }
}

/** Undoes the transaction of a call that did not end well. */
export class Stopped extends Error {
  readonly answer: Response

  constructor(sw: number) {
    super('a program was stopped')
    this.answer = { data: new Uint8Array(0), sw }
  }
}

function outside(): InternalError {
  return new InternalError('a program ran outside a call')
}

/** Bytes of data that a program's answer holds at most. */
const longestAnswer = 4096
