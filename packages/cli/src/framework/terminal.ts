/** Where a command runs: its working folder, its streams, its environment. */
export interface Terminal {
  readonly cwd: string
  /** Data; one line each. */
  print(line: string): void
  /** Talk, to stderr as `sealwright: …`. */
  say(text: string): void
  /** Asks a person without echo; undefined where nobody can be asked. */
  askSecret?(question: string): Promise<string>
  readInput(): Uint8Array
  readDescriptor(descriptor: number): Uint8Array
}
