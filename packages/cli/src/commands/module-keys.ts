import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { installTransportKey } from '@sealwright/roles/loader'
import { importKey, prepareKey } from '@sealwright/roles/terminal'
import type { Command } from 'commander'
import { type Context, fields, report } from '../framework/index.ts'
import { custodian, papersOption } from './loader.ts'

/** The module's side of key download, below `module`. */
export function registerKeys(module: Command, context: Context): void {
  context.verb(module, {
    name: 'install-t',
    summary: 'loader: put the transport key of a set into a module',
    about:
      "Gives a module the transport key of a set, and what checks the signatures on keys, through a channel under that module's document key. In profile diversified the module gets TU, made from T for it alone. Keys that were loaded stay; downloads under the old key are refused from then on. With --next the new key waits beside the old one until the first download under it.",
    reads: ['your vault: T and KS of the set', '--papers FILE: the papers of this module'],
    writes: ['your outbox: the entry for the log'],
    examples: ['module install-t --module chips/terminal.chip --papers exchange/terminal.papers --set 1'],
    module: 'required',
    options: [
      { flags: '--set <number>', text: 'the set (default: 1)' },
      { flags: '--next', text: 'let it wait for its first download' },
      papersOption,
    ],
    async run(step) {
      const ports = await custodian(step)
      const set = step.number('set') ?? 1
      const done = await installTransportKey(ports, await step.module(), { set, next: step.flag('next') })
      const { serial, profile, checkValue } = done
      return report(
        { module: serial, set, profile, checkValue },
        ...fields({
          module: encodeHex(serial),
          set,
          holds: profile === 'shared' ? 'T' : 'TU',
          'check value': encodeHex(checkValue),
        }),
      )
    },
  })

  context.verb(module, {
    name: 'prepare',
    summary: 'terminal: have the module ask for a key',
    about:
      'The module makes a random number for one download into one key place, and says which key the application there needs. The number is held in EEPROM, so that the download may go on tomorrow; it is used once. A request made before is void.',
    writes: ['--out FILE: the request, for `loader key export`'],
    examples: [
      'module prepare --module chips/terminal.chip --place 0x00200101 --out exchange/terminal.key-request',
    ],
    module: 'required',
    options: [
      { flags: '--place <number>', text: 'REF2, the key place: see `module show`', required: true },
      { flags: '--out <file>', text: 'the request', required: true },
      { flags: '--replace', text: 'only in the place of a key that is there' },
    ],
    async run(step) {
      const place = step.number('place')
      if (place === undefined) throw new UsageError('option --place is missing')
      const replace = step.flag('replace')
      const { request, file } = await prepareKey(await step.module(), { place, replace, held: true })
      step.replaceFile(step.option('out'), file)
      const found = {
        module: encodeHex(request.serial),
        key: hex(request.source),
        place: hex(request.destination),
      }
      return report(found, ...fields(found), `next: \`loader key export ${step.option('out')}\``)
    },
  })

  context.verb(module, {
    name: 'import-key <message>',
    summary: 'terminal: bring a key message to the module',
    about:
      'The module checks the message before it decrypts anything, then the signature on the key before it stores it, and answers a receipt for the loader. When the answer was lost, run it again: the receipt is fetched.',
    reads: ['MESSAGE: from the loader, as `loader key export` writes it'],
    writes: [
      '--out FILE: the receipt, for `loader key verify-receipt`',
      "the terminal's outbox: the entry for the log",
    ],
    examples: [
      'module import-key exchange/terminal.key-message --module chips/terminal.chip --out exchange/terminal.key-receipt',
    ],
    module: 'required',
    options: [{ flags: '--out <file>', text: 'the receipt', required: true }],
    async run(step) {
      const message = step.readFile(step.argument(0))
      const done = await importKey(step.party('terminal'), await step.module(), message)
      step.replaceFile(step.option('out'), done.file)
      const { serial, source, destination } = done.request
      const found = {
        module: encodeHex(serial),
        key: hex(source),
        place: hex(destination),
        checkValue: encodeHex(done.receipt.checkValue),
      }
      return report(
        { ...found, already: done.already },
        ...fields(found),
        ...(done.already ? ['the module had taken it before; the receipt was fetched again'] : []),
      )
    },
  })
}

function hex(number: number): string {
  return number.toString(16).toUpperCase().padStart(8, '0')
}
