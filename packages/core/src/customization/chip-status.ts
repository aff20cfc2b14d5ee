import { Reader, Writer } from '../bytes/index.ts'
import { type ChipMode, chipModes, unlockTries } from '../catalog/index.ts'

/** What anyone may know of a chip in any mode: the answer of CHIP STATUS. */
export interface ChipStatus {
  readonly mode: ChipMode
  /** 8 bytes; undefined before WRITE SERIAL. */
  readonly serial: Uint8Array | undefined
  /** 0..64; at 0 the chip is scrap, unless it is unlocked already. */
  readonly triesLeft: number
  /** All OTP bits, 32 bytes. */
  readonly otp: Uint8Array
  /** SHA-256 of the ROM image. */
  readonly romDigest: Uint8Array
  /** The iv of the encrypted image, 16 bytes: in a lot it names lot and image. Undefined when there is no image (any more). */
  readonly imageIv: Uint8Array | undefined
}

/** Whether the chip is a test module: bit 0 of OTP (X9). */
export function isTestModule({ otp }: Pick<ChipStatus, 'otp'>): boolean {
  return (otp[0]! & 0x01) !== 0
}

/**
 * mode(1) ‖ serial(8), zeros when not written ‖ triesLeft(1) ‖ otp(32) ‖ romDigest(32) ‖ imageIv(16), zeros when there is no image:
 * 90 bytes.
 */
export function serializeChipStatus(status: ChipStatus): Uint8Array {
  return new Writer()
    .u8(chipModes[status.mode].code)
    .bytes(status.serial ?? new Uint8Array(8))
    .u8(status.triesLeft)
    .bytes(status.otp)
    .bytes(status.romDigest)
    .bytes(status.imageIv ?? new Uint8Array(16))
    .finish()
}

export function parseChipStatus(bytes: Uint8Array): ChipStatus {
  const r = new Reader(bytes, 'chip status')
  const code = r.u8('mode')
  const mode = (Object.keys(chipModes) as ChipMode[]).find((name) => chipModes[name].code === code)
  if (mode === undefined) throw r.fail(`no mode has the code ${code}`)
  const serial = writtenBytes(r, 8, 'serial number')
  const triesLeft = r.u8('tries left')
  if (triesLeft > unlockTries) throw r.fail(`more than ${unlockTries} tries left`)
  const otp = r.take(32, 'OTP')
  const romDigest = r.take(32, 'ROM digest')
  const imageIv = writtenBytes(r, 16, 'iv of the image')
  r.end()
  return { mode, serial, triesLeft, otp, romDigest, imageIv }
}

/** Zeros stand for what is not there. */
function writtenBytes(r: Reader, length: number, field: string): Uint8Array | undefined {
  const bytes = r.take(length, field)
  return bytes.every((byte) => byte === 0) ? undefined : bytes
}
