import { AuthError, UsageError } from '@sealwright/core/errors'
import { checkPath, parseCertificate } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import type { CustomizeInput } from './customize.ts'

export interface CertificateInput {
  /** The key authority's own certificate, DER. */
  readonly authority?: Uint8Array
  /** Operators' certificates from that authority, DER. */
  readonly operators?: readonly Uint8Array[]
}

/**
 * The points to customize with, from certificates that were checked: an operator's must come from the authority given. One that does
 * not hold is an AuthError whose details name the reason. Whether it is a test authority goes along: `customize` compares it with the chip.
 */
export function certifiedPoints(
  { clock, crypto }: Pick<PartyPorts, 'clock' | 'crypto'>,
  { authority, operators = [] }: CertificateInput,
): Pick<CustomizeInput, 'authority' | 'operators' | 'testAuthority'> {
  if (authority === undefined) {
    if (operators.length === 0) return {}
    throw new UsageError("an operator's certificate is checked with the authority's, which was not given")
  }
  const anchor = parseCertificate(authority)
  if (anchor.role !== 'authority') {
    throw new UsageError(`expected the certificate of an authority, got one of ${anchor.role ?? 'no'} role`)
  }
  const point = (encoded: Uint8Array): Uint8Array => {
    const chain = [parseCertificate(encoded)]
    const at = clock.now()
    const insecureAcceptTest = anchor.test
    const result = checkPath({ chain, anchor, role: 'operator', at, insecureAcceptTest }, crypto)
    if (!result.ok) throw new AuthError({ details: { certificate: result.text } })
    return result.leaf.publicPoint
  }
  return { authority: anchor.publicPoint, operators: operators.map(point), testAuthority: anchor.test }
}
