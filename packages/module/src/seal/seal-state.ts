import { Reader } from '@sealwright/core/bytes'
import { attachmentLength } from '../journal/index.ts'
import { type CommitMark, commitIdLength } from './commit-mark.ts'
import { readU64, writeU64 } from './number.ts'

/** Σ v, Σ (p + 1)·v and Σ (p + 1)²·v over the commits v of the pages p, modulo 2^64. */
export type Sums = readonly [bigint, bigint, bigint]

/** What the seal says of a whole memory after one transaction; 64 bytes. */
export interface SealState extends CommitMark {
  /** CMAC over the tags of all pages. */
  readonly root: Uint8Array
  /** Which page is stale when the root does not hold. */
  readonly sums: Sums
}

export const sealStateLength = attachmentLength

/** commit(8) ‖ id(16) ‖ root(16) ‖ S0(8) ‖ S1(8) ‖ S2(8) */
export function serializeSealState({ commit, id, root, sums }: SealState): Uint8Array {
  const out = new Uint8Array(sealStateLength)
  writeU64(out, 0, commit)
  out.set(id, 8)
  out.set(root, 24)
  const view = new DataView(out.buffer)
  for (const [i, sum] of sums.entries()) view.setBigUint64(40 + 8 * i, sum)
  return out
}

export function parseSealState(bytes: Uint8Array): SealState {
  const r = new Reader(bytes, 'seal of the memory')
  const commit = readU64(r, 'commit')
  const id = r.take(commitIdLength, 'id').slice()
  const root = r.take(16, 'root').slice()
  const sum = (): bigint => {
    const [high, low] = [r.u32('sum'), r.u32('sum')]
    return (BigInt(high) << 32n) | BigInt(low)
  }
  const sums = [sum(), sum(), sum()] as const
  r.end()
  return { commit, id, root, sums }
}
