import { appendFileSync, existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { equal, wipe } from '@sealwright/core/bytes'
import { InternalError, UsageError } from '@sealwright/core/errors'
import type { Matter } from '@sealwright/core/people'
import type { Transport } from '@sealwright/core/ports'
import { onFile, readWhole, writeAtomically } from '@sealwright/node/files'
import type { AskKeysSecret } from '@sealwright/node/keys'
import { type ChipKeys, type ChipOptions, keyAsksPassphrase } from '@sealwright/node/medium'
import {
  type CountingTransport,
  connectTcp,
  counting,
  type ModuleFile,
  openLine,
  openModuleFile,
  openReader,
  openSerialPort,
  serialSettings,
  type Traffic,
  tracing,
} from '@sealwright/node/transport'
import {
  findWorkspace,
  type OpenParty,
  openParty,
  openPartyBeside,
  openWorkspace,
  type PartyWorld,
  type Workspace,
} from '@sealwright/node/workspace'
import type { KeyVault, PartyName, PartyPorts } from '@sealwright/roles/ports'
import { type AgreedByPins, guardedVault } from '@sealwright/roles/two-pins'
import { keysSecret } from './keys-secret.ts'
import { moduleAddress } from './module-address.ts'
import { readSecret, readSecretText } from './secret.ts'
import { notingVault, type SigningKey } from './signing-label.ts'
import type { Terminal } from './terminal.ts'

/** Values of options by their long names, as commander keeps them. */
export type OptionValues = Readonly<Record<string, unknown>>

/** A module as a command reaches it. */
export interface OpenModule extends Transport {
  traffic(): Traffic
  /** The module itself when it lives in a chip file: for the picture of its memory, which no APDU gives. */
  readonly inside?: ModuleFile['module']
}

/** One run of one command: its arguments and options, and what it opens; `close` gives everything back. */
export class Step {
  #passphrase: Promise<Uint8Array> | undefined
  #keysSecret: AskKeysSecret | undefined
  readonly #signing = new Map<string, SigningKey>()
  #matter: (() => Matter) | undefined
  #agreed: AgreedByPins | undefined
  #isFree = false
  /** Arguments in order; a variadic one is a list. */
  readonly arguments: readonly (string | readonly string[] | undefined)[]
  readonly terminal: Terminal
  readonly #name: string
  readonly #options: OptionValues
  readonly #open: (() => void | Promise<void>)[] = []
  readonly #parties = new Map<PartyName, PartyPorts>()
  readonly #transports = new Map<string, OpenModule>()

  constructor(name: string, terminal: Terminal, args: Step['arguments'], options: OptionValues) {
    this.#name = name
    this.terminal = terminal
    this.arguments = args
    this.#options = options
  }

  /** An argument that must be there. */
  argument(at: number): string {
    const value = this.arguments[at]
    if (typeof value !== 'string') throw new InternalError(`no argument ${at}`)
    return value
  }

  /** A variadic argument. */
  list(at: number): readonly string[] {
    const value = this.arguments[at]
    return Array.isArray(value) ? value : []
  }

  /** A value that the command line requires. @param name long name of the option: `key-file` */
  option(name: string): string {
    const value = this.optional(name)
    if (value === undefined) throw new UsageError(`option --${name} is missing`)
    return value
  }

  optional(name: string): string | undefined {
    const value = this.#options[camelCase(name)]
    return typeof value === 'string' ? value : undefined
  }

  /** Every value of an option that may come several times. */
  many(name: string): readonly string[] {
    const value = this.#options[camelCase(name)]
    return Array.isArray(value) ? value : []
  }

  flag(name: string): boolean {
    return this.#options[camelCase(name)] === true
  }

  /** A whole number in decimal, or hex after 0x. */
  number(name: string): number | undefined {
    const text = this.optional(name)
    if (text === undefined) return undefined
    if (!/^(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})$/.test(text)) {
      throw new UsageError(`--${name}: expected a whole number, got ${JSON.stringify(text)}`)
    }
    return Number(text)
  }

  get json(): boolean {
    return this.flag('json')
  }

  /** A path on the command line, from where the command was started. */
  path(name: string): string {
    return resolve(this.terminal.cwd, name)
  }

  readFile(name: string): Uint8Array {
    return readWhole(this.path(name))
  }

  /** Writes a file for another party (0644). One with other content is never replaced: UsageError `file-exists`. */
  writeFile(name: string, bytes: Uint8Array): void {
    this.#writeOnce(name, bytes, 0o644)
  }

  /** The same for a file that only its receiver may read (0600). */
  writeSecretFile(name: string, bytes: Uint8Array): void {
    this.#writeOnce(name, bytes, 0o600)
  }

  #writeOnce(name: string, bytes: Uint8Array, mode: number): void {
    const path = this.path(name)
    if (existsSync(path)) {
      if (equal(readWhole(path), bytes)) return
      throw new UsageError(`${name} is there already, with other content`, { code: 'file-exists' })
    }
    writeAtomically(path, bytes, mode)
  }

  /** Writes a file for another party that may grow from run to run. */
  replaceFile(name: string, bytes: Uint8Array): void {
    writeAtomically(this.path(name), bytes, 0o644)
  }

  /**
   * A secret from `--<name> FILE` (`-`: standard input; `fd:N`: a descriptor), else asked for without echo.
   * @param what names it in the question. The caller wipes the result.
   */
  secret(name: string, what: string): Promise<Uint8Array> {
    return readSecret(this.terminal, this.optional(name), what)
  }

  /** A secret as text, of which nothing is taken for hex digits: for PINs and passphrases. */
  secretText(name: string, what: string): Promise<Uint8Array> {
    return readSecretText(this.terminal, this.optional(name), what)
  }

  /** A secret from a source that stands inside an option. */
  secretFrom(source: string, what: string): Promise<Uint8Array> {
    return readSecret(this.terminal, source, what)
  }

  /** Where the key of a new chip goes. */
  newChipKeys(): ChipKeys {
    const folder = this.terminal.environment?.[chipKeysVariable]
    const file = this.optional('chip-key')
    return {
      ...(file === undefined ? {} : { file: this.path(file) }),
      ...(folder === undefined || folder === '' ? {} : { folder: this.path(folder) }),
    }
  }

  /**
   * How a chip file is opened: its key, the passphrase of it, which is asked for when it is needed, and who hears of what is done besides.
   * @param name of the chip file as the command line has it
   * @param chipId where it is not the file that tells it
   */
  async chipOptions(name: string, chipId?: Uint8Array): Promise<ChipOptions> {
    const { file, folder } = this.newChipKeys()
    const module = this.optional('module')
    // The key that is named is that of the one module; a SAM beside it has its own.
    const own = file !== undefined && (module === undefined || module === name)
    const keys = { ...(own ? { file } : {}), ...(folder === undefined ? {} : { folder }) }
    const path = this.path(name)
    const passphrase = keyAsksPassphrase(path, keys, chipId) ? await this.#chipPassphrase(name) : undefined
    return {
      command: this.#name,
      keys: { ...keys, ...(passphrase === undefined ? {} : { passphrase }) },
      say: (text) => this.terminal.say(text),
    }
  }

  /** How the chip files of a folder are opened: each has its key, and those under a passphrase have one and the same. */
  async chipsOptions(folder: string): Promise<ChipOptions> {
    const { folder: keys } = this.newChipKeys()
    const passphrase =
      this.optional('chip-passphrase') === undefined ? undefined : await this.#chipPassphrase(folder)
    return {
      command: this.#name,
      keys: {
        ...(keys === undefined ? {} : { folder: keys }),
        ...(passphrase === undefined ? {} : { passphrase }),
      },
    }
  }

  async #chipPassphrase(name: string): Promise<Uint8Array> {
    if (this.#passphrase === undefined) {
      this.#passphrase = this.secret('chip-passphrase', `passphrase of ${name}`)
      const passphrase = await this.#passphrase
      this.#open.push(() => wipe(passphrase))
    }
    return this.#passphrase
  }

  workspace(): Workspace {
    const folder = this.optional('workspace')
    return folder === undefined ? findWorkspace(this.terminal.cwd) : openWorkspace(this.path(folder))
  }

  /** A party's ports, under its lock until the command ends. */
  party(name: PartyName): PartyPorts {
    const known = this.#parties.get(name)
    if (known !== undefined) return known
    const ports = this.#noted(openParty(this.workspace(), name, this.#world))
    this.#parties.set(name, ports)
    return ports
  }

  /** The same beside a process that has the party open, for work that has a lock of its own (`openPartyBeside`). */
  partyBeside(name: PartyName, work: string): PartyPorts {
    return this.#noted(openPartyBeside(this.workspace(), name, work, this.#world))
  }

  get #world(): PartyWorld {
    const progress = (text: string): void => this.terminal.say(text)
    return { command: this.#name, progress, secret: this.keysSecret }
  }

  #noted({ ports, close }: OpenParty): PartyPorts {
    this.#open.push(close)
    const { party, vault } = ports
    const note = (key: string): void => {
      this.#signing.set(`${party}/${key}`, { party, key, place: vault.place })
    }
    const noted: PartyPorts = { ...ports, vault: notingVault(vault, note) }
    const guarded = guardedVault(
      noted,
      () => this.#matter?.(),
      (people) => {
        this.#agreed = people
      },
    )
    const sign: KeyVault['sign'] = (...args) => (this.#isFree ? noted.vault : guarded).sign(...args)
    return { ...noted, vault: { ...guarded, sign } }
  }

  /** What this command is about to do: a key that two PINs guard signs for it when two people have agreed to it. */
  actsOn(matter: () => Matter): void {
    this.#matter = matter
  }

  /** This command's signatures need no agreement of two people: nobody takes them for a certificate. */
  signsFreely(): void {
    this.#isFree = true
  }

  /** The two people whose PINs let this command sign; undefined where none were asked for, or nothing was signed. */
  get agreed(): AgreedByPins | undefined {
    return this.#agreed
  }

  /** The keys that this command has signed with, but for those of log entries. */
  get signing(): readonly SigningKey[] {
    return [...this.#signing.values()]
  }

  /** Gets PIN or passphrase of a party's keys: `--keys-secret`, the environment, or a person. */
  get keysSecret(): AskKeysSecret {
    this.#keysSecret ??= keysSecret(this.terminal, this.many('keys-secret'))
    return this.#keysSecret
  }

  /**
   * The module that `--module` names (a chip file, or a place of `moduleAddress`), or the card in the reader that `--reader` names,
   * traced if so wished, until the command ends.
   */
  module(): Promise<OpenModule> {
    const reader = this.optional('reader')
    if (reader === undefined) return this.openModule(this.option('module'))
    return this.#opened(this.moduleName!, async () => counting(await openReader(reader)))
  }

  /** What the command line calls the module, for people; undefined when it names none. */
  get moduleName(): string | undefined {
    const reader = this.optional('reader')
    return reader === undefined ? this.optional('module') : `reader ${reader}`
  }

  /** The same as `module` for one named otherwise, as `moduleAddress` has it. */
  openModule(name: string): Promise<OpenModule> {
    return this.#opened(name, () => this.#connect(name))
  }

  async #opened(name: string, open: () => Promise<CountingTransport | ModuleFile>): Promise<OpenModule> {
    const known = this.#transports.get(name)
    if (known !== undefined) return known
    const below = await open()
    this.#open.push(() => below.close())
    const trace = this.optional('trace')
    const traced = trace === undefined ? below : tracing(below, (line) => this.#append(trace, line))
    const transport: OpenModule = {
      ...traced,
      traffic: () => below.traffic(),
      ...('module' in below ? { inside: below.module } : {}),
    }
    this.#transports.set(name, transport)
    return transport
  }

  /** Gives back, in reverse order, what was opened; every one of them, whatever fails. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const close of this.#open.splice(0).reverse()) {
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  async #connect(name: string): Promise<CountingTransport | ModuleFile> {
    const address = moduleAddress(name)
    switch (address.kind) {
      case 'tcp':
        return counting(await connectTcp(address.host, address.port))
      case 'serial': {
        const { device, baud, checksum } = address
        const stream = await openSerialPort(device, { baud })
        return counting(await openLine(stream, { ...serialSettings(baud), detection: checksum }))
      }
      case 'reader':
        return counting(await openReader(address.name))
      case 'file':
        return openModuleFile(this.path(name), {
          ...(await this.chipOptions(name)),
          report: (error) => this.terminal.say(`the module found a defect of its own: ${String(error)}`),
        })
      default:
        return address satisfies never
    }
  }

  #append(file: string, line: string): void {
    const path = this.path(file)
    onFile(path, () => appendFileSync(path, `${line}\n`, { mode: 0o600 }))
  }
}

/** What is said wherever chips are made. */
export const keyBesideChip =
  'A key beside its chip (CHIP.key) protects nothing from who copies both: see `sealwright module protect --help`.'

/** Names the folder in which keys of chips lie as CHIPID.key. */
export const chipKeysVariable = 'SEALWRIGHT_CHIP_KEYS'

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
