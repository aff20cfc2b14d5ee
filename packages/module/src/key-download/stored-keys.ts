import { keyPlaces } from '@sealwright/core/catalog'
import {
  cmacSignature,
  type KeySignatureCheck,
  publicKeySignature,
  type Suite,
  suiteRow,
} from '@sealwright/core/key-download'
import type { AesKey } from '@sealwright/core/ports'
import type { Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'keys' | 'objects'>

/** The transport keys that live: the one now valid, and the next where there is one. */
export function storedTransportKeys({ keys }: Pick<Parts, 'keys'>): { place: number; key: AesKey }[] {
  return [keyPlaces.transport, keyPlaces.transportNext]
    .filter((place) => keys.has(place))
    .map((place) => ({ place, key: keys.aes(place) }))
}

/** What checks SAS of a suite, or undefined when the module was given nothing for it. */
export function signatureCheck(
  { crypto, keys, objects }: Needs,
  suite: Suite,
): KeySignatureCheck | undefined {
  const { signature } = suiteRow(suite)
  if (signature === 'cmac') {
    return keys.has(keyPlaces.signature) ? cmacSignature(keys.aes(keyPlaces.signature)) : undefined
  }
  const publicKey = objects.read('public-key', keyPlaces.signature)
  if (publicKey === undefined || publicKey.length !== (signature === 'ed25519' ? 32 : 65)) return undefined
  return publicKeySignature(crypto, publicKey)
}
