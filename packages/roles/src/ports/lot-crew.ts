import type { Transport } from '@sealwright/core/ports'

/** One chip of many, under power: what it does reaches its file when it is saved. */
export interface PoweredChip {
  readonly transport: Transport
  /** Makes what the chip did durable. */
  save(): Promise<void>
  /** Takes the power away; what was not saved is as if it had not been. */
  close(): Promise<void>
}

/** What the one who works on a chip asks before he does what cannot be undone. */
export interface ChipClaim {
  readonly chip: string
  /** 8 bytes. */
  readonly serial: Uint8Array
  /** The index of its image in the lot. */
  readonly index: number
  /** Nobody has unlocked it yet. */
  readonly blank: boolean
}

/**
 * Does the same work with many chips, several at a time: in threads, or one after the other in the same one.
 * The work itself is made known to it by whoever makes the crew.
 */
export interface LotCrew<Job, Result> {
  /**
   * Works through the jobs and hands each result over; the next ones are taken meanwhile.
   * @param claim undefined: go on; a text: why not
   * An error of `done`, or one that the work throws, ends all.
   */
  work(
    jobs: Iterable<Job> | AsyncIterable<Job>,
    claim: (claim: ChipClaim) => string | undefined,
    done: (result: Result) => Promise<void>,
  ): Promise<void>
}
