import { styleText } from 'node:util'
import { wrapped } from '../pictures/lines.ts'
import type { StageResult } from './demo.ts'
import type { Scene, Stage } from './stage.ts'

/** What a person reads of the demo. Without a width, command lines are not broken, so that another program can take them over. */
export class Telling {
  readonly #print: (line: string) => void
  readonly #columns: number | undefined
  readonly #width: number
  /** Stages of this scene that were told in full. */
  readonly #told = new Set<string>()
  #scenes = 0

  /** @param columns of the terminal that is read; undefined when it is a file */
  constructor(print: (line: string) => void, columns: number | undefined) {
    this.#print = print
    this.#columns = columns
    this.#width = Math.min(columns ?? 100, 110)
  }

  beginning(): void {
    const text =
      'The life of four security modules, from the mask to a program in use. Each stage shows the command that does the same in a workspace of your own, made by `sealwright init`. Where `sealwright` is not found, it is `npx --no -- sealwright` in the folder of Sealwright.'
    for (const line of wrapped(text, this.#width)) this.#print(line)
  }

  scene({ title, frame }: Scene): void {
    this.#told.clear()
    if (frame === undefined) this.#scenes += 1
    const number = frame === undefined ? `${this.#scenes}. ` : ''
    this.#print('')
    const lines = wrapped(`== ${number}${title} `, this.#width, 3)
    for (const [i, line] of lines.entries()) {
      this.#print(styleText('bold', i === lines.length - 1 ? line.padEnd(this.#width, '=') : line))
    }
  }

  /** What follows the last stage. */
  end(...lines: readonly string[]): void {
    this.#print('')
    for (const line of lines) for (const part of wrapped(line, this.#width, 2)) this.#print(part)
  }

  stage(stage: Stage, result: StageResult, lines: readonly string[]): void {
    const { name, module, text, commandLines } = stage
    const again = this.#told.has(name)
    this.#told.add(name)
    this.#print('')
    this.#print(this.#heading(name, module, result))
    // What was explained once in a scene is shown for the next module without the explanation.
    if (!again) for (const line of wrapped(`  ${sentence(text)}`, this.#width, 2)) this.#print(line)
    for (const words of commandLines) this.#command(words)
    for (const line of lines) {
      for (const part of wrapped(`    ${line}`, Math.max(this.#width, 40), 6)) this.#print(part.trimEnd())
    }
  }

  #heading(name: string, module: string | undefined, { ok, ms, apdus, nvmWrites }: StageResult): string {
    const left = module === undefined ? name : `${name}  ${module}`
    const traffic = apdus === 0 ? '' : `${apdus} APDUs, ${nvmWrites} writes, `
    const mark = ok ? 'ok' : 'FAILED'
    const room = this.#width - left.length - mark.length - 1
    const right = [`${traffic}${ms} ms`, `${ms} ms`].find((text) => text.length + 2 <= room) ?? ''
    const gap = Math.max(2, room - right.length)
    return [
      styleText('bold', name) + left.slice(name.length) + ' '.repeat(gap),
      styleText('dim', right),
      ` ${styleText(ok ? 'green' : 'red', mark)}`,
    ].join('')
  }

  #command(words: readonly string[]): void {
    for (const line of commandLine(words, this.#columns)) this.#print(styleText('cyan', `  ${line}`))
  }
}

/** `$ sealwright …` as a shell takes it; broken before options, with a backslash, where it is wider than the terminal. */
function commandLine(words: readonly string[], columns: number | undefined): string[] {
  const parts: string[] = ['$ sealwright']
  for (const [i, word] of words.map(quoted).entries()) {
    // The name of the command and an option with its value stay together.
    const joined = !word.startsWith('--') && (i < 2 || words[i - 1]!.startsWith('--'))
    if (joined) parts[parts.length - 1] += ` ${word}`
    else parts.push(word)
  }
  if (columns === undefined || parts.join(' ').length + 2 <= columns) return [parts.join(' ')]
  const lines: string[] = []
  let line = ''
  for (const part of parts) {
    if (line !== '' && line.length + part.length + 5 > columns) {
      lines.push(`${line} \\`)
      line = `      ${part}`
    } else {
      line = line === '' ? part : `${line} ${part}`
    }
  }
  return [...lines, line]
}

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}
