import { u16 } from '@sealwright/core/bytes'
import { Refusal } from '../dispatch/refusal.ts'
import { writeLater } from '../later-customization/index.ts'
import type { Call, Parts } from '../parts.ts'

/** CUSTOMIZE: the records of WRITE in user mode, as far as user mode takes them; answers their number. */
export function customize(
  parts: Pick<Parts, 'compile' | 'crypto' | 'events' | 'keys' | 'nvm' | 'objects' | 'rom' | 'serial'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  return u16(writeLater(parts, data))
}
