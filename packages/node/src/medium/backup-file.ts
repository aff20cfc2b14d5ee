import { ascii, concat, equal, Reader, requireFormatVersion, Writer, wipe } from '@sealwright/core/bytes'
import { formats, labels } from '@sealwright/core/catalog'
import { deriveKey, withHandle } from '@sealwright/core/crypto'
import { DecodeError } from '@sealwright/core/errors'
import type { Crypto } from '@sealwright/core/ports'
import { RamSlots, type Slots } from '@sealwright/module/medium'
import { type ChipKey, sealedSlotLength, slotCount } from '@sealwright/module/seal'
import { type ChipHeader, headerLength, parseHeader, serializeHeader } from './chip-header.ts'

/**
 * A copy of a chip file without its blank slots, worthless without the chip key:
 *   "SWCB"(4) ‖ version(1) ‖ header of the chip file(64) ‖ number of slots(4) ‖ slots: number(4) ‖ slot(296), ascending ‖
 *   CMAC(16) over "CBK1" ‖ all before, under a key from the chip key
 */
export interface Backup {
  readonly header: ChipHeader
  readonly slots: RamSlots
}

export function serializeBackup(header: ChipHeader, slots: Slots, chip: ChipKey): Uint8Array {
  const w = new Writer().bytes(magic).u8(formats['chip backup'].newest).bytes(serializeHeader(header))
  const written = Array.from({ length: slots.count }, (_, slot) => slot).filter((slot) =>
    slots.lend(slot).some((byte) => byte !== 0),
  )
  w.u32(written.length)
  for (const slot of written) w.u32(slot).bytes(slots.lend(slot))
  const body = w.finish()
  return concat(body, mac(chip, body))
}

/** What a backup holds; whether it is genuine only `checkBackup` tells. */
export function parseBackup(bytes: Uint8Array): Backup {
  const r = new Reader(bytes, 'chip backup')
  if (!equal(r.take(4, 'magic'), magic)) throw r.fail('not a backup of a chip')
  requireFormatVersion('chip backup', r.u8('version'))
  const header = parseHeader(r.take(headerLength, 'header of the chip'))
  const slots = new RamSlots(slotCount(header.geometry), sealedSlotLength)
  const count = r.u32('number of slots')
  let last = -1
  for (let i = 0; i < count; i++) {
    const slot = r.u32('slot number')
    if (slot <= last || slot >= slots.count) throw r.fail('slots are not ascending, or outside the memory')
    last = slot
    const content = r.take(sealedSlotLength, 'slot')
    if (content.every((byte) => byte === 0)) throw r.fail(`slot ${slot} is blank`)
    slots.program(slot, content)
  }
  r.take(macLength, 'check value')
  r.end()
  return { header, slots }
}

/** DecodeError `backup-changed` when the chip key did not make it. */
export function checkBackup(bytes: Uint8Array, chip: ChipKey): void {
  const end = bytes.length - macLength
  if (!equal(mac(chip, bytes.subarray(0, end)), bytes.subarray(end))) {
    throw new DecodeError('chip backup: it is not as the chip key made it', { code: 'backup-changed' })
  }
}

function mac({ crypto, key, chipId }: ChipKey, body: Uint8Array): Uint8Array {
  const derived = backupKey(crypto, key, chipId)
  try {
    return withHandle(crypto.aes(derived), (handle) => handle.cmac(ascii(labels.chipBackup.text), body))
  } finally {
    wipe(derived)
  }
}

function backupKey(crypto: Crypto, key: Uint8Array, chipId: Uint8Array): Uint8Array {
  return withHandle(crypto.aes(key), (handle) => deriveKey(handle, labels.chipBackup.text, chipId, 32))
}

const magic = ascii('SWCB')
const macLength = 16
