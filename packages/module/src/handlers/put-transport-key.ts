import { u32, wipe } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import {
  isSuite,
  parseKeyPlace,
  parseTransportKeyData,
  suiteRow,
  transportModes,
} from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import { putTransportKeys, unwrapKey } from '../key-download/index.ts'
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
  const { crypto, nvm, objects, events } = parts
  if (p2 !== 0 || (p1 !== transportModes.replace && p1 !== transportModes.next))
    throw new Refusal('wrong-parameters')
  const request = parseTransportKeyData(data)
  const serial = parts.serial()
  const place = objects.read('key-place', keyPlaces.transport)
  if (serial === undefined || place === undefined || parseKeyPlace(place).kind !== 'transport') {
    throw new Refusal('reference-not-found')
  }
  if (!isSuite(request.suite)) throw new Refusal('function-not-supported')
  const { keyLength, signature } = suiteRow(request.suite)
  const transport = unwrapKey(crypto, channel, request.transport)
  const ks1 =
    'wrapped' in request.signature ? unwrapKey(crypto, channel, request.signature.wrapped) : undefined
  try {
    const expected = { cmac: keyLength, ed25519: 32, 'ecdsa-p256': 65 }[signature]
    const key = 'publicKey' in request.signature ? request.signature.publicKey : ks1!
    if (
      transport.length !== keyLength ||
      key.length !== expected ||
      (signature === 'cmac') !== (ks1 !== undefined)
    ) {
      throw new Refusal('wrong-data')
    }
    if (signature === 'ecdsa-p256') crypto.ecPublicKey(key)[Symbol.dispose]()
    nvm.transaction((tx) => {
      const waits = p1 === transportModes.next
      const signatureKey = ks1 === undefined ? { publicKey: key } : { ks1 }
      const stored = putTransportKeys(parts, tx, { transport, signature: signatureKey, waits })
      const digest = crypto.sha256(u32(stored), request.transport.checkValue)
      events.record(tx, 'transport-key-installed', serial, digest)
    })
    return new Uint8Array(0)
  } finally {
    wipe(transport, ks1)
  }
}
