import { unlockTries } from '@sealwright/core/catalog'
import { serializeChipStatus } from '@sealwright/core/customization'
import { requireBare } from '../dispatch/bare-command.ts'
import type { Call, Parts } from '../parts.ts'

/** CHIP STATUS: what anyone may know of a chip in any mode. */
export function chipStatus(
  {
    life,
    nvm,
    serial,
    objects,
    otp,
    rom,
    crypto,
  }: Pick<Parts, 'life' | 'nvm' | 'serial' | 'objects' | 'otp' | 'rom' | 'crypto'>,
  call: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  requireBare(call)
  const image = objects.find('encrypted-image', 0)
  return serializeChipStatus({
    mode: life.mode(),
    serial: serial(),
    triesLeft: unlockTries - (objects.read('tries', 0)?.[0] ?? 0),
    otp: otp.dump(),
    romDigest: crypto.sha256(rom.bytes),
    imageIv: image === undefined ? undefined : nvm.read(image.address, ivLength),
  })
}

/** The encrypted image begins with its iv. */
const ivLength = 16
