import { ascii, concat } from '@sealwright/core/bytes'
import { type InterfaceName, interfaces, labels, statusWords } from '@sealwright/core/catalog'
import { UsageError } from '@sealwright/core/errors'
import type { Crypto, Entropy } from '@sealwright/core/ports'
import { Refusal } from '../dispatch/refusal.ts'
import type { ProgramHost } from './host.ts'
import { defaultBudget, defaultLimits, type ProgramLimits } from './limits.ts'
import {
  type CallResult,
  type CompiledProgram,
  compileProgram,
  instantiate,
  type ProgramInstance,
} from './run.ts'

export interface SimulatorOptions {
  readonly program: Uint8Array
  readonly crypto: Crypto
  readonly entropy: Entropy
  /** Interfaces that it is granted; all that a resource can be granted when absent. */
  readonly grants?: Iterable<InterfaceName>
  /** Additional software for a program masked incomplete. */
  readonly added?: Uint8Array
  /** Bytes of the data area, zero at first. */
  readonly dataSize?: number
  /** AES keys by place. */
  readonly keys?: ReadonlyMap<number, Uint8Array>
  /** What `sign` signs with: a P-256 scalar, and the resource's bytes in the signed input. */
  readonly signer?: { readonly scalar: Uint8Array; readonly resource: Uint8Array }
  /** Seconds since 1970 that `clock` tells. */
  readonly now?: () => number | undefined
  readonly budget?: number
  readonly limits?: ProgramLimits
}

export interface SimulatedAnswer {
  readonly data: Uint8Array
  readonly sw: number
  /** How the program ended. */
  readonly result: CallResult
}

/**
 * Runs one program as a module runs it, without a module around it: the same check, meter and interfaces, a data area in memory, and
 * a call that does not end well undone. For the tests of whoever writes the program.
 */
export class ProgramSimulator {
  readonly compiled: CompiledProgram
  /** Whether the commands to come are in the supplier's channel. */
  fromSupplier = true
  readonly #added: CompiledProgram | undefined
  readonly #options: SimulatorOptions
  readonly #grants: ReadonlySet<InterfaceName>
  #data: Uint8Array
  #instance: ProgramInstance | undefined
  #command = { ins: 0, p1: 0, p2: 0, data: new Uint8Array(0) }
  #answer: Uint8Array[] = []
  #sw: number = statusWords.success.sw

  constructor(options: SimulatorOptions) {
    this.#options = options
    this.#grants = new Set(options.grants ?? grantable)
    this.#data = new Uint8Array(options.dataSize ?? 0)
    const limits = options.limits ?? defaultLimits
    this.compiled = compileProgram(options.program, limits)
    this.#added = options.added === undefined ? undefined : compileProgram(options.added, limits)
  }

  /** A copy of the data area. */
  get data(): Uint8Array {
    return this.#data.slice()
  }

  /** What selecting the application again does: its memory is zero. */
  select(): void {
    this.#instance = undefined
  }

  /** Sends one command to the function of this number (0 = `process`). */
  transmit(ins: number, data: Uint8Array = new Uint8Array(0), number = 0, p1 = 0, p2 = 0): SimulatedAnswer {
    this.#command = { ins, p1, p2, data: data.slice() }
    this.#answer = []
    this.#sw = statusWords.success.sw
    const before = this.#data.slice()
    this.#instance ??= instantiate({
      program: this.compiled,
      host: this.#host(),
      grants: this.#grants,
      added: this.#added,
    })
    const result = this.#instance.call(number, this.#options.budget ?? defaultBudget)
    if (result.ok) return { data: concat(...this.#answer), sw: this.#sw, result }
    this.#data = before
    this.#instance = undefined
    return { data: new Uint8Array(0), sw: result.sw, result }
  }

  #host(): ProgramHost {
    const { crypto, entropy, keys, signer, now } = this.#options
    const simulator = this
    const withKey = <T>(place: number, use: (key: ReturnType<Crypto['aes']>) => T): T => {
      const bytes = keys?.get(place)
      if (bytes === undefined) throw new Refusal('reference-not-found')
      const key = crypto.aes(bytes)
      try {
        return use(key)
      } finally {
        key[Symbol.dispose]()
      }
    }
    return {
      io: {
        get command() {
          return simulator.#command
        },
        get fromSupplier() {
          return simulator.fromSupplier
        },
        output: (memory, from, length) => {
          this.#answer.push(memory.slice(from, from + length))
        },
        status: (sw) => {
          this.#sw = sw
        },
      },
      data: {
        size: this.#data.length,
        read: (offset, length, memory, at) => memory.set(this.#data.subarray(offset, offset + length), at),
        write: (offset, bytes) => this.#data.set(bytes, offset),
      },
      random: entropy,
      mac: { cmac: (place, data) => withKey(place, (key) => key.cmac(data)) },
      cipher: {
        encrypt: (place, iv, data) => withKey(place, (key) => key.cbcEncrypt(iv, data)),
        decrypt: (place, iv, data) => withKey(place, (key) => key.cbcDecrypt(iv, data)),
      },
      sign: {
        sign: (data) => {
          if (signer === undefined) throw new UsageError('the simulator was given no key to sign with')
          const key = crypto.ecPrivateKey(signer.scalar)
          try {
            return key.sign(ascii(labels.application.text), signer.resource, data)
          } finally {
            key[Symbol.dispose]()
          }
        },
      },
      clock: { now: () => now?.() },
    }
  }
}

const grantable = (Object.keys(interfaces) as InterfaceName[]).filter((name) => interfaces[name].right !== 0)
