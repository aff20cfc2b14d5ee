import { encodeHex } from '@sealwright/core/bytes'
import { eventTypes } from '@sealwright/core/catalog'
import { UsageError } from '@sealwright/core/errors'
import { nodeCrypto } from '@sealwright/node/crypto'
import { backUpChip, parseBackup, planRestore } from '@sealwright/node/medium'
import { recordRestore } from '@sealwright/roles/custody'
import type { PartyName } from '@sealwright/roles/ports'
import type { Command } from 'commander'
import { type Context, fields, moduleAddress, report, type Step } from '../framework/index.ts'

export function registerBackup(module: Command, context: Context): void {
  context.verb(module, {
    name: 'backup <file>',
    summary: "copy a chip's memory, sealed as it is",
    about:
      'Copies the memory of a chip at rest into one file, sealed and authenticated: worthless without the chip key, which is not in it. Keep a copy of the key file too, elsewhere. Refused while another process holds the chip, and after a power cut until the chip was powered up once. A backup is put back with `module restore`, which the event chain tells.',
    reads: ['FILE: the chip file', 'its key file'],
    writes: ['--out FILE: the backup (0600)'],
    examples: ['module backup cash.chip --out cash.backup'],
    options: [{ flags: '--out <file>', text: 'the backup', required: true }],
    chips: 'one',
    async run(step) {
      const name = step.argument(0)
      const out = step.option('out')
      const backup = backUpChip(step.path(name), await step.chipOptions(name))
      step.writeSecretFile(out, backup)
      const digest = encodeHex(nodeCrypto.sha256(backup))
      return report(
        { file: out, bytes: backup.length, digest },
        ...fields({ backup: `${out}, ${backup.length} bytes`, 'SHA-256': digest }),
        'It opens only with the key of this chip, which is not in it: keep a copy of the key file elsewhere.',
      )
    },
  })

  context.verb(module, {
    name: 'restore <backup>',
    summary: "put a backup in the place of a chip's memory",
    about:
      "Puts the memory back to what it was when the backup was made, for a chip file that is lost, damaged, or to be taken back. Everything since is undone, counters too: keys that came later are gone, keys that were deleted are back, documents and messages that were used up can be used again (docs/SECURITY.md says what that means). So it is an event of the module's chain. The chain goes on from the present memory; where that cannot be read, from the backup, and then the passport shows a fork. The party that keeps the module's file restores, and its signed entry waits in its outbox. One-time memory never goes back: a backup from another mode is refused.",
    reads: ['BACKUP: from `module backup`', 'FILE and its key file'],
    writes: ['FILE: the chip file, as a whole', "the party's outbox"],
    examples: ['module restore cash.backup --module cash.chip --party terminal --irreversible'],
    options: [
      { flags: '--module <file>', text: 'the chip file', required: true },
      {
        flags: '--party <name>',
        text: "who restores: the party that keeps the module's file",
        required: true,
        choices: eventTypes.restored.by,
      },
      { flags: '--irreversible', text: 'say that you know: what happened since is undone, counters too' },
    ],
    chips: 'one',
    run: restore,
  })
}

async function restore(step: Step) {
  if (!step.flag('irreversible')) {
    throw new UsageError(
      'a restore undoes everything since the backup, counters too: add --irreversible when you mean it',
    )
  }
  const name = step.option('module')
  if (moduleAddress(name).kind !== 'file')
    throw new UsageError('a restore replaces a file: name the chip file')
  const bytes = step.readFile(step.argument(0))
  const { chipId } = parseBackup(bytes).header
  const ports = step.party(step.option('party') as PartyName)
  const plan = planRestore(step.path(name), bytes, await step.chipOptions(name, chipId))
  try {
    const { entry, before } = await recordRestore(ports, plan)
    const { serial, number, digest } = entry
    const chain =
      plan.unreadable === undefined ? 'goes on from the memory that was there' : 'goes on from the backup'
    return report(
      {
        file: name,
        serial,
        event: number,
        digest,
        party: ports.party,
        ...(plan.unreadable === undefined ? {} : { unreadable: plan.unreadable }),
        earlier: before,
      },
      ...fields({
        module: encodeHex(serial),
        event: `${number}, restored`,
        chain,
        'left out': plan.unreadable,
      }),
      ...(before ? ['An earlier run had restored it already; its entry is in the outbox now.'] : []),
      ...(plan.unreadable === undefined
        ? []
        : ['Events after the backup have the same numbers as those from now on: a passport shows the fork.']),
    )
  } finally {
    plan.close()
  }
}
