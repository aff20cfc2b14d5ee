import { wipe } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import { parseSessionLimit, serializeSamState } from '@sealwright/core/customization'
import { InternalError } from '@sealwright/core/errors'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { putSessionLimit, samState } from '../sam/index.ts'

/** MAKE MASTER KEY: once in a SAM's life, with the number of sessions it may open. Asked again it answers how it stands, and changes nothing. */
export function makeMasterKey(
  parts: Pick<Parts, 'crypto' | 'entropy' | 'events' | 'keys' | 'nvm' | 'objects' | 'serial'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const { crypto, entropy, events, keys, nvm } = parts
  const sessions = parseSessionLimit(data)
  const serial = parts.serial()
  if (serial === undefined) throw new InternalError('user mode without serial number')
  if (!keys.has(keyPlaces.samMaster)) {
    const master = entropy.bytes(32)
    nvm.transaction((tx) => {
      keys.putAes(tx, keyPlaces.samMaster, master)
      putSessionLimit(parts, tx, sessions)
      events.record(tx, 'master-key-made', serial, crypto.sha256(samState(parts).checkValue))
    })
    wipe(master)
  }
  return serializeSamState(samState(parts))
}
