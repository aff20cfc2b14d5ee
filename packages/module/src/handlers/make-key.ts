import { u32, wipe } from '@sealwright/core/bytes'
import { kcvCmac, withHandle } from '@sealwright/core/crypto'
import {
  isSuite,
  parseLoaderKeyOrder,
  parseSetEntry,
  serializeLoaderKeyEntry,
  suiteRow,
} from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import { applicationPlace } from '../key-download/index.ts'
import type { Call, Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'entropy' | 'nvm' | 'objects' | 'keys' | 'events' | 'serial'>

/** MAKE KEY: the loader makes an application key; its entry fixes set, usage, diversification, exports and blocked serials. */
export function makeKey(parts: Needs, { data }: Pick<Call, 'data'>): Uint8Array {
  const { crypto, entropy, nvm, objects, keys, events } = parts
  const order = parseLoaderKeyOrder(data)
  const serial = parts.serial()
  if (serial === undefined) throw new Refusal('conditions-not-satisfied')
  const bytes = objects.read('key-set', order.set)
  if (bytes === undefined) throw new Refusal('reference-not-found')
  const { suite } = parseSetEntry(bytes)
  const { keyLength, algorithm } = order.attributes
  if (![16, 24, 32].includes(keyLength) || algorithm !== 'A') throw new Refusal('wrong-data')
  if (!isSuite(suite) || keyLength > suiteRow(suite).keyLength) throw new Refusal('wrong-data')
  if (objects.find('loader-key', order.source) !== undefined) throw new Refusal('already-there')
  const key = entropy.bytes(keyLength)
  try {
    const checkValue = withHandle(crypto.aes(key), kcvCmac)
    const entry = serializeLoaderKeyEntry({ ...order, checkValue })
    nvm.transaction((tx) => {
      keys.putAes(tx, applicationPlace(order.source), key)
      objects.put(tx, 'loader-key', order.source, entry)
      events.record(tx, 'key-made', serial, crypto.sha256(u32(order.source), checkValue))
    })
    return entry
  } finally {
    wipe(key)
  }
}
