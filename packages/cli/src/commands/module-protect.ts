import { equal, wipe } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { protectChip } from '@sealwright/node/medium'
import type { Command } from 'commander'
import { type Context, report, type Step } from '../framework/index.ts'

export function registerProtect(module: Command, context: Context): void {
  context.verb(module, {
    name: 'protect <file>',
    summary: "put a chip's key under a passphrase, another one, or none",
    about:
      'A chip file is sealed under a key that lies in a file beside it, or where --chip-key or SEALWRIGHT_CHIP_KEYS says. Who copies both has a second module. A key under a passphrase opens nothing without it: then every command that opens the chip asks for it, or takes --chip-passphrase. A new passphrase is asked for twice. Other ways: keep keys in a folder elsewhere (SEALWRIGHT_CHIP_KEYS=FOLDER), or on a medium that you take away. A forgotten passphrase is a lost module. Copies of the key file from before stay as they are.',
    reads: ['FILE: the chip file, for which key it is', 'its key file'],
    writes: ['the key file, as a whole'],
    examples: [
      'module protect cash.chip',
      'module protect cash.chip --new-passphrase fd:3',
      'module protect cash.chip --off',
    ],
    options: [
      {
        flags: '--new-passphrase <file>',
        text: 'the new passphrase: a file, - or fd:N (else it is asked for, twice)',
      },
      { flags: '--off', text: 'take the passphrase away' },
    ],
    chips: 'one',
    run: protect,
  })
}

async function protect(step: Step) {
  const name = step.argument(0)
  const off = step.flag('off')
  if (off && step.optional('new-passphrase') !== undefined) {
    throw new UsageError('either --off or --new-passphrase')
  }
  const options = await step.chipOptions(name)
  const passphrase = off ? undefined : await newPassphrase(step, name)
  try {
    const { key, before } = protectChip(step.path(name), passphrase, options)
    const now = off ? 'bare' : 'passphrase'
    return report(
      { file: name, key, before, now },
      off
        ? `${key} is no longer under a passphrase`
        : `${key} is under ${before === 'passphrase' ? 'the new' : 'a'} passphrase now; copies of it from before are not`,
    )
  } finally {
    wipe(passphrase)
  }
}

async function newPassphrase(step: Step, name: string): Promise<Uint8Array> {
  const first = await step.secret('new-passphrase', `new passphrase of ${name}`)
  if (step.optional('new-passphrase') !== undefined) return first
  const second = await step.secret('new-passphrase', 'the same again')
  const same = equal(first, second)
  wipe(second)
  if (same) return first
  wipe(first)
  throw new UsageError('the two passphrases differ; nothing was changed')
}
