import { equal, wipe } from '@sealwright/core/bytes'
import { keyPlaces, unlockTries } from '@sealwright/core/catalog'
import {
  type CustomizationImage,
  customizationChannelKeys,
  openImage,
  parseUnlockingData,
  type UnlockingData,
  wipeChannelKeys,
} from '@sealwright/core/customization'
import { AuthError } from '@sealwright/core/errors'
import { ramName, readUnlockRecord, type UnlockRecord, writeUnlockRecord } from '../customization/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { ProgramRefused } from '../program/index.ts'

type UnlockParts = Pick<
  Parts,
  | 'channels'
  | 'compile'
  | 'crypto'
  | 'events'
  | 'keys'
  | 'life'
  | 'nvm'
  | 'objects'
  | 'programs'
  | 'ram'
  | 'rom'
  | 'serial'
>

/**
 * UNLOCK: key(32) ‖ hash(32). The try is counted and durable before anything is compared; a success gives the tries back.
 * Nothing but the try changes unless key, hash, signature and program all hold, and which of them does not is not told.
 * The command's data are wiped. In customization mode it serves the RAM form after a loss of power, with the recorded hash only.
 */
export function unlock(parts: UnlockParts, { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const unlocking = parseUnlockingData(data)
  try {
    const serial = parts.serial()
    if (serial === undefined) throw new Refusal('conditions-not-satisfied')
    const before = parts.life.mode() === 'customization' ? readUnlockRecord(parts) : undefined
    if (parts.life.mode() === 'customization' && !mayUnlockAgain(parts, before)) {
      throw new Refusal('conditions-not-satisfied')
    }
    countTry(parts)
    if (before !== undefined && !equal(before.hash, unlocking.hash)) throw new AuthError()
    if ([unlocking.key, parts.rom.clientKey].some((key) => parts.keys.mayNotTake(key))) throw new AuthError()
    const sealed = parts.objects.read('encrypted-image', 0) ?? new Uint8Array(0)
    const image = openImage(parts.crypto, unlocking, sealed, parts.rom.clientKey)
    try {
      requireProgram(parts, image.program)
      store(parts, serial, unlocking, image)
    } finally {
      wipe(image.program)
    }
  } finally {
    wipe(unlocking.key, unlocking.hash, data)
  }
  parts.channels.close()
  parts.programs.reset()
  return new Uint8Array(0)
}

/** Only the RAM form whose software a loss of power took. */
function mayUnlockAgain({ ram }: Pick<Parts, 'ram'>, before: UnlockRecord | undefined): boolean {
  return before?.form === 'ram' && ram.view(ramName) === undefined
}

function countTry({ nvm, objects }: Pick<Parts, 'nvm' | 'objects'>): void {
  const used = objects.read('tries', 0)?.[0] ?? 0
  if (used >= unlockTries) throw new Refusal('blocked')
  nvm.transaction((tx) => objects.put(tx, 'tries', 0, Uint8Array.of(used + 1)))
}

function requireProgram({ compile }: Pick<Parts, 'compile'>, program: Uint8Array): void {
  try {
    compile(program)
  } catch (error) {
    if (error instanceof ProgramRefused) throw new AuthError()
    throw error
  }
}

function store(
  { crypto, events, keys, life, nvm, objects, ram }: UnlockParts,
  serial: Uint8Array,
  { key, hash }: UnlockingData,
  { form, program }: CustomizationImage,
): void {
  const set = customizationChannelKeys(crypto, key, serial)
  try {
    if (form === 'ram') ram.allocate(ramName, program.length).set(program)
    nvm.transaction((tx) => {
      objects.put(tx, 'tries', 0, Uint8Array.of(0))
      keys.putAes(tx, keyPlaces.customization, set.enc)
      keys.putAes(tx, keyPlaces.customization + 1, set.mac)
      keys.putAes(tx, keyPlaces.customization + 2, set.dek)
      if (life.mode() === 'customization') return
      if (form === 'eeprom') objects.put(tx, 'customization-software', 0, program)
      writeUnlockRecord({ objects }, tx, { form, hash })
      events.record(tx, 'unlocked', serial, hash)
      tx.setOtp('mode-customization')
    })
  } catch (error) {
    ram.release(ramName)
    throw error
  } finally {
    wipeChannelKeys(set)
  }
}
