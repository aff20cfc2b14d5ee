import type { Random } from './random.ts'

/** A law that was broken. */
export interface Defect {
  /** `throws`, `hang`, `other bytes`, `internal error`, `state changed` … */
  readonly kind: string
  /** Whose: the parser's name, the command. */
  readonly subject: string
  /** What makes two defects of one kind and subject different: the error's name and the function it came from. */
  readonly detail: string
  /** For a person: message, stack, places. */
  readonly text: string
}

/** What is fuzzed. An input is a value that a run does not change. */
export interface Target<Input> {
  readonly name: string
  /** Inputs that are run before coverage is looked at: dear inputs one by one, cheap ones many. */
  readonly batch: number
  /** Where the search begins. */
  seeds(): Iterable<Input>
  /** Runs one input from the same start every time; what broke, if anything. */
  run(input: Input): Defect | undefined
  /** `pick` gives other inputs of the corpus to take pieces from; `turn` counts how often this one was changed before. */
  mutate(input: Input, random: Random, pick: () => Input, turn: number): Input
  /** Simpler inputs, the simplest first, for the search of the smallest one that still breaks the law. */
  smaller(input: Input): Iterable<Input>
  /** What an input is in a loop without end; its time is over before it could say so itself. */
  subject(input: Input): string
  /** As JSON, and back. `read` throws for what is no input. */
  write(input: Input): unknown
  read(value: unknown): Input
}

export function identity({ kind, subject, detail }: Defect): string {
  return [kind, subject, detail].join(' | ')
}
