import { StateError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'

/** What a line does to one command: nothing, or the power goes before it arrives, or before its answer does. */
export type Cut = 'before' | 'after'

/** A line that breaks at its n-th command (from 1), once; `cut` calls what happens to the card then. */
export function testOnlyBreakingLine(
  transport: Transport,
  at: number,
  cut: Cut,
  broken: () => void,
): { line: Transport; commands(): number } {
  let count = 0
  const breaks = (): never => {
    broken()
    throw new StateError('the line broke', { code: 'transport-failed' })
  }
  return {
    commands: () => count,
    line: {
      async transmit(command) {
        count++
        if (count === at && cut === 'before') return breaks()
        const answer = await transport.transmit(command)
        return count === at ? breaks() : answer
      },
      close: () => transport.close(),
    },
  }
}

/** A line on which somebody stands who sees and changes what passes. */
export function testOnlyTappedLine(
  transport: Transport,
  change: (answer: Uint8Array, command: Uint8Array) => Uint8Array,
): { line: Transport; sent: Uint8Array[] } {
  const sent: Uint8Array[] = []
  return {
    sent,
    line: {
      async transmit(command) {
        sent.push(command.slice())
        return change(await transport.transmit(command), command)
      },
      close: () => transport.close(),
    },
  }
}

/**
 * Runs `work` with the line broken at its first command, its second, and so on until it ends unbroken; after each break once more on a whole
 * line, then `check`. `fresh` gives a new card each time.
 */
export async function testOnlyEveryCut<C extends { transport(): Transport; reset(): void }>(
  fresh: () => C,
  work: (transport: Transport, card: C) => Promise<unknown>,
  check: (card: C, where: string) => Promise<void> | void,
): Promise<number> {
  for (const cut of ['before', 'after'] as const) {
    for (let at = 1; ; at++) {
      const card = fresh()
      const { line, commands } = testOnlyBreakingLine(card.transport(), at, cut, () => card.reset())
      let whole = false
      try {
        await work(line, card)
        whole = true
      } catch (error) {
        if (!(error instanceof StateError) || error.code !== 'transport-failed') throw error
        await work(card.transport(), card)
      }
      await check(card, `${cut} command ${at}`)
      if (!whole) continue
      if (cut === 'after') return commands()
      break
    }
  }
  return 0
}
