import { UsageError } from '@sealwright/core/errors'
import { certificateToPem, pemToCertificates } from '@sealwright/core/x509'

/** The DER bytes of the one certificate in a file, which is PEM or DER. @param name of the file, for the error */
export function certificateOf(bytes: Uint8Array, name: string): Uint8Array {
  // A certificate in DER begins with a SEQUENCE; no PEM text does.
  if (bytes[0] === 0x30) return bytes
  const [first, ...more] = pemToCertificates(new TextDecoder().decode(bytes))
  if (first === undefined || more.length > 0) throw new UsageError(`${name}: expected one certificate`)
  return first
}

/** A certificate as the content of a PEM file. */
export function certificateFile(der: Uint8Array): Uint8Array {
  return new TextEncoder().encode(certificateToPem(der))
}
