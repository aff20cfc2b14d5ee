import { PeerError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import type { Certificate } from './certificate.ts'
import { checkPath, type PathInput } from './path.ts'

/**
 * `checkPath` for a host: a path that does not hold is a PeerError `certificate-refused` that names the failing link and the reason.
 * @param names what to call each certificate of the chain, leaf first, and the trusted key at the end
 */
export function requirePath(
  input: PathInput,
  names: readonly [...chain: string[], anchor: string],
  crypto: Crypto,
): Certificate {
  const result = checkPath(input, crypto)
  if (result.ok) return result.leaf
  const certificate = names[result.link] ?? 'certificate'
  throw new PeerError(`the ${certificate} does not hold: ${result.text}`, {
    code: 'certificate-refused',
    details: { certificate, reason: result.reason },
  })
}
