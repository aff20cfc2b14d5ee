import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { type PartyName, parties } from '@sealwright/roles/ports'
import type { Command } from 'commander'
import { type Context, report, table } from '../framework/index.ts'

export function register(program: Command, context: Context): void {
  context.verb(program, {
    name: 'keys <party>',
    summary: "list a party's keys by their check values",
    about:
      'Lists the names of the keys that a party holds, with what may be known of them: the first 8 bytes of the SHA-256 of a public key, the check value (CMAC over zeros, 5 bytes) of a symmetric one.',
    reads: ['WORKSPACE/PARTY/keys/'],
    examples: ['keys issuer'],
    async run(step) {
      const name = step.argument(0)
      if (!Object.hasOwn(parties, name)) {
        throw new UsageError(`there is no party ${name}, expected one of ${Object.keys(parties).join(', ')}`)
      }
      const keys = await step.party(name as PartyName).vault.list()
      return report(
        { party: name, keys },
        ...table(
          ['key', 'kind', 'check value'],
          keys.map((key) => [
            key.name,
            key.kind,
            key.checkValue === undefined ? '–' : encodeHex(key.checkValue),
          ]),
        ),
      )
    },
  })
}
