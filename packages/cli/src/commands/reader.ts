import { encodeHex } from '@sealwright/core/bytes'
import { listReaders } from '@sealwright/node/transport'
import type { Command } from 'commander'
import { type Context, report, table } from '../framework/index.ts'

export function register(program: Command, context: Context): void {
  const reader = context.group(
    program,
    'reader',
    'list the card readers of this machine',
    'Shows the PC/SC readers that --reader NAME of other commands may name. `sealwright doctor` says what is missing where there are none.',
  )

  context.verb(reader, {
    name: 'list',
    summary: 'list readers, and the cards in them',
    about:
      'Asks pcscd for its readers: whether a card is in each, its ATR, and how many programs are connected to it. It sends the cards nothing.',
    examples: ['reader list', 'reader list --json'],
    async run() {
      const readers = await listReaders()
      const json = readers.map(({ name, card, atr, connections }) => ({ name, card, atr, connections }))
      if (readers.length === 0) return report({ readers: json }, 'pcscd has no reader.')
      const rows = readers.map(({ name, card, atr, connections }) => [
        name,
        card,
        atr === undefined ? '–' : encodeHex(atr),
        String(connections),
      ])
      return report({ readers: json }, ...table(['reader', 'card', 'ATR', 'programs'], rows))
    },
  })
}
