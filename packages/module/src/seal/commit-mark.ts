import { equal } from '@sealwright/core/bytes'

export const commitIdLength = 16

/** One state of a memory: the number of the transaction that led to it, and 16 random bytes of that transaction's own. */
export interface CommitMark {
  readonly commit: number
  readonly id: Uint8Array
}

/** Two transactions may have had the same number, one of which never counted. */
export function sameMark(a: CommitMark, b: CommitMark): boolean {
  return a.commit === b.commit && equal(a.id, b.id)
}
