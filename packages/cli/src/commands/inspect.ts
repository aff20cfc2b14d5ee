import { existsSync } from 'node:fs'
import { decodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import type { Command } from 'commander'
import { type Context, report } from '../framework/index.ts'
import { explain } from '../inspect/index.ts'

export function register(program: Command, context: Context): void {
  context.verb(program, {
    name: 'inspect <file-or-hex...>',
    summary: 'explain a file or bytes',
    about:
      'Says what something is and what stands in it: a chip file, mask, delivery note, certificate, signed document, log entry, checkpoint, passport, command or response APDU, BER-TLV, WebAssembly. It needs no keys and shows none: of a file that holds a secret it tells only that it does.',
    reads: ['a file, or hex digits on the command line'],
    examples: ['inspect cash.passport', 'inspect 80B6000004 00000001', 'inspect 6A88'],
    run(step) {
      const words = step.list(0)
      const file = words.length === 1 && existsSync(step.path(words[0]!)) ? words[0] : undefined
      const text = words.join('')
      if (file === undefined && !/^([0-9a-fA-F]{2})+$/.test(text)) {
        throw new UsageError(`${words.join(' ')} is neither a file nor hex digits`, { code: 'file-missing' })
      }
      const bytes = file === undefined ? decodeHex(text) : step.readFile(file)
      const found = explain(bytes)
      return report(
        { kind: found.kind, length: bytes.length, ...found.json },
        `${found.kind}, ${bytes.length} bytes`,
        ...found.lines.map((line) => `  ${line}`),
      )
    },
  })
}
