import type { PartyName, PartyPorts } from '@sealwright/roles/ports'
import type { OpenModule } from '../framework/step.ts'

/** What a stage works with: the demo's workspace, its parties and its files. Modules are reached by APDUs only. */
export interface World {
  /** The workspace's folder; file names below are relative to it. */
  readonly folder: string
  /** The user's own application for the fourth scene, where one was given. */
  readonly app: Uint8Array | undefined
  /** How wide a line that a stage returns may be. */
  readonly columns: number
  /** A party's ports, opened once and kept to the end. */
  party(name: PartyName): PartyPorts
  /** The module in a chip file, powered up once in a stage and down at its end. */
  module(file: string): Promise<OpenModule>
  /** A file that one party handed to another. */
  read(file: string): Uint8Array
  /** Hands a file to another party; also keeps it where the command line of the stage would. */
  write(file: string, bytes: Uint8Array, mode?: number): void
}

/** One step of the story: what it is, what would be typed for it, and what does it. */
export interface Stage {
  /** Stable name for `--json`: `mask`, `produce`, … */
  readonly name: string
  /** One sentence for the reader. */
  readonly text: string
  /** The chip file that it is about, if it is about one. */
  readonly module?: string
  /** Command lines that do the same, without `sealwright`, from inside the workspace. */
  readonly commandLines: readonly (readonly string[])[]
  /** Does it, by role functions alone; returns lines that show what happened. Throws when it did not do what it says. */
  run(world: World): Promise<readonly string[]>
}

/** A scene of the story. */
export interface Scene {
  readonly name: string
  readonly title: string
  /** For what comes before the four scenes, and for what is left after them: it has no number. */
  readonly frame?: true
  readonly stages: readonly Stage[]
}
