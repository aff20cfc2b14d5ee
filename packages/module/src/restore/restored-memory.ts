import { equal } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import type { ChainedEvent } from '@sealwright/core/log'
import type { Crypto } from '@sealwright/core/ports'
import { controlIds, type Memory, openMemory } from '../eeprom/index.ts'
import { Events, type Head } from '../events/index.ts'
import type { Medium } from '../medium/index.ts'

export interface Restoring {
  /** The memory as the backup has it; it is changed. */
  readonly backup: Medium
  /** The memory that the chip has now, where that can be read; an interrupted transaction in it is settled. */
  readonly present?: Medium
  /** What the event is about: SHA-256 of the backup. */
  readonly digest: Uint8Array
  readonly crypto: Crypto
}

export interface Restored {
  readonly event: ChainedEvent
  /** The chain before the event: that of the present memory, or of the backup where the present one cannot be read. */
  readonly before: Head
}

/**
 * Makes a backup's memory the chip's next one: the event chain goes on from the present memory's head, so that no number is used twice, and
 * the restore is its next event. StateError when the backup is from another mode, from issuer mode, or of another serial number.
 */
export function restoreMemory({ backup, present, digest, crypto }: Restoring): Restored {
  const restored = openMemory(backup)
  const events = new Events(crypto, restored.objects)
  const serial = serialOf(restored)
  if (serial === undefined || !restored.otp.test('mode-customization')) {
    throw new StateError(
      'the backup was made in issuer mode: there is nothing in it yet that another chip has not',
    )
  }
  const now = present === undefined ? undefined : openMemory(present)
  if (now !== undefined) requireSameChip(restored, now)
  return restored.nvm.transaction((tx) => {
    if (now !== undefined) events.adopt(tx, new Events(crypto, now.objects))
    const before = events.head()!
    const { number, type } = events.record(tx, 'restored', serial, digest)
    return { event: { previous: before.chain, serial, number, type, digest }, before }
  })
}

/** One-time memory never goes back, not by a restore either. */
function requireSameChip(restored: Memory, now: Memory): void {
  if (!equal(restored.otp.dump(), now.otp.dump())) {
    throw new StateError(
      'the backup was made before the one-time memory changed: a mode is never left backwards',
    )
  }
  const [then, today] = [serialOf(restored), serialOf(now)]
  if (then === undefined || today === undefined || !equal(then, today)) {
    throw new StateError('the backup has another serial number than the chip')
  }
}

function serialOf({ objects }: Memory): Uint8Array | undefined {
  return objects.read('control', controlIds.serial)
}
