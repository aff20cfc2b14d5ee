import { Buffer } from 'node:buffer'

/** Bytes of a secret that are enough to know it by: a page's end leaves one half of 32 whole. */
export const windowLength = 16

/** Whether bytes hold any 16 in a row of a secret: as they are, backwards, in hex of any kind, in base64 of any alignment, as numbers. */
export function holds(content: Uint8Array, secret: Uint8Array): boolean {
  const bytes = Buffer.from(content)
  const text = bytes
    .toString('latin1')
    .replaceAll(/(?<=[0-9A-Fa-f]{2})[ :-](?=[0-9A-Fa-f]{2})/g, '')
    .toLowerCase()
  for (let at = 0; at + windowLength <= secret.length; at++) {
    const window = Buffer.from(secret.subarray(at, at + windowLength))
    const encoded = [0, 1, 2].map((shift) => {
      const whole = Buffer.concat([Buffer.alloc(shift), window]).toString('base64')
      return whole.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + windowLength) * 8) / 6))
    })
    const patterns = [window, Buffer.from(window).reverse(), Buffer.from([...window].join(','))]
    for (const form of encoded) {
      patterns.push(Buffer.from(form), Buffer.from(form.replaceAll('+', '-').replaceAll('/', '_')))
    }
    if (patterns.some((pattern) => bytes.includes(pattern)) || text.includes(window.toString('hex')))
      return true
  }
  return false
}
