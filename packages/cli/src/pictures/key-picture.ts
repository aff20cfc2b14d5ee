import { nodeCrypto } from '@sealwright/node/crypto'

/**
 * A picture by which people tell keys apart at a glance: the walk of OpenSSH's randomart over a digest (`ssh-keygen -lv`; Loss, Limmer and von
 * Gernler, *The drunken bishop*, 2009). Two pictures that differ are of two keys; that two look alike proves nothing by itself.
 * @param digest of the key, 16 or 32 bytes
 * @param label at most 13 characters, in the lower edge
 * @returns 11 lines of 19 characters
 */
export function keyPicture(digest: Uint8Array, label = ''): string[] {
  const visits = new Uint8Array(width * height)
  let [x, y] = [startX, startY]
  for (const byte of digest) {
    for (let step = 0; step < 8; step += 2) {
      const move = (byte >>> step) & 3
      x = Math.min(width - 1, Math.max(0, x + ((move & 1) === 1 ? 1 : -1)))
      y = Math.min(height - 1, Math.max(0, y + ((move & 2) === 2 ? 1 : -1)))
      const field = y * width + x
      visits[field] = Math.min(marks.length - 1, visits[field]! + 1)
    }
  }
  const lines = Array.from({ length: height }, (_, row) => {
    const fields = Array.from(visits.subarray(row * width, (row + 1) * width), (count) => marks[count]!)
    if (row === startY) fields[startX] = 'S'
    if (row === y) fields[x] = 'E'
    return `|${fields.join('')}|`
  })
  const edge = `+${'-'.repeat(width)}+`
  return [edge, ...lines, label === '' ? edge : lowerEdge(label)]
}

function lowerEdge(label: string): string {
  const text = `[${label}]`
  const left = Math.floor((width - text.length) / 2)
  return `+${'-'.repeat(left)}${text}${'-'.repeat(width - left - text.length)}+`
}

const width = 17
const height = 9
const startX = 8
const startY = 4
const marks = ' .o+=*BOX@%&#/^'

/** The picture of a module's identity key, as the technician and `module show` see it. */
export function identityPicture({ publicPoint }: { readonly publicPoint: Uint8Array }): string[] {
  return keyPicture(nodeCrypto.sha256(publicPoint), 'identity')
}
