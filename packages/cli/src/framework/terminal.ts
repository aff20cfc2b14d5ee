/** Where a command runs: its working folder, its streams, its environment. */
export interface Terminal {
  readonly cwd: string
  /** Variables of the environment, by name; none where absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Width of the screen that `print` goes to; undefined where it is a file or another program. */
  readonly columns?: number
  /** Data; one line each. */
  print(line: string): void
  /** Talk, to stderr as `sealwright: …`. */
  say(text: string): void
  /** Asks a person without echo; undefined where nobody can be asked. */
  askSecret?(question: string): Promise<string>
  /** Calls `clean` when the person breaks off (^C) or the process is told to end; returns what takes that back. */
  onInterrupt?(clean: () => void): () => void
  /** Calls `stop` at the same signals and leaves the ending to the command; returns what takes that back. */
  onStop?(stop: () => void): () => void
  readInput(): Uint8Array
  readDescriptor(descriptor: number): Uint8Array
}
