import { errorTable, InternalError, SealwrightError, UsageError } from '@sealwright/core/errors'
import { fileError } from '@sealwright/node/files'
import { CommanderError } from 'commander'
import { toJson } from './output.ts'
import type { Terminal } from './terminal.ts'

/** Tells what went wrong, whose fault it is and what to do; returns the exit status. */
export function tellFailure(terminal: Terminal, thrown: unknown, json: boolean): number {
  const error = failureOf(thrown)
  const { culprit, exit, remedy } = errorTable[error.code]
  if (json) {
    const { code, message, details } = error
    terminal.print(toJson({ ok: false, error: { code, culprit, message, remedy, exit, details } }))
  }
  terminal.say(`error: ${error.message}`)
  for (const [name, value] of Object.entries(error.details)) terminal.say(`${name}: ${value}`)
  terminal.say(`code: ${error.code} (${culprits[culprit]})`)
  terminal.say(`hint: ${remedy}`)
  if (error.code === 'internal' && thrown instanceof Error && thrown.stack !== undefined)
    terminal.say(thrown.stack)
  return exit
}

/** Exit statuses and what they mean, from the table of errors. */
export function exitStatuses(): [status: number, meaning: string][] {
  const meanings = new Map<number, Set<string>>()
  for (const { exit, culprit } of Object.values(errorTable)) {
    meanings.set(
      exit,
      (meanings.get(exit) ?? new Set()).add(
        exit === unproven ? 'the other side did not prove what it says' : culprits[culprit],
      ),
    )
  }
  const rows = [...meanings].map(([exit, set]): [number, string] => [exit, [...set].join(', ')])
  return [[0, 'done'], ...rows.sort(([a], [b]) => a - b)]
}

/** Whatever was thrown, as an error with a code. */
export function failureOf(thrown: unknown): SealwrightError {
  if (thrown instanceof SealwrightError) return thrown
  if (thrown instanceof CommanderError) return new UsageError(thrown.message.replace(/^error: /, ''))
  const translated = fileError(thrown, pathOf(thrown))
  if (translated instanceof SealwrightError) return translated
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new InternalError(`a defect: ${message}`, { cause: thrown })
}

function pathOf(thrown: unknown): string {
  const path = (thrown as { path?: unknown } | null)?.path
  return typeof path === 'string' ? path : 'a file'
}

/** Of errors where keys, signatures or records do not hold. */
const unproven = 5

const culprits = {
  caller: 'the command line is wrong',
  bytes: 'the data is wrong',
  peer: 'the other side is at fault',
  module: 'the module refuses',
  state: 'not possible in this state',
  environment: 'the computer does not allow it',
  us: 'a defect of Sealwright',
} as const
