import { initWorkspace, openParty, type Workspace } from '@sealwright/node/workspace'
import { enroll } from '@sealwright/roles/log'
import { logSigningKey, type PartyName, parties } from '@sealwright/roles/ports'
import type { Command } from 'commander'
import { type Context, fields, keyBesideChip, report } from '../framework/index.ts'

export function register(program: Command, context: Context): void {
  context.verb(program, {
    name: 'init [dir]',
    summary: 'make a workspace, or add a party to one',
    about:
      'Makes a workspace: a folder with one folder for each party, which holds its keys and files. A party on a computer of its own needs only its own folder: --party. Keys lie in files that only your account can read, not encrypted: a copy of the folder is a copy of the keys.',
    writes: ['DIR/sealwright.json', 'DIR/PARTY/keys/ and DIR/PARTY/store/ for each party'],
    examples: ['init work', 'init work --party supplier'],
    options: [
      {
        flags: '--party <name>',
        text: 'only this party (may be repeated)',
        many: true,
        choices: Object.keys(parties),
      },
    ],
    async run(step) {
      const folder = step.path(typeof step.arguments[0] === 'string' ? step.arguments[0] : '.')
      const wanted = step.many('party') as PartyName[]
      const workspace = await initWorkspace(
        folder,
        { command: 'sealwright init' },
        wanted.length === 0 ? undefined : wanted,
        (begun) => enrollAll(begun, 'sealwright init'),
      )
      const made = wanted.length === 0 ? workspace.parties() : wanted
      return report(
        { workspace: workspace.folder, parties: made },
        ...fields({ workspace: workspace.folder, parties: made.join(' ') }),
        keyBesideChip,
      )
    },
  })
}

/** Where the log and others live in one workspace, nobody needs to carry keys about. */
export async function enrollAll(workspace: Workspace, command: string): Promise<void> {
  const here = workspace.parties()
  if (!here.includes('log')) return
  const log = openParty(workspace, 'log', { command })
  try {
    for (const party of here.filter((name) => name !== 'log')) {
      const other = openParty(workspace, party, { command })
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
