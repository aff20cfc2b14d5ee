import { ascii, concat, equal, Reader, requireFormatVersion, Writer } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import { deriveKey, withHandle } from '../crypto/index.ts'
import { UsageError } from '../errors/index.ts'
import type { AesKey, Crypto } from '../ports/index.ts'
import { type BeginRequest, serializeBeginRequest } from './begin.ts'

/** A secret that the customer makes for one module, and the manufacturer puts into it without being able to make or check it (B23). */
export interface Credential {
  /** Serial number of the module, 8 bytes. */
  readonly serial: Uint8Array
  /** 16 bytes. Secret. */
  readonly credential: Uint8Array
}

export const credentialLength = 16

/**
 * The credential of a module: SP 800-108 counter mode with AES-CMAC from the customer's credential key (32 bytes), label "CRD1", context
 * serial number(8). The caller wipes it.
 */
export function deriveCredential(crypto: Crypto, key: Uint8Array, serial: Uint8Array): Uint8Array {
  if (key.length !== 32 || serial.length !== 8) {
    throw new UsageError('credential: expected a key of 32 bytes and a serial number of 8')
  }
  return withHandle(crypto.aes(key), (handle) =>
    deriveKey(handle, labels.credential.text, serial, credentialLength),
  )
}

/** The module's proof: AES-CMAC under its credential over "CRP1" ‖ serial ‖ BEGIN's data ‖ point. */
export function proveCredential(
  credential: AesKey,
  serial: Uint8Array,
  request: BeginRequest,
  point: Uint8Array,
): Uint8Array {
  return credential.cmac(ascii(labels.credentialProof.text), serial, serializeBeginRequest(request), point)
}

/** The customer's check, from its key alone: the module of this serial number has its credential, and made this key. */
export function verifyCredentialProof(
  crypto: Crypto,
  key: Uint8Array,
  module: { readonly serial: Uint8Array; readonly request: BeginRequest; readonly point: Uint8Array },
  proof: Uint8Array,
): boolean {
  const credential = deriveCredential(crypto, key, module.serial)
  try {
    const expected = withHandle(crypto.aes(credential), (handle) =>
      proveCredential(handle, module.serial, module.request, module.point),
    )
    return equal(expected, proof)
  } finally {
    credential.fill(0)
  }
}

const magic = ascii('SWCR')

/** The file for the manufacturer: "SWCR"(4) ‖ version(1) ‖ serial(8) ‖ credential(16), repeated, by serial number. Secret. */
export function serializeCredentials(credentials: readonly Credential[]): Uint8Array {
  const w = new Writer().bytes(magic).u8(1)
  for (const [i, { serial, credential }] of credentials.entries()) {
    if (serial.length !== 8 || credential.length !== credentialLength) {
      throw new UsageError('credentials: expected serial numbers of 8 and credentials of 16 bytes')
    }
    if (i > 0 && !isBefore(credentials[i - 1]!.serial, serial)) {
      throw new UsageError('credentials: expected ascending serial numbers')
    }
    w.bytes(concat(serial, credential))
  }
  return w.finish()
}

/** Credentials in copies of their own, which the caller wipes. */
export function parseCredentials(bytes: Uint8Array): Credential[] {
  const r = new Reader(bytes, 'credentials')
  if (!equal(r.take(4, 'magic'), magic)) throw r.fail('not a file of credentials')
  requireFormatVersion('credentials', r.u8('version'))
  const credentials: Credential[] = []
  while (r.remaining > 0) {
    const serial = r.take(8, 'serial number')
    const before = credentials.at(-1)
    if (before !== undefined && !isBefore(before.serial, serial)) {
      throw r.fail('serial numbers are not ascending')
    }
    credentials.push({ serial, credential: r.secret(credentialLength, 'credential') })
  }
  if (credentials.length === 0) throw r.fail('there is no credential in it')
  return credentials
}

function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  for (const [i, byte] of a.entries()) if (byte !== b[i]) return byte < b[i]!
  return false
}
