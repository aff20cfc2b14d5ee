import { scrypt } from 'node:crypto'
import type { SlowHash } from '@sealwright/roles/two-pins'

/** scrypt of OpenSSL, off the main thread. */
export const slowHash: SlowHash = (pin, salt, { logN, r, p }) => {
  const N = 2 ** logN
  return new Promise((resolve, reject) => {
    scrypt(pin, salt, 32, { N, r, p, maxmem: 256 * N * r + 2 ** 20 }, (error, key) => {
      if (error !== null) return reject(error)
      const bytes = new Uint8Array(key)
      key.fill(0)
      resolve(bytes)
    })
  })
}
