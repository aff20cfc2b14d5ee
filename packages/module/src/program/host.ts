/**
 * What the module offers to a program, one member per interface of the catalog. A program reaches only those it was granted.
 * Byte strings for `chip` are copies, all others are views of the program's memory: a host function that keeps them copies them.
 * Lengths and addresses have been checked against the program's memory; whether the program may do it is for the host to say. It
 * refuses by throwing a Refusal, which ends the call; anything else it throws passes through `call` unchanged.
 */
export interface ProgramHost {
  readonly io?: IoHost
  readonly data?: DataHost
  readonly random?: { bytes(length: number): Uint8Array }
  readonly mac?: MacHost
  readonly cipher?: CipherHost
  /** 64 bytes over "APP1" ‖ resource ‖ data. */
  readonly sign?: { sign(data: Uint8Array): Uint8Array }
  /** Seconds since 1970, or undefined when no time was brought yet. */
  readonly clock?: { now(): number | undefined }
  readonly chip?: ChipHost
}

export interface IoHost {
  /** The command of this call. */
  readonly command: {
    readonly ins: number
    readonly p1: number
    readonly p2: number
    readonly data: Uint8Array
  }
  /** Whether it came in the channel of the supplier whose resource the program lies in. */
  readonly fromSupplier: boolean
  /** Appends so many bytes of the memory to the answer; refuses what does not fit one. */
  output(memory: Uint8Array, from: number, length: number): void
  /** 6xxx or 9xxx. */
  status(sw: number): void
}

export interface DataHost {
  /** Bytes of the area; `read` and `write` are called only inside it. */
  readonly size: number
  /** Into the program's memory, from `at` on. */
  read(offset: number, length: number, memory: Uint8Array, at: number): void
  write(offset: number, bytes: Uint8Array): void
}

/** `place` is a reference of four bytes, as in key-download.md, 8.1. */
export interface MacHost {
  /** 16 bytes. `use` says what the program does with it: a key may be for the one and not for the other. */
  cmac(place: number, data: Uint8Array, use: 'generate' | 'verify'): Uint8Array
}

export interface CipherHost {
  encrypt(place: number, iv: Uint8Array, data: Uint8Array): Uint8Array
  decrypt(place: number, iv: Uint8Array, data: Uint8Array): Uint8Array
}

export interface ChipHost {
  /** `kind` is the number of an object kind in the directory; the host refuses those that customization does not write. */
  put(kind: number, id: number, bytes: Uint8Array): void
  append(kind: number, id: number, bytes: Uint8Array): void
  /** Undefined: no such object. */
  length(kind: number, id: number): number | undefined
  /** SHA-256 of the object, 32 bytes. */
  digest(kind: number, id: number): Uint8Array
  vector(ins: number, program: number, number: number): void
  activate(entry: number): void
}
