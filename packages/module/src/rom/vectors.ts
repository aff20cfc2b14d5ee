import { Reader, Writer } from '@sealwright/core/bytes'

/** An instruction and what it runs: an entry of a program, or of the native ones when `program` is 0. */
export interface Vector {
  readonly cla: number
  readonly ins: number
  readonly program: number
  /** Number of the native entry, or of the program's exported function. */
  readonly entry: number
}

export const vectorLength = 6

/** cla(1) ‖ ins(1) ‖ program(2) ‖ entry(2), one after another; ascending by instruction. */
export function serializeVectors(vectors: readonly Vector[]): Uint8Array {
  const w = new Writer()
  for (const { cla, ins, program, entry } of vectors) w.u8(cla).u8(ins).u16(program).u16(entry)
  return w.finish()
}

/** Refuses two vectors for one instruction: which of them runs would be a matter of luck. */
export function parseVectors(bytes: Uint8Array): Vector[] {
  const r = new Reader(bytes, 'vectors')
  const vectors: Vector[] = []
  let last = -1
  while (r.remaining > 0) {
    const vector = { cla: r.u8('cla'), ins: r.u8('ins'), program: r.u16('program'), entry: r.u16('entry') }
    const instruction = (vector.cla << 8) | vector.ins
    if (instruction <= last) throw r.fail('instructions not ascending')
    last = instruction
    vectors.push(vector)
  }
  r.end()
  return vectors
}
