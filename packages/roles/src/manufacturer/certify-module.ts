import { equal } from '@sealwright/core/bytes'
import { refuseTestKey } from '@sealwright/core/crypto'
import {
  checkIdentityRequest,
  type IdentityRequest,
  parseIdentityRequest,
} from '@sealwright/core/customization'
import { StateError } from '@sealwright/core/errors'
import {
  type Certificate,
  moduleSerialText,
  parseCertificate,
  serializeCertificate,
  tbsOfProfile,
} from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { certified, keepCertified } from './certified.ts'
import { certificateNumber, initRoot, noExpiry, rootKey } from './root.ts'

/**
 * Issues the identity certificate for a request: one a serial number. The same request again gives the same certificate, another key
 * for the same serial number is refused, and so is a module whose test bit is not the root's.
 */
export async function certifyModule(
  ports: PartyPorts,
  { request: bytes }: { readonly request: Uint8Array },
): Promise<Certificate> {
  const request = parseIdentityRequest(bytes)
  const issuer = await initRoot(ports)
  requireRequest(ports, issuer, request)
  const stored = await certified(ports, request.serial)
  if (stored !== undefined) return sameKey(request, parseCertificate(stored))
  const encoded = await issueIdentity(ports, issuer, request)
  await keepCertified(ports, request.serial, encoded)
  return parseCertificate(encoded)
}

/** Whoever made the request has the key, and the module is one that this root signs. */
export function requireRequest(
  { crypto }: Pick<PartyPorts, 'crypto'>,
  issuer: Certificate,
  request: IdentityRequest,
): void {
  checkIdentityRequest(crypto, request)
  if (request.test !== issuer.test) {
    throw new StateError(
      request.test
        ? 'the request is of a test module, and this root signs none'
        : 'this is a test root, and the request is of a module that is none',
      { code: 'test-mark-differs' },
    )
  }
  if (!issuer.test) refuseTestKey(crypto, request.point, "the module's identity key")
}

/** The certificate that was issued before, if it is for this key. */
export function sameKey({ serial, point }: IdentityRequest, issued: Certificate): Certificate {
  if (equal(issued.publicPoint, point)) return issued
  const text = moduleSerialText(serial)
  throw new StateError(`the serial number ${text} was certified already, for another key`)
}

/** Signs the identity certificate, DER. Nothing is stored. */
export async function issueIdentity(
  ports: PartyPorts,
  issuer: Certificate,
  { serial, point }: IdentityRequest,
): Promise<Uint8Array> {
  const { clock, crypto, vault } = ports
  const tbs = tbsOfProfile(
    {
      role: 'module-identity',
      serialNumber: certificateNumber(ports),
      subject: { commonName: 'module', serialNumber: moduleSerialText(serial) },
      publicPoint: point,
      notBefore: clock.now(),
      notAfter: noExpiry,
      issuer,
    },
    crypto,
  )
  return serializeCertificate(tbs, await vault.sign(rootKey, tbs))
}
