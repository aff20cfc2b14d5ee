import { X509Certificate } from 'node:crypto'
import { DecodeError } from '@sealwright/core/errors'

/**
 * Whether an authority issued certificates, by name and signature, with any algorithm that Node knows: for authorities whose keys are RSA or of
 * another curve. Both are X.509, DER or PEM; an authority that is none is a DecodeError.
 */
export function issuedBy(authority: Uint8Array): (certificate: Uint8Array) => boolean {
  const issuer = read(authority)
  if (issuer === undefined || !issuer.ca)
    throw new DecodeError('authority: expected the X.509 certificate of one')
  return (certificate) => {
    const subject = read(certificate)
    return subject?.checkIssued(issuer) === true && subject.verify(issuer.publicKey)
  }
}

function read(bytes: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes)
  } catch {
    return undefined
  }
}
