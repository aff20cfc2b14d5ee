import { Reader } from '@sealwright/core/bytes'
import { Refusal } from '../dispatch/refusal.ts'
import { controlIds } from '../eeprom/index.ts'
import type { Call, Parts } from '../parts.ts'

/** WRITE SERIAL: once; the event chain begins over what was masked. */
export function writeSerial(
  {
    serial,
    nvm,
    objects,
    events,
    rom,
    crypto,
  }: Pick<Parts, 'serial' | 'nvm' | 'objects' | 'events' | 'rom' | 'crypto'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const r = new Reader(data, 'WRITE SERIAL')
  const value = r.take(8, 'serial number')
  r.end()
  if (serial() !== undefined) throw new Refusal('conditions-not-satisfied')
  if (value.every((byte) => byte === 0)) throw new Refusal('wrong-data')
  nvm.transaction((tx) => {
    objects.put(tx, 'control', controlIds.serial, value)
    events.start(
      tx,
      crypto.sha256(rom.bytes),
      crypto.sha256(objects.read('encrypted-image', 0) ?? new Uint8Array(0)),
    )
    events.record(tx, 'serial-written', value, crypto.sha256(value))
  })
  return new Uint8Array(0)
}
