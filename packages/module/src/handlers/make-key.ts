import { u32, wipe } from '@sealwright/core/bytes'
import { kcvCmac, withHandle } from '@sealwright/core/crypto'
import { parseLoaderKeyOrder, serializeLoaderKeyEntry, suiteRow } from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import { loaderSet, refuseReservedPlace } from '../key-download/index.ts'
import type { Call, Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'entropy' | 'nvm' | 'objects' | 'keys' | 'events' | 'serial'>

/** MAKE KEY: the loader makes an application key; its entry fixes set, usage, diversification, exports and which modules get it. */
export function makeKey(parts: Needs, { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>): Uint8Array {
  const { crypto, entropy, nvm, objects, keys, events } = parts
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const order = parseLoaderKeyOrder(data)
  const serial = parts.serial()
  if (serial === undefined) throw new Refusal('conditions-not-satisfied')
  const set = loaderSet(objects, order.set, 'present')
  if (set === undefined) throw new Refusal('reference-not-found')
  const { keyLength, algorithm } = order.attributes
  if (![16, 24, 32].includes(keyLength) || algorithm !== 'A') throw new Refusal('wrong-data')
  // No key travels under a shorter one; a diversified key stays as long as it is.
  if (keyLength > suiteRow(set.suite).keyLength) throw new Refusal('wrong-data')
  refuseReservedPlace(parts, order.source)
  const key = entropy.bytes(keyLength)
  try {
    const checkValue = withHandle(crypto.aes(key), kcvCmac)
    const entry = serializeLoaderKeyEntry({ ...order, checkValue })
    nvm.transaction((tx) => {
      keys.putAes(tx, order.source, key)
      objects.put(tx, 'loader-key', order.source, entry)
      events.record(tx, 'key-made', serial, crypto.sha256(u32(order.source), checkValue))
    })
    return entry
  } finally {
    wipe(key)
  }
}
