import { type AskKeysSecret, decodeVaultPlace } from '@sealwright/node/keys'
import { initWorkspace, openParty, type Workspace } from '@sealwright/node/workspace'
import { enroll } from '@sealwright/roles/log'
import { logSigningKey, type PartyName, parties } from '@sealwright/roles/ports'
import type { Command } from 'commander'
import { type Context, enforcedIn, fields, keyBesideChip, placeLabel, report } from '../framework/index.ts'

export function register(program: Command, context: Context): void {
  context.verb(program, {
    name: 'init [dir]',
    summary: 'make a workspace, or add a party to one',
    about:
      'Makes a workspace: a folder with one folder for each party, which holds its keys and files. A party on a computer of its own needs only its own folder: --party. --keys says where private keys lie. file: in files that only your account can read, not encrypted: a copy of the folder is a copy of the keys. passphrase: in encrypted files; a copy signs nothing until somebody has the passphrase. A pkcs11: address (RFC 7512): in an HSM or token, where they are made and stay; what must leave it, such as document keys, lies in files that only the token opens. The label of each key begins with object=, or with the name of the party. None of these places enforces two people, the count of a ticket, or exactly one log entry for each signature: a signing card does.',
    writes: ['DIR/sealwright.json', 'DIR/PARTY/keys/ and DIR/PARTY/store/ for each party'],
    examples: [
      'init work',
      'init work --party supplier',
      'init work --party unit --keys passphrase',
      "init work --party unit --keys 'pkcs11:token=unit?module-path=/usr/lib/softhsm/libsofthsm2.so'",
    ],
    options: [
      {
        flags: '--party <name>',
        text: 'only this party (may be repeated)',
        many: true,
        choices: Object.keys(parties),
      },
      {
        flags: '--keys <place>',
        text: 'where their keys lie, as said above (default: file)',
      },
    ],
    async run(step) {
      const folder = step.path(typeof step.arguments[0] === 'string' ? step.arguments[0] : '.')
      const wanted = step.many('party') as PartyName[]
      const vaultPlace = decodeVaultPlace(step.optional('keys') ?? 'file')
      const { keysSecret: secret } = step
      const workspace = await initWorkspace(
        folder,
        { command: 'sealwright init', secret },
        wanted.length === 0 ? undefined : wanted,
        (begun) => enrollAll(begun, 'sealwright init', secret),
        vaultPlace,
      )
      const made = wanted.length === 0 ? workspace.parties() : wanted
      return report(
        { workspace: workspace.folder, parties: made, keys: enforcedIn(vaultPlace.place) },
        ...fields({
          workspace: workspace.folder,
          parties: made.join(' '),
          keys: placeLabel(vaultPlace.place),
        }),
        keyBesideChip,
      )
    },
  })
}

/** Where the log and others live in one workspace, nobody needs to carry keys about. */
export async function enrollAll(
  workspace: Workspace,
  command: string,
  secret?: AskKeysSecret,
): Promise<void> {
  const here = workspace.parties()
  if (!here.includes('log')) return
  const world = { command, ...(secret === undefined ? {} : { secret }) }
  const log = openParty(workspace, 'log', world)
  try {
    for (const party of here.filter((name) => name !== 'log')) {
      const other = openParty(workspace, party, world)
      try {
        const point = await other.ports.vault.publicPoint(logSigningKey)
        await enroll(log.ports, { party, point, chain: [] })
      } finally {
        other.close()
      }
    }
  } finally {
    log.close()
  }
}
