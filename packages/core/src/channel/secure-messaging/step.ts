import type { StatusWord } from '../../catalog/index.ts'

/** A step of the module that was refused: the status word to answer. Nothing of the session remains. */
export interface Refused {
  readonly refused: StatusWord
  readonly reply?: never
  readonly next?: never
}

/** A step of the module that was taken: the data to answer with 9000, and what comes next. */
export interface Reply<Next> {
  readonly reply: Uint8Array
  readonly next: Next
  readonly refused?: never
}
