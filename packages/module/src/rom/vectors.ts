import { Reader, Writer } from '@sealwright/core/bytes'

/** An instruction and what it runs: program 0 is the native entries, 1 to 255 are WebAssembly programs. */
export interface Vector {
  readonly ins: number
  readonly program: number
  /** Number of the native entry, or of the program's function. */
  readonly function: number
}

export const vectorLength = 3

/** ins(1) ‖ program(1) ‖ function(1), one after another, ascending by instruction. */
export function serializeVectors(vectors: readonly Vector[]): Uint8Array {
  const w = new Writer()
  for (const vector of vectors) w.u8(vector.ins).u8(vector.program).u8(vector.function)
  return w.finish()
}

/** Refuses two vectors for one instruction: which of them runs would be a matter of luck. */
export function parseVectors(bytes: Uint8Array): Vector[] {
  const r = new Reader(bytes, 'vectors')
  const vectors: Vector[] = []
  while (r.remaining > 0) {
    const vector = { ins: r.u8('ins'), program: r.u8('program'), function: r.u8('function') }
    if (vector.ins <= (vectors.at(-1)?.ins ?? -1)) throw r.fail('instructions not ascending')
    vectors.push(vector)
  }
  r.end()
  return vectors
}
