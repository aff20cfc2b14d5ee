import { decodeBase64, encodeBase64 } from '../bytes/index.ts'
import { DecodeError } from '../errors/index.ts'

const begin = '-----BEGIN CERTIFICATE-----'
const end = '-----END CERTIFICATE-----'

/** One certificate as PEM text (RFC 7468) with a newline at the end. */
export function certificateToPem(der: Uint8Array): string {
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? []
  return [begin, ...lines, end, ''].join('\n')
}

/** The DER bytes of every certificate in a PEM text, in its order. Text around the blocks is left alone. */
export function pemToCertificates(text: string): Uint8Array[] {
  const found: Uint8Array[] = []
  let block: string[] | undefined
  for (const line of text.split(/\r?\n/).map((one) => one.trimEnd())) {
    if (line === begin) {
      if (block) throw new DecodeError('PEM: a block begins inside a block')
      block = []
    } else if (line === end) {
      if (!block) throw new DecodeError('PEM: a block ends that did not begin')
      found.push(decodeBase64(block.join('')))
      block = undefined
    } else if (block) {
      block.push(line)
    }
  }
  if (block) throw new DecodeError('PEM: the last block does not end')
  if (found.length === 0) throw new DecodeError('PEM: expected at least one certificate')
  return found
}
