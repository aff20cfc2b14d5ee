import type { Command } from 'commander'
import type { Context } from '../framework/index.ts'

export interface CommandFile {
  /** One line for `sealwright --help`. */
  readonly summary: string
  load(): Promise<{ register(program: Command, context: Context): void }>
}

/** Every first word of a command line, and the file that registers it; loaded only when it is asked for. */
export const commandFiles = {
  init: { summary: 'make a workspace, or add a party to one', load: () => import('./init.ts') },
  keys: { summary: "list a party's keys by their check values", load: () => import('./keys.ts') },
} as const satisfies Record<string, CommandFile>
