import { concat, u32 } from '@sealwright/core/bytes'
import type { Parts } from '../parts.ts'

/** SELF TEST: reads ROM, EEPROM and OTP through; 00 good, then the number of bytes read. */
export function selfTest({ rom, nvm, otp }: Pick<Parts, 'rom' | 'nvm' | 'otp'>): Uint8Array {
  const eeprom = nvm.read(0, nvm.size)
  return concat(Uint8Array.of(0x00), u32(rom.bytes.length + eeprom.length + otp.dump().length))
}
