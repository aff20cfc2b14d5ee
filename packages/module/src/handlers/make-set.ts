import { wipe } from '@sealwright/core/bytes'
import { isSuite, parseSetData, serializeSetEntry, suiteRow } from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import { setPlaces, unwrapKey } from '../key-download/index.ts'
import type { Call, Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'nvm' | 'objects' | 'keys' | 'events' | 'serial'>

/** MAKE SET: enters a set of modules with its transport key T and what makes SAS, or replaces both. The keys come under the channel's DEK. */
export function makeSet(parts: Needs, { data, channel }: Pick<Call, 'data' | 'channel'>): Uint8Array {
  const { crypto, nvm, objects, keys, events } = parts
  const request = parseSetData(data)
  const serial = parts.serial()
  if (serial === undefined) throw new Refusal('conditions-not-satisfied')
  if (!isSuite(request.suite)) throw new Refusal('function-not-supported')
  const suite = suiteRow(request.suite)
  // The loader's own signing pair is not built: only SAS by CMAC is made here.
  if (suite.signature !== 'cmac') throw new Refusal('function-not-supported')
  const transport = unwrapKey(crypto, channel, request.transport)
  const signature = unwrapKey(crypto, channel, request.signature)
  try {
    if (transport.length !== suite.keyLength || signature.length !== suite.keyLength)
      throw new Refusal('wrong-data')
    const places = setPlaces(request.set)
    const entry = serializeSetEntry({
      set: request.set,
      profile: request.profile,
      suite: request.suite,
      transportCheck: request.transport.checkValue,
      signatureCheck: request.signature.checkValue,
    })
    nvm.transaction((tx) => {
      keys.putAes(tx, places.transport, transport)
      keys.putAes(tx, places.signature, signature)
      objects.put(tx, 'key-set', request.set, entry)
      events.record(
        tx,
        'set-made',
        serial,
        crypto.sha256(Uint8Array.of(request.set), request.transport.checkValue),
      )
    })
    return entry
  } finally {
    wipe(transport, signature)
  }
}
