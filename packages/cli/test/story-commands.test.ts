import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { errorTable } from '@sealwright/core/errors'
import { Command } from 'commander'
import { commandFiles } from '../src/commands/index.ts'
import { scenes } from '../src/demo/index.ts'
import { verbs } from '../src/framework/index.ts'
import { commandLine } from './run.ts'
import { wordsOf } from './story.ts'

/** Every command that does something, by its full name. */
const commands = await everyCommand()

test('every command has a summary, a description, --json and an example', () => {
  assert.ok(commands.size >= 40)
  for (const [name, command] of commands) {
    assert.ok(command.summary().length > 10, name)
    assert.ok(command.description().length > 30, name)
    assert.ok(
      command.options.some(({ long }) => long === '--json'),
      name,
    )
    for (const { description, long } of command.options) assert.ok(description.length > 3, `${name} ${long}`)
    assert.ok(examplesOf(command).length > 0, name)
  }
})

test('every example parses: its command, its arguments, its options with what they need', () => {
  for (const [name, command] of commands) {
    const examples = examplesOf(command)
    assert.ok(
      examples.some((words) => words.join(' ').startsWith(name)),
      `${name}: no example of itself`,
    )
    for (const words of examples) parses(words)
  }
})

test('every command line of the demo parses', () => {
  for (const scene of scenes) {
    for (const stage of scene.stages) for (const words of stage.commandLines) parses(words)
  }
})

test('what cannot be taken back needs a flag of its own', async () => {
  const words = [
    'issuer',
    'finish',
    '--module',
    'no.chip',
    '--mask',
    'fleet',
    '--certificate',
    'no.pem',
    '--json',
  ]
  const { status, stdout } = await commandLine(tmpdir(), words)
  assert.equal(status, errorTable.usage.exit)
  assert.match(JSON.parse(stdout).error.message, /--irreversible/)
})

test('no option takes a secret itself: where one is needed, a file, - or fd:N is named', () => {
  for (const [name, command] of commands) {
    for (const { long, description, flags } of command.options) {
      if (!/\b(pin|password|passphrase|secret|unlocking key)\b/i.test(`${long} ${description}`)) continue
      if (!flags.includes('<')) continue
      assert.match(flags, /<(file|source|pem|name|place)>/, `${name} ${flags}`)
    }
  }
})

function parses(words: readonly string[]): void {
  const line = words.join(' ')
  const name = [words.slice(0, 3), words.slice(0, 2), words.slice(0, 1)]
    .map((first) => first.join(' '))
    .find((first) => commands.has(first))
  assert.ok(name !== undefined, `no command: ${line}`)
  const command = commands.get(name)!
  const { operands, unknown } = command.parseOptions(words.slice(name.split(' ').length))
  assert.deepEqual(unknown, [], line)
  const least = command.registeredArguments.filter(({ required }) => required).length
  const most = command.registeredArguments.some(({ variadic }) => variadic)
    ? Number.POSITIVE_INFINITY
    : command.registeredArguments.length
  assert.ok(operands.length >= least && operands.length <= most, line)
  for (const { long, mandatory } of command.options) {
    if (mandatory) assert.ok(words.includes(long!), `${line}: ${long} is missing`)
  }
}

/** The words of the examples that `--help` shows, without `sealwright`. */
function examplesOf(command: Command): string[][] {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  const [, block = ''] = /^Example:\n((?: {2}.*\n?)+)/m.exec(help) ?? []
  return block
    .trim()
    .split('\n')
    .map((line) => wordsOf(line.trim().replace(/ [|>&].*$/, '')))
}

async function everyCommand(): Promise<Map<string, Command>> {
  const program = new Command('sealwright')
  const quiet = {
    cwd: '.',
    print() {},
    say() {},
    readInput: () => new Uint8Array(),
    readDescriptor: () => new Uint8Array(),
  }
  for (const file of Object.values(commandFiles))
    (await file.load()).register(
      program,
      verbs(quiet, () => {}),
    )
  const found = new Map<string, Command>()
  const walk = (command: Command, name: string): void => {
    if (command.commands.length === 0) found.set(name, command)
    for (const one of command.commands) walk(one, `${name} ${one.name()}`.trim())
  }
  walk(program, '')
  return found
}
