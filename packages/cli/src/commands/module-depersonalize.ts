import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { depersonalize } from '@sealwright/module/personalization'
import { plain } from '@sealwright/roles/channel'
import { depersonalizeByHand, readHead } from '@sealwright/roles/custody'
import type { PartyName } from '@sealwright/roles/ports'
import type { Command } from 'commander'
import { type Context, fields, report, requireSerial, type Step } from '../framework/index.ts'

/** Who may keep a module in operation, and so lay hands on it. */
const keepers: readonly PartyName[] = ['terminal', 'loader', 'operator', 'unit', 'manufacturer']

export function registerDepersonalize(module: Command, context: Context): void {
  context.verb(module, {
    name: 'depersonalize <file>',
    summary: 'erase what personalization gave, by hand at the module',
    about:
      "Stands for the hand at the module itself: only who holds the chip file can do it, no APDU can. Erased are the operating key, its certificates, the central system's key, the keys that were loaded since, the random number of a download; resources are blocked until their operator releases them. The identity, transport keys, operators' keys, times and counters stay. The next personalization makes a new pair. The central system does the same from afar: `central depersonalize`.",
    reads: ['FILE: the chip file', 'its key file'],
    writes: ['FILE', "the party's outbox"],
    examples: ['module depersonalize cash.chip --serial 0102030405060708 --party terminal --irreversible'],
    options: [
      { flags: '--serial <hex>', text: 'the module that is meant, 16 hex digits', required: true },
      {
        flags: '--party <name>',
        text: 'who does it: the party that keeps the module',
        required: true,
        choices: keepers,
      },
      { flags: '--irreversible', text: 'say that you know: the operating key and the loaded keys are gone' },
    ],
    chips: 'one',
    run,
  })
}

async function run(step: Step) {
  if (!step.flag('irreversible')) {
    throw new UsageError(
      'the operating key and the keys that were loaded are erased: add --irreversible when you mean it',
    )
  }
  const name = step.argument(0)
  const serial = requireSerial(step.option('serial'))
  const ports = step.party(step.option('party') as PartyName)
  const transport = await step.openModule(name)
  const { inside } = transport
  if (inside === undefined) {
    throw new UsageError(
      'by hand means at the module itself: name its chip file, while no other process runs it',
    )
  }
  const { number, entries } = await depersonalizeByHand(ports, {
    transport,
    serial,
    carryOut: () => depersonalize(inside.parts),
  })
  const { state } = await readHead(plain(transport))
  return report(
    { serial, state, event: number, party: ports.party, entries: entries.length },
    ...fields({ module: encodeHex(serial), state, event: `${number}, depersonalized` }),
    'The next personalization makes a new pair; resources stay blocked until their operator releases them.',
  )
}
