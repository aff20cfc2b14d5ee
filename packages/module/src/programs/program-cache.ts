import { encodeHex } from '@sealwright/core/bytes'
import type { Crypto } from '@sealwright/core/ports'
import { type CompiledProgram, compileProgram } from '../program/index.ts'

/** Makes a program of its bytes, or throws ProgramRefused. */
export type Compile = (bytes: Uint8Array) => CompiledProgram

/** Compiled programs by the digest of their bytes, so that changed bytes never run as what they were. */
export class ProgramCache {
  readonly #crypto: Crypto
  readonly #compile: Compile
  readonly #compiled = new Map<string, CompiledProgram>()

  /** @param compile does it for bytes that are not known yet */
  constructor(crypto: Crypto, compile: Compile = compileProgram) {
    this.#crypto = crypto
    this.#compile = compile
  }

  /** Throws ProgramRefused for bytes that are no program. */
  compiled(bytes: Uint8Array): CompiledProgram {
    const digest = encodeHex(this.#crypto.sha256(bytes))
    const known = this.#compiled.get(digest)
    if (known !== undefined) return known
    const program = this.#compile(bytes)
    if (this.#compiled.size >= most) this.#compiled.clear()
    this.#compiled.set(digest, program)
    return program
  }

  clear(): void {
    this.#compiled.clear()
  }
}

const most = 16
