import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { type CommandFile, commandFiles } from './commands/index.ts'
import { exitStatuses, processTerminal, type Terminal, tellFailure, verbs } from './framework/index.ts'

/** Runs one command line, without `node` and the script. Returns the exit status; never throws. */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const words = argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv
  let status = 0
  try {
    const program = topLevel(terminal)
    const context = verbs(terminal, (wanted) => {
      status = wanted
    })
    for (const [name, file] of Object.entries<CommandFile>(commandFiles)) {
      // Only the file that is asked for is loaded; the others stand in the list with their summary.
      if (words[0] === name) (await file.load()).register(program, context)
      else program.command(name).summary(file.summary)
    }
    if (words.length === 0) program.outputHelp()
    else await program.parseAsync(words, { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    return tellFailure(terminal, error, argv.includes('--json'))
  }
}

/** For the launcher: runs the process's own command line. */
export function runProcess(): void {
  main(process.argv.slice(2)).then((status) => {
    process.exitCode = status
  })
}

function topLevel(terminal: Terminal): Command {
  const statuses = exitStatuses().map(([status, meaning]) => `  ${status}  ${meaning}`)
  return new Command('sealwright')
    .description(
      'The life of security modules: made, customized, personalized, given keys and programs, and one record of it all.',
    )
    .version(version(), '--version', 'print the version')
    .helpOption('--help', 'print what a command does, with an example')
    .helpCommand(false)
    .usage('<command> [options]')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.replace(/\n$/, '')),
      // The failure itself is told in one form for all errors; help after a missing subcommand is talk.
      writeErr: (text) => terminal.say(text.trim()),
      outputError: () => {},
    })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      ['', 'Help on one command: sealwright <command> --help', '', 'Exit statuses:', ...statuses].join('\n'),
    )
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
