/** What a program may cost before it runs. All counts are inclusive. */
export interface ProgramLimits {
  /** Bytes of the wasm binary. */
  readonly size: number
  readonly types: number
  /** Parameters, and results, of a function type. */
  readonly typeWidth: number
  readonly imports: number
  readonly functions: number
  readonly globals: number
  readonly exports: number
  /** Bytes of one function body. */
  readonly bodySize: number
  /** Parameters and local variables of one function together. */
  readonly locals: number
  /** Blocks inside blocks. */
  readonly nesting: number
  /** Values on the operand stack of one function. */
  readonly operands: number
  /** Targets of all br_table of one function. */
  readonly branchTargets: number
  /** Branches and loops of one function, times its locals: what an engine merges where ways join. */
  readonly joins: number
  /** Elements of the function table. */
  readonly tableSize: number
  readonly segments: number
  /** Pages of 64 KiB; a program that names a higher maximum, or none, gets this one. */
  readonly memoryPages: number
  /** Slots of 8 bytes that the frames of all active functions may take. */
  readonly stackSlots: number
}

export const defaultLimits: ProgramLimits = {
  size: 128 * 1024,
  types: 256,
  typeWidth: 16,
  imports: 64,
  functions: 1024,
  globals: 128,
  exports: 64,
  bodySize: 32 * 1024,
  locals: 512,
  nesting: 128,
  operands: 1024,
  branchTargets: 2048,
  joins: 256 * 1024,
  tableSize: 1024,
  segments: 256,
  memoryPages: 32,
  stackSlots: 24 * 1024,
}

/** Units for one call of a program: some hundredths of a second. One unit is about one plain instruction. */
export const defaultBudget = 20_000_000

/** The highest budget: what a call may use fits an i32 with room for one charge below zero. */
export const highestBudget = 0x3fff_ffff
