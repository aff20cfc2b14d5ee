import { encodeHex, wipe } from '@sealwright/core/bytes'
import { unlockTries } from '@sealwright/core/catalog'
import { parseChipStatus, serializeUnlockingData } from '@sealwright/core/customization'
import { RefusedError, StateError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { type Channel, plain } from '../channel/index.ts'
import { moduleStep } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { requireMask, useUnlocking } from './masks.ts'

export interface Unlocked {
  /** 8 bytes. */
  readonly serial: Uint8Array
  /** The chip was in customization mode already. */
  readonly already: boolean
  readonly entries: readonly LogEntry[]
}

/**
 * Unlocks a chip with the data of its mask or lot. A chip that is unlocked already stays as it is; one that keeps the software in RAM and lost
 * power is unlocked again. Nothing secret goes to a chip of another mask.
 */
export async function unlock(
  ports: PartyPorts,
  transport: Transport,
  /** The name of the mask, or of the lot. */
  { mask }: { readonly mask: string },
): Promise<Unlocked> {
  const channel = plain(transport)
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'issuer unlock',
    types: ['unlocked'],
    run: () => unlockChip(ports, channel, mask),
  })
  return { ...result, entries }
}

/** The step itself, without intent and entries. */
export async function unlockChip(
  ports: Pick<PartyPorts, 'crypto' | 'vault'>,
  channel: Channel,
  mask: string,
): Promise<Omit<Unlocked, 'entries'>> {
  const status = parseChipStatus(await channel.send('CHIP STATUS'))
  const { serial, mode, triesLeft } = status
  if (mode === 'user' || mode === 'terminated') {
    throw new StateError(`the chip is in ${mode} mode already`)
  }
  return useUnlocking(ports, mask, status.imageIv, async (file) => {
    requireMask(mask, file, status.romDigest)
    if (serial === undefined) throw new StateError('the chip has no serial number yet: it is not mounted')
    if (mode === 'customization' && file.form === 'eeprom') return { serial, already: true }
    if (triesLeft === 0) {
      const reason = `the chip ${encodeHex(serial)} is scrap: its ${unlockTries} tries are used up`
      throw new StateError(reason, { code: 'module-blocked' })
    }
    const data = serializeUnlockingData(file.unlocking)
    try {
      await channel.send('UNLOCK', { data })
    } catch (error) {
      // The RAM form whose software is still there.
      if (mode === 'customization' && isOutOfOrder(error)) return { serial, already: true }
      throw error
    } finally {
      wipe(data)
    }
    return { serial, already: false }
  })
}

function isOutOfOrder(error: unknown): boolean {
  return error instanceof RefusedError && error.code === 'module-conditions-not-satisfied'
}
