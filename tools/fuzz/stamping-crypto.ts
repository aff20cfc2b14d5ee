import type { Crypto, EcPrivateKey, EcPublicKey } from '@sealwright/core/ports'
import { nodeCrypto } from '@sealwright/node/crypto'

/** What stands for every signature: r = s = 5A5A…, in the lower half of the order. */
export const stamp: Uint8Array = new Uint8Array(64).fill(0x5a)

/**
 * Node's primitives, but for one thing: every private key signs with the same stamp, and every public key accepts it for any message.
 * So a document, certificate or request that was changed still carries a good signature, and what lies behind the check is reached.
 * Any other signature is verified as ever. For fuzzing only: with this, nothing authenticates.
 */
export const insecureStampingCrypto: Crypto = {
  ...nodeCrypto,
  name: 'node, stamping',
  ecPrivateKey(scalar): EcPrivateKey {
    const key = nodeCrypto.ecPrivateKey(scalar)
    return {
      publicPoint: key.publicPoint,
      sign: () => stamp.slice(),
      agree: (peer) => key.agree(peer),
      [Symbol.dispose]: () => key[Symbol.dispose](),
    }
  },
  ecPublicKey(point): EcPublicKey {
    const key = nodeCrypto.ecPublicKey(point)
    return {
      point: key.point,
      verify: (signature, ...parts) => isStamp(signature) || key.verify(signature, ...parts),
      [Symbol.dispose]: () => key[Symbol.dispose](),
    }
  },
}

function isStamp(signature: Uint8Array): boolean {
  return signature.length === stamp.length && signature.every((byte) => byte === 0x5a)
}
