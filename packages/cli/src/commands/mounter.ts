import { discarded } from '@sealwright/roles/mounter'
import type { Command } from 'commander'
import { type Context, report, table } from '../framework/index.ts'
import { register as registerMount } from './mounter-mount.ts'

export function register(program: Command, context: Context): void {
  const mounter = context.group(
    program,
    'mounter',
    'mount chips and write serial numbers',
    'The mounter puts chips on their supports: test, serial number, print. He has no key, and no chip tells him anything that is secret.',
  )

  registerMount(mounter, context)

  context.verb(mounter, {
    name: 'discarded',
    summary: 'list the chips that failed',
    about: 'Lists every chip that was discarded, with the reason.',
    examples: ['mounter discarded'],
    async run(step) {
      const chips = await discarded(step.party('mounter'))
      return report(
        { chips },
        ...table(
          ['chip', 'reason'],
          chips.map(({ chip, reason }) => [chip, reason]),
        ),
      )
    },
  })
}
