import { u32, wipe } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import { isSuite, parseTransportKeyData, suiteRow, transportModes } from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import { unwrapKey } from '../key-download/index.ts'
import type { Call, Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'nvm' | 'objects' | 'keys' | 'events' | 'serial'>

/**
 * PUT TRANSPORT KEY: installs or replaces T (or TU) and what checks SAS, all or nothing. The keys come under the channel's DEK. Keys that
 * were loaded stay (A1).
 */
export function putTransportKey(
  parts: Needs,
  { p1, p2, data, channel }: Pick<Call, 'p1' | 'p2' | 'data' | 'channel'>,
): Uint8Array {
  const { crypto, nvm, objects, keys, events } = parts
  if (p2 !== 0 || (p1 !== transportModes.replace && p1 !== transportModes.next))
    throw new Refusal('wrong-parameters')
  const request = parseTransportKeyData(data)
  const serial = parts.serial()
  if (serial === undefined || objects.find('key-place', keyPlaces.transport) === undefined) {
    throw new Refusal('reference-not-found')
  }
  if (!isSuite(request.suite)) throw new Refusal('function-not-supported')
  const suite = suiteRow(request.suite)
  const transport = unwrapKey(crypto, channel, request.transport)
  const signature =
    'wrapped' in request.signature ? unwrapKey(crypto, channel, request.signature.wrapped) : undefined
  try {
    const publicLength = { cmac: 0, ed25519: 32, 'ecdsa-p256': 65 }[suite.signature]
    const givenLength = 'publicKey' in request.signature ? request.signature.publicKey.length : 0
    if (transport.length !== suite.keyLength || publicLength !== givenLength) throw new Refusal('wrong-data')
    const first = !keys.has(keyPlaces.transport)
    const place = p1 === transportModes.next && !first ? keyPlaces.transportNext : keyPlaces.transport
    nvm.transaction((tx) => {
      keys.putAes(tx, place, transport)
      if (place === keyPlaces.transport) keys.remove(tx, keyPlaces.transportNext)
      if (signature !== undefined) keys.putAes(tx, keyPlaces.signature, signature)
      if ('publicKey' in request.signature)
        objects.put(tx, 'public-key', keyPlaces.signature, request.signature.publicKey)
      const digest = crypto.sha256(u32(place), request.transport.checkValue)
      events.record(tx, 'transport-key-installed', serial, digest)
    })
    return new Uint8Array(0)
  } finally {
    wipe(transport, signature)
  }
}
