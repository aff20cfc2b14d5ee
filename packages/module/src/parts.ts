import type { Command, Response } from '@sealwright/core/apdu'
import type { CommandName } from '@sealwright/core/catalog'
import type { SelfTest } from '@sealwright/core/customization'
import type { Crypto, Entropy } from '@sealwright/core/ports'
import type { Channels, OpenChannel } from './channel/index.ts'
import type { Nvm, Objects } from './eeprom/index.ts'
import type { Events } from './events/index.ts'
import type { KeyStore } from './keys/index.ts'
import type { Lifecycle } from './lifecycle/index.ts'
import type { Otp } from './otp/index.ts'
import type { CompiledProgram } from './program/index.ts'
import type { Ram } from './ram/index.ts'
import type { DomainData, DomainKeys, OffCardEntity, PendingContent, Registry } from './registry/index.ts'
import type { Definitions } from './resources/index.ts'
import type { Rom } from './rom/index.ts'

/** What the module is made of. A handler's parameter type names the parts it takes. */
export interface Parts {
  readonly crypto: Crypto
  readonly entropy: Entropy
  /** Checks, meters and compiles a program; throws ProgramRefused. */
  readonly compile: (bytes: Uint8Array) => CompiledProgram
  readonly nvm: Nvm
  readonly objects: Objects
  readonly otp: Otp
  readonly rom: Rom
  readonly ram: Ram
  readonly life: Lifecycle
  readonly events: Events
  readonly keys: KeyStore
  readonly channels: Channels
  readonly programs: ProgramRunner
  readonly definitions: Definitions
  readonly registry: Registry
  readonly domainKeys: DomainKeys
  readonly domainData: DomainData
  readonly offCard: OffCardEntity
  readonly pendingContent: PendingContent
  /** The serial number, 8 bytes; undefined before WRITE SERIAL. */
  serial(): Uint8Array | undefined
  /** Whether commands come over a line that leads straight here (`Module.directLine`). */
  directLine(): boolean
  /** The electrical test, once more. */
  testMemory(): SelfTest
  /** Selects a security domain (undefined) or an application (dispatch/selection.ts). */
  select(selection: number | undefined): void
  /** Hears of defects that the answer 6F00 hides; for tests and logs of the host that runs the module. */
  report?(error: unknown): void
}

/** Runs the programs that vectors, modes and selections lead to, each confined to what it was granted. */
export interface ProgramRunner {
  /** The customization software, in customization mode. */
  customization(command: Command, channel: OpenChannel | undefined): Response
  /** A program that a vector names: ROM's wasm (1) or software in EEPROM. */
  software(program: number, number: number, command: Command): Response
  /** The selected application (dispatch/selection.ts); `channel` is the one that the command came in. */
  application(selection: number, command: Command, channel: OpenChannel | undefined): Response
  /** Memories of the programs that are instantiated now; views. */
  memories(): readonly { readonly name: string; readonly memory: Uint8Array }[]
  /** Drops the selected application's instance: what it remembers lasts as long as its selection. */
  leave(): void
  /** Drops every instance and its memory. */
  reset(): void
}

/** One command as a handler sees it: unprotected, of a known name, allowed in this mode, state and channel. */
export interface Call extends Command {
  readonly name: CommandName
  /** The channel it came in, if any. */
  readonly channel: OpenChannel | undefined
}

/** Carries out one command and returns the data of the answer, or a warning with its data; refuses by throwing a Refusal. */
export type Handler = (parts: Parts, call: Call) => Uint8Array | Response
