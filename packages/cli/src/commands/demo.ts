import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from '@sealwright/core/errors'
import type { Command } from 'commander'
import { quoted, runDemo, scenes, scenesWith, Telling } from '../demo/index.ts'
import { type Context, failing, failureOf, report, toJson } from '../framework/index.ts'

export function register(program: Command, context: Context): void {
  context.verb(program, {
    name: 'demo',
    summary: 'one module from blank chip to block, every party at work',
    about:
      'Tells the whole story on this machine: a factory, a cash machine, a filling station and a telephone. Each stage prints the command line that does the same, so that everything can be done again by hand. The workspace is thrown away at the end; --keep leaves it, with all certificates as PEM under certs/.',
    writes: ['with --keep DIR: the workspace'],
    examples: [
      'demo',
      'demo --keep story',
      'demo --keep story --until cash-machine',
      'demo --json',
      'demo --app my-program.wasm',
    ],
    options: [
      { flags: '--keep <dir>', text: 'leave the workspace in this folder, which must be new or empty' },
      {
        flags: '--until <scene>',
        text: 'end after this scene, to go on by hand from there (with --keep)',
        choices: scenes.map(({ name }) => name),
      },
      {
        flags: '--app <file>',
        text: 'load this WebAssembly program in the fourth scene instead of the bank',
      },
    ],
    async run(step) {
      const { terminal, json } = step
      const keep = step.optional('keep')
      const app = step.optional('app')
      const until = step.optional('until')
      const last = until === undefined ? scenes.length : scenes.findIndex(({ name }) => name === until) + 1
      const folder = keep === undefined ? mkdtempSync(join(tmpdir(), 'sealwright-')) : step.path(keep)
      if (keep !== undefined && existsSync(folder) && readdirSync(folder).length > 0) {
        throw new UsageError(`${keep} is not empty: name a new folder`, { code: 'file-exists' })
      }
      const calm = keep === undefined ? terminal.onInterrupt?.(() => throwAway(folder)) : undefined
      const telling = new Telling((line) => terminal.print(line), terminal.columns)
      if (!json) telling.beginning()
      try {
        const { stages, ms, failure } = await runDemo({
          folder,
          scenes: (app === undefined ? scenes : scenesWith(step.path(app))).slice(0, last),
          columns: Math.max(40, (terminal.columns ?? 100) - 6),
          ...(app === undefined ? {} : { app: step.readFile(app) }),
          onScene: (scene) => {
            if (!json) telling.scene(scene)
          },
          onStage: (stage, result, lines) => {
            if (json) terminal.print(toJson(result))
            else telling.stage(stage, result, lines)
          },
        })
        const done = stages.filter(({ ok }) => ok).length
        const told = report({ summary: true, ok: done === stages.length, stages: stages.length, ms })
        if (done < stages.length) {
          const { code, message, stack } = failureOf(failure)
          terminal.say(`error: ${code === 'internal' ? stack : message}`)
          if (!json)
            telling.end(`The story broke off at ${stages.at(-1)!.stage}; ${done} stages did what they said.`)
          return failing(code, told)
        }
        if (!json) {
          telling.end(
            `All ${done} stages did what they said, in ${(ms / 1000).toFixed(1)} s.`,
            ...(keep === undefined
              ? ['The workspace is thrown away; --keep DIR leaves it.']
              : [
                  `The workspace is in ${keep}; every command above runs there. Look around, for example:`,
                  `  cd ${quoted(keep)} && sealwright module list`,
                ]),
          )
        }
        return told
      } finally {
        calm?.()
        if (keep === undefined) throwAway(folder)
      }
    },
  })
}

function throwAway(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}
