import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { UsageError } from '@sealwright/core/errors'
import type { Command } from 'commander'
import { runDemo, scenes } from '../demo/index.ts'
import { type Context, failing, report, tellFailure, toJson } from '../framework/index.ts'

export function register(program: Command, context: Context): void {
  context.verb(program, {
    name: 'demo',
    summary: 'one module from blank chip to block, every party at work',
    about:
      'Tells the whole story on this machine: a factory, a cash machine, a filling station and a telephone. Each stage prints the command line that does the same, so that everything can be done again by hand. The workspace is thrown away at the end; --keep leaves it, with all certificates as PEM under certs/.',
    writes: ['with --keep DIR: the workspace'],
    examples: ['demo', 'demo --keep story', 'demo --json', 'demo --app my-program.wasm'],
    options: [
      { flags: '--keep <dir>', text: 'leave the workspace in this folder, which must be new or empty' },
      {
        flags: '--app <file>',
        text: 'load this WebAssembly program in the fourth scene instead of the bank',
      },
    ],
    async run(step) {
      const { terminal, json } = step
      const keep = step.optional('keep')
      const app = step.optional('app')
      const folder = keep === undefined ? mkdtempSync(join(tmpdir(), 'sealwright-')) : step.path(keep)
      if (keep !== undefined && existsSync(folder) && readdirSync(folder).length > 0) {
        throw new UsageError(`${keep} is not empty: name a new folder`, { code: 'file-exists' })
      }
      const say = (line: string): void => {
        if (!json) terminal.print(line)
      }
      try {
        const result = await runDemo({
          folder,
          scenes,
          ...(app === undefined ? {} : { app: step.readFile(app) }),
          onScene: (scene) => {
            say('')
            say(styleText('bold', scene.title))
          },
          onStage: (stage, told, lines, error) => {
            if (json) {
              terminal.print(toJson(told))
            } else {
              const mark = told.ok ? styleText('green', 'ok') : styleText('red', 'FAILED')
              const traffic = told.apdus === 0 ? '' : `, ${told.apdus} APDUs, ${told.nvmWrites} writes`
              say('')
              say(`  ${styleText('bold', stage.name)}: ${stage.text}`)
              for (const line of stage.commandLines) say(styleText('cyan', `    $ sealwright ${shown(line)}`))
              for (const line of lines) say(`    ${line}`)
              say(styleText('dim', `    ${mark} (${told.ms} ms${traffic})`))
            }
            if (error !== undefined) tellFailure(terminal, error, false)
          },
        })
        const told = { summary: true, stages: result.stages.length, ms: result.ms }
        if (!result.ok) return failing('wrong-state', report(told, '', 'the story broke off'))
        return report(
          told,
          '',
          `All ${told.stages} stages did what they said, in ${(told.ms / 1000).toFixed(1)} s.`,
          ...(keep === undefined ? [] : [`The workspace is in ${keep}.`]),
        )
      } finally {
        if (keep === undefined) rmSync(folder, { recursive: true, force: true })
      }
    },
  })
}

function shown(words: readonly string[]): string {
  return words.map((word) => (/^[\w./:=-]+$/.test(word) ? word : `'${word}'`)).join(' ')
}
