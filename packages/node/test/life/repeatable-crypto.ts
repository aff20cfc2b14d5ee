import { portableCrypto } from '@sealwright/core/crypto'
import type { Crypto } from '@sealwright/core/ports'
import { nodeCrypto } from '@sealwright/node/crypto'

/** Node's primitives, but for signatures, which follow from key and message: a step repeated is the same to the byte. */
export const repeatableCrypto: Crypto = {
  ...nodeCrypto,
  name: 'node, repeatable',
  ecPrivateKey(scalar) {
    const [signing, agreeing] = [portableCrypto.ecPrivateKey(scalar), nodeCrypto.ecPrivateKey(scalar)]
    return {
      publicPoint: agreeing.publicPoint,
      sign: (...parts) => signing.sign(...parts),
      agree: (peer) => agreeing.agree(peer),
      [Symbol.dispose]() {
        signing[Symbol.dispose]()
        agreeing[Symbol.dispose]()
      },
    }
  },
}
