import { equal, wipe } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { changeKeysPassphrase, protectKeys } from '@sealwright/node/workspace'
import type { Command } from 'commander'
import { type Context, enforcedIn, fields, placeLabel, report, requireParty } from '../framework/index.ts'
import type { Step } from '../framework/step.ts'

export function register(program: Command, context: Context): void {
  context.verb(program, {
    name: 'protect-keys <party>',
    summary: "put a party's keys under a passphrase, or another one",
    about:
      'Encrypts the key files of a party under a passphrase, or changes the passphrase. Then every command that uses a key asks for it, or takes --keys-secret. A copy of the folder signs nothing without it, and with it everything: scrypt slows guessing down, and nothing stops it. Copies of the folder from before stay as they are: with them, bare keys or the old passphrase. A forgotten passphrase is lost keys. Keys that lie in files cannot be moved into a token: there they would not be keys that never left it. Make a party anew with `init --keys pkcs11:…` for that.',
    reads: ['WORKSPACE/PARTY/keys/'],
    writes: ['WORKSPACE/PARTY/keys/, as a whole: sealed files take the place of bare ones', 'vault.json'],
    examples: ['protect-keys unit', 'protect-keys unit --new-passphrase fd:3'],
    options: [
      {
        flags: '--new-passphrase <file>',
        text: 'the new passphrase: a file, - or fd:N (else it is asked for, twice)',
      },
    ],
    async run(step) {
      const party = requireParty(step.argument(0))
      const workspace = step.workspace()
      const passphrase = await newPassphrase(step, party)
      const world = { command: 'sealwright protect-keys', secret: step.keysSecret }
      try {
        const files = await protectKeys(workspace, party, passphrase, world)
        if (files !== undefined) {
          return report(
            { party, files, ...enforcedIn('passphrase') },
            `${files} keys of ${party} are under a passphrase now; copies of the folder from before are not`,
            ...fields({ keys: placeLabel('passphrase') }),
          )
        }
        await changeKeysPassphrase(workspace, party, passphrase, world)
        return report(
          { party, changed: true, ...enforcedIn('passphrase') },
          `the keys of ${party} are under the new passphrase now; copies of the folder from before open with the old one`,
        )
      } finally {
        wipe(passphrase)
      }
    },
  })
}

async function newPassphrase(step: Step, party: string): Promise<Uint8Array> {
  const first = await step.secretText('new-passphrase', `new passphrase of the keys of ${party}`)
  if (step.optional('new-passphrase') !== undefined) return first
  const second = await step.secretText('new-passphrase', 'the same again')
  const same = equal(first, second)
  wipe(second)
  if (same) return first
  wipe(first)
  throw new UsageError('the two passphrases differ; nothing was changed')
}
