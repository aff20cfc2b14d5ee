import { errorTable, UsageError } from '@sealwright/core/errors'
import { type Command, Option } from 'commander'
import { keysSecretVariable } from './keys-secret.ts'
import { type Report, toJson } from './output.ts'
import { enforcedIn, keysHelp, placeHint, type SigningKey, signingParties } from './signing-label.ts'
import { chipKeysVariable, Step } from './step.ts'
import type { Terminal } from './terminal.ts'

/** What a command file gets to register its commands with. */
export interface Context {
  readonly terminal: Terminal
  /** Adds a command below `parent`, with the options that all have. */
  verb(parent: Command, spec: Verb): void
  /** Adds a group of commands: `issuer`, below which `issuer mask` stands. */
  group(parent: Command, name: string, summary: string, about: string): Command
}

/** One command, described so that its help teaches it. */
export interface Verb {
  /** Name and arguments as commander writes them: `append <file...>`. */
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What it does and when it is needed, in sentences. */
  readonly about: string
  readonly reads?: readonly string[]
  readonly writes?: readonly string[]
  /** Command lines without `sealwright`. */
  readonly examples: readonly string[]
  readonly options?: readonly VerbOption[]
  /** Whether it speaks to a module: adds `--module FILE` and `--reader NAME`, one of which is required unless 'optional'. */
  readonly module?: 'required' | 'optional'
  /** Whether it opens chip files that it names in another way: adds `--chip-passphrase`, and for one chip `--chip-key`. */
  readonly chips?: 'one' | 'many'
  /** The report is printed; undefined when the command has printed by itself. */
  run(step: Step): Promise<Report | undefined> | Report | undefined
}

export interface VerbOption {
  /** `--key-file <file>`, `--dry-run`. */
  readonly flags: string
  readonly text: string
  readonly required?: boolean
  /** May come several times. */
  readonly many?: boolean
  readonly choices?: readonly string[]
}

/** @param exitStatus is told what the process should end with */
export function verbs(terminal: Terminal, exitStatus: (status: number) => void): Context {
  return {
    terminal,
    group(parent, name, summary, about) {
      return parent.command(name).summary(summary).description(about).allowExcessArguments(false)
    },
    verb(parent, spec) {
      const command = parent
        .command(spec.name)
        .summary(spec.summary)
        .description(spec.about)
        .allowExcessArguments(false)
        .addHelpText('after', files(spec, signingParties.has(parent.name())))
      for (const option of spec.options ?? []) command.addOption(commanderOption(option))
      for (const option of common(spec)) command.addOption(option)
      command.action(async (...all: unknown[]) => {
        const values = command.optsWithGlobals()
        const step = new Step(fullName(command), terminal, all.slice(0, -2) as Step['arguments'], values)
        try {
          if (spec.module !== undefined) requireOneModule(step, spec.module)
          const found = await spec.run(step)
          if (found === undefined) return
          const json = {
            ...('ok' in found.json ? {} : { ok: true }),
            ...found.json,
            ...signedWith(step.signing),
          }
          if (step.json) terminal.print(toJson(json))
          else {
            for (const line of found.lines) terminal.print(line)
            for (const label of labels(step.signing)) terminal.say(label)
          }
          if (found.failure === undefined) return
          terminal.say(`hint: ${errorTable[found.failure].remedy}`)
          exitStatus(errorTable[found.failure].exit)
        } finally {
          await step.close()
        }
      })
    },
  }
}

function commanderOption({ flags, text, required, many, choices }: VerbOption): Option {
  const option = new Option(flags, required === true ? `${text} (required)` : text)
  if (required === true) option.makeOptionMandatory()
  if (choices !== undefined) option.choices(choices)
  if (many === true) option.argParser((value: string, all: string[] | undefined) => [...(all ?? []), value])
  return option
}

function common({ module, chips = module && 'one' }: Verb): Option[] {
  const options = [
    ...(chips === 'one'
      ? [
          new Option(
            '--chip-key <file>',
            `key file of the chip (else CHIPID.key in ${chipKeysVariable}, else CHIP.key)`,
          ),
        ]
      : []),
    ...(chips === undefined
      ? []
      : [
          new Option(
            '--chip-passphrase <file>',
            'passphrase of its key: a file, - or fd:N (else it is asked for)',
          ),
        ]),
    new Option('--json', 'print one JSON object'),
    new Option(
      '--keys-secret <file>',
      `PIN or passphrase of your keys: a file, - or fd:N, or PARTY=FILE (else ${keysSecretVariable}, else it is asked for)`,
    ).argParser((value: string, all: string[] | undefined) => [...(all ?? []), value]),
    new Option('--workspace <dir>', 'the workspace (else the one that the working folder lies in)'),
  ]
  if (module === undefined) return options
  const required = module === 'required' ? ' (this or --reader is required)' : ''
  return [
    new Option(
      '--module <file>',
      `the module: a chip file, tcp:HOST:PORT, or serial:DEVICE?baud=N${required}`,
    ),
    new Option('--reader <name>', 'the module: the card in this PC/SC reader; a part of its name is enough'),
    new Option('--trace <file>', 'append all APDUs, decoded, keys masked'),
    ...options,
  ]
}

function requireOneModule(step: Step, module: 'required' | 'optional'): void {
  const [file, reader] = [step.optional('module'), step.optional('reader')]
  if (file !== undefined && reader !== undefined)
    throw new UsageError('name the module once: with --module or with --reader')
  if (module === 'required' && file === undefined && reader === undefined)
    throw new UsageError(
      'name the module: --module FILE, --module tcp:HOST:PORT, --module serial:DEVICE or --reader NAME',
    )
}

function signedWith(keys: readonly SigningKey[]) {
  if (keys.length === 0) return {}
  return { signedWith: keys.map(({ party, key, place }) => ({ party, key, ...enforcedIn(place) })) }
}

/** One line for each place that leaves something open. */
function labels(keys: readonly SigningKey[]): string[] {
  return Object.entries(Object.groupBy(keys, ({ party, place }) => `${party} ${place}`)).flatMap(
    ([, same]) => {
      const { party, place } = same![0]!
      const hint = placeHint(party, place)
      return hint === undefined ? [] : [hint]
    },
  )
}

function files({ reads = [], writes = [], examples }: Verb, isSigning: boolean): string {
  const block = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${line}`)]
  return [
    ...block('Reads', reads),
    ...block('Writes', writes),
    ...block(
      'Example',
      examples.map((line) => `sealwright ${line}`),
    ),
    ...(isSigning ? ['', ...keysHelp] : []),
  ].join('\n')
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`
}
