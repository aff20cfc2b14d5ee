import { concat } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import type { ReaderState } from '../pcsc/index.ts'
import { listReaders, openReader } from '../transport/index.ts'
import { insertCard, vpcdHost } from '../vpcd/index.ts'
import type { VpcdConfiguration } from './vpcd-driver.ts'

/** Milliseconds of one APDU through pcscd and vpcd, from which on something is wrong. */
export const slowMs = 15

const slots = 2
const rounds = 11

/**
 * Puts a card of its own into a free virtual reader for a moment and measures how long it takes pcscd to bring one APDU there and its
 * answer back: the median, in milliseconds. Undefined where no virtual reader is free. Throws StateError where the card is not taken.
 */
export async function measureVpcd({ friendlyName, port }: VpcdConfiguration): Promise<number | undefined> {
  if (port === undefined) return undefined
  const free = freeSlot(await listReaders(), friendlyName)
  if (free === undefined) return undefined
  const stop = new AbortController()
  let refused = ''
  const inserted = insertCard(
    // The instruction is one that no standard has; whoever else asks is told that the card knows nothing.
    { transmit: (command) => (command[1] === 0x02 ? answer : unknownInstruction), reset: () => {} },
    {
      host: vpcdHost,
      port: port + free.slot,
      signal: stop.signal,
      onEvent(event) {
        if ('reason' in event) refused = event.reason
      },
    },
  )
  try {
    await present(free.name, () => refused)
    const card = await openReader(free.name)
    try {
      const times: number[] = []
      for (let round = 0; round < rounds; round++) {
        const start = performance.now()
        await card.transmit(probe)
        times.push(performance.now() - start)
      }
      return times.sort((a, b) => a - b)[rounds >> 1]
    } finally {
      await card.close()
    }
  } finally {
    stop.abort()
    await inserted
  }
}

/** A virtual reader without a card. pcscd numbers the slots of one driver in the last two digits of the name. */
function freeSlot(
  readers: readonly ReaderState[],
  friendlyName: string,
): { name: string; slot: number } | undefined {
  for (let slot = slots - 1; slot >= 0; slot--) {
    const ending = ` 0${slot}`
    const found = readers.find(
      ({ name, card }) => name.startsWith(friendlyName) && name.endsWith(ending) && card === 'absent',
    )
    if (found !== undefined) return { name: found.name, slot }
  }
  return undefined
}

async function present(name: string, refused: () => string): Promise<void> {
  const limit = performance.now() + 5000
  while (performance.now() < limit) {
    const reader = (await listReaders()).find((one) => one.name === name)
    if (reader?.card === 'present') return
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new StateError(
    `${name} did not take a card within 5 seconds${refused() === '' ? '' : `: ${refused()}`}`,
    {
      code: 'card-missing',
    },
  )
}

const probe = Uint8Array.of(0x80, 0x02, 0x00, 0x00)
const success = Uint8Array.of(0x90, 0x00)
const answer = concat(new Uint8Array(8), success)
const unknownInstruction = Uint8Array.of(0x6d, 0x00)
