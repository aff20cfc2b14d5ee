import { encodeHex } from '@sealwright/core/bytes'
import { discarded, mount } from '@sealwright/roles/mounter'
import type { Command } from 'commander'
import { type Context, failing, report, requireSerial, table } from '../framework/index.ts'

export function register(program: Command, context: Context): void {
  const mounter = context.group(
    program,
    'mounter',
    'mount chips and write serial numbers',
    'The mounter puts chips on their supports: test, serial number, print. He has no key, and no chip tells him anything that is secret.',
  )

  context.verb(mounter, {
    name: 'mount',
    summary: 'test a chip and write its serial number',
    about:
      'Powers the chip up, runs its electrical self-test, compares it with the delivery note and writes its serial number, which can be written once. A chip that fails is discarded and listed; its serial number is free for another one.',
    reads: ['--delivery-note FILE: from the manufacturer'],
    writes: [
      'your store: serial numbers given, print orders, discarded chips',
      'your outbox: the entry for the log',
    ],
    examples: [
      'mounter mount --module chips/cash.chip --serial 0000000000000001 --delivery-note exchange/fleet.note --print "CASH 0001"',
    ],
    module: 'required',
    options: [
      { flags: '--serial <hex>', text: 'the serial number, 16 hex digits', required: true },
      { flags: '--delivery-note <file>', text: "the manufacturer's delivery note", required: true },
      { flags: '--print <text>', text: 'what is to be printed on the support' },
    ],
    async run(step) {
      const chip = step.moduleName!
      const serial = requireSerial(step.option('serial'))
      const print = step.optional('print')
      const done = await mount(step.party('mounter'), {
        chip,
        power: () => step.module(),
        serial,
        deliveryNote: step.readFile(step.option('delivery-note')),
        ...(print === undefined ? {} : { print }),
      })
      if (done.outcome === 'discarded') {
        const { reason } = done
        return failing(
          'memory-damaged',
          report({ chip, outcome: 'discarded', reason }, `${chip} discarded: ${reason}`),
        )
      }
      const text = done.already ? 'had its serial number before' : 'mounted'
      return report(
        { chip, outcome: 'mounted', serial, already: done.already, test: done.test },
        `${chip} ${text}: ${encodeHex(serial)}${done.test ? ', a test module' : ''}`,
      )
    },
  })

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
