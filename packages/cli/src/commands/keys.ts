import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { logSigningKey } from '@sealwright/roles/ports'
import type { Command } from 'commander'
import {
  type Context,
  enforcedIn,
  fields,
  placeLabel,
  report,
  requireParty,
  table,
} from '../framework/index.ts'

export function register(program: Command, context: Context): void {
  context.verb(program, {
    name: 'keys <party>',
    summary: "list a party's keys by their check values",
    about:
      'Lists the names of the keys that a party holds, with what may be known of them: the first 8 bytes of the SHA-256 of a public key, the check value (CMAC over zeros, 5 bytes) of a symmetric one. Says where the keys lie, what that place enforces, and what it cannot: two people, the count of a ticket, exactly one log entry for each signature. With --public the public key alone is written to a file, for the party that is to know it.',
    reads: ['WORKSPACE/PARTY/keys/'],
    writes: ['the public key, 65 bytes (P-256) or 32 (Ed25519) as hex, with --public'],
    examples: ['keys issuer', 'keys mounter --public mounter.pub'],
    options: [
      { flags: '--public <file>', text: 'write a public key to this file' },
      { flags: '--key <name>', text: `which one (default: ${logSigningKey})` },
    ],
    async run(step) {
      const party = requireParty(step.argument(0))
      const { vault } = step.party(party)
      const file = step.optional('public')
      if (file !== undefined) {
        const key = step.optional('key') ?? logSigningKey
        const publicKey = await vault.publicPoint(key)
        step.writeFile(file, new TextEncoder().encode(`${encodeHex(publicKey)}\n`))
        return report({ party, key, publicKey, file }, `public key of ${key}: ${file}`)
      }
      if (step.optional('key') !== undefined) throw new UsageError('--key goes with --public')
      const keys = await vault.list()
      return report(
        { party, ...enforcedIn(vault.place), keys },
        ...fields({ keys: placeLabel(vault.place) }),
        '',
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
