import { join } from 'node:path'
import { SealwrightError, StateError, UsageError } from '@sealwright/core/errors'
import {
  clientFindings,
  cureRoute,
  type Finding,
  isWrong,
  type PartyPlace,
  type ReaderFindings,
  readerFindings,
  tokenFindings,
  undoCure,
} from '@sealwright/node/doctor'
import { readVaultPlace } from '@sealwright/node/keys'
import type { Command } from 'commander'
import { type Context, failing, type Report, report, type Step } from '../framework/index.ts'

export function register(program: Command, context: Context): void {
  context.verb(program, {
    name: 'doctor',
    summary: 'say what card readers and their programs lack on this machine',
    about:
      "Looks at pcscd, its readers, the virtual reader vpcd, the programs that use cards, PKCS#11 modules and their tokens, and whether the tokens are there in which parties of this workspace keep their keys, and says of each what it found, why that matters, and the next step. It measures how long an APDU takes through vpcd, with a card of its own in a free virtual reader, and finds the delay of some 45 ms that Debian 12's vpcd has. It changes nothing, unless --fix is given, which cures that delay until the next start of the machine; --undo takes it back exactly as it was. Both need root. It ends with 0 when readers work, with 8 when something that they need is missing or at fault; programs that are not installed do not count.",
    reads: ['/etc/reader.conf.d: how pcscd was told of vpcd'],
    writes: ['with --fix: the route of 127.0.0.1, and how it was, in /run/sealwright/loopback-route.json'],
    examples: ['doctor', 'doctor --json', 'doctor --gp-jar gp.jar', 'doctor --fix', 'doctor --undo'],
    options: [
      { flags: '--gp-jar <file>', text: 'where gp.jar of GlobalPlatformPro is' },
      {
        flags: '--pkcs11-module <file>',
        text: 'a PKCS#11 module, where it does not lie where they usually do',
      },
      { flags: '--fix', text: "cure vpcd's delay, if it is there (root)" },
      { flags: '--undo', text: 'take back what --fix did (root)' },
    ],
    async run(step) {
      if (step.flag('fix') && step.flag('undo')) throw new UsageError('name one of --fix and --undo')
      if (step.flag('undo')) return undo()
      const found = await readerFindings()
      return step.flag('fix') ? fix(step, found) : told(step, found)
    },
  })
}

async function told(step: Step, { findings, roundTripMs, readers }: ReaderFindings): Promise<Report> {
  const path = (name: string): string | undefined => {
    const file = step.optional(name)
    return file === undefined ? undefined : step.path(file)
  }
  const all = [
    ...findings,
    ...clientFindings(path('gp-jar')),
    ...(await tokenFindings(placesHere(step), path('pkcs11-module'))),
  ]
  const wrong = all.filter(isWrong)
  const verdict =
    wrong.length === 0
      ? 'Card readers work here.'
      : `Not as it should be: ${wrong.map(({ name }) => name).join(', ')}.`
  const names = readers.map(({ name, card }) => ({ name, card }))
  const found = report(
    { findings: all, readers: names, ...(roundTripMs === undefined ? {} : { roundTripMs }) },
    ...all.flatMap(lines),
    '',
    verdict,
  )
  return wrong.length === 0 ? found : failing('readers-incomplete', found)
}

/** Where the parties of this workspace keep their keys; none outside of one. */
function placesHere(step: Step): PartyPlace[] {
  try {
    const workspace = step.workspace()
    return workspace
      .parties()
      .map((party) => ({ party, place: readVaultPlace(join(workspace.folder, party)) }))
  } catch (error) {
    if (error instanceof SealwrightError && error.code === 'workspace-missing') return []
    throw error
  }
}

async function fix(step: Step, { findings, roundTripMs: before }: ReaderFindings): Promise<Report> {
  const delay = findings.find(({ name }) => name === 'vpcd-delay')!
  if (delay.state === 'ok') {
    return report({ changed: false, roundTripMs: before }, `Nothing is to be fixed: ${delay.what}.`)
  }
  if (delay.state !== 'fault')
    throw new StateError(`nothing was found that --fix could cure: ${delay.what}`, {
      code: 'readers-incomplete',
    })
  const route = cureRoute()
  step.terminal.say(`changed: ${route.before}`)
  step.terminal.say(`to:      ${route.after}`)
  const { roundTripMs: after } = await readerFindings()
  const cured = report(
    { changed: true, ...route, roundTripBeforeMs: before, roundTripMs: after },
    `An APDU through vpcd took ${milliseconds(before)}, now it takes ${milliseconds(after)}.`,
    'It holds until the next start of the machine; `sealwright doctor --undo` takes it back.',
  )
  return after !== undefined && before !== undefined && after < before / 2
    ? cured
    : failing('readers-incomplete', cured)
}

function undo(): Report {
  const route = undoCure()
  if (route === undefined)
    return report({ changed: false }, 'Nothing is to be undone: --fix has changed nothing here.')
  return report({ changed: route.before !== route.after, ...route }, `The route is as it was: ${route.after}`)
}

function lines({ name, state, what, why, next }: Finding): string[] {
  const head = `${state.padEnd(8)} ${name}: ${what}`
  return state === 'ok' ? [head] : [head, `${' '.repeat(9)}why: ${why}`, `${' '.repeat(9)}next: ${next}`]
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? 'a time that could not be measured' : `${value.toFixed(value < 10 ? 2 : 0)} ms`
}
