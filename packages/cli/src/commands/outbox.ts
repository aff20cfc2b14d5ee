import { encodeHex } from '@sealwright/core/bytes'
import { eventTypeOf } from '@sealwright/core/catalog'
import { parseDocument } from '@sealwright/core/cbor'
import { parseEntry } from '@sealwright/core/log'
import { readOutbox, serializeEntriesFile } from '@sealwright/roles/custody'
import type { Command } from 'commander'
import { type Context, report, requireParty, table } from '../framework/index.ts'

export function register(program: Command, context: Context): void {
  context.verb(program, {
    name: 'outbox <party>',
    summary: "gather a party's entries for the log",
    about:
      'Every step with a module leaves a signed entry in the outbox of the party that did it. This lists them and, with --out, writes them to one file for the log. Handing in an entry twice does no harm.',
    reads: ['WORKSPACE/PARTY/store/outbox/'],
    writes: ['FILE: all entries, signed, nothing secret'],
    examples: ['outbox issuer --out issuer.entries', 'log append issuer.entries'],
    options: [{ flags: '--out <file>', text: 'write the entries to this file' }],
    async run(step) {
      const party = requireParty(step.argument(0))
      const documents = await readOutbox(step.party(party))
      const entries = documents.map((document) => parseEntry(parseDocument(document)))
      const out = step.optional('out')
      if (out !== undefined) step.replaceFile(out, serializeEntriesFile(documents))
      const rows = entries.map(({ serial, number, type, at }) => ({
        module: encodeHex(serial),
        number,
        event: eventTypeOf(type) ?? `type ${type}`,
        at,
      }))
      return report(
        { party, entries: rows, ...(out === undefined ? {} : { file: out }) },
        ...table(
          ['module', 'number', 'event'],
          rows.map(({ module, number, event }) => [module, String(number), event]),
        ),
        ...(out === undefined ? [] : [`${rows.length} entries written to ${out}`]),
      )
    },
  })
}
