import { encodeHex, equal } from '@sealwright/core/bytes'
import { refuseTestKey } from '@sealwright/core/crypto'
import { checkIdentityRequest, parseIdentityRequest } from '@sealwright/core/customization'
import { StateError } from '@sealwright/core/errors'
import {
  type Certificate,
  moduleSerialText,
  parseCertificate,
  serializeCertificate,
  tbsOfProfile,
} from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { certificateNumber, initRoot, noExpiry, rootKey } from './root.ts'

/**
 * Issues the identity certificate for a request: one a serial number. The same request again gives the same certificate, another key
 * for the same serial number is refused, and so is a module whose test bit is not the root's.
 */
export async function certifyModule(
  ports: PartyPorts,
  { request: bytes }: { readonly request: Uint8Array },
): Promise<Certificate> {
  const { clock, crypto, store, vault } = ports
  const request = parseIdentityRequest(bytes)
  checkIdentityRequest(crypto, request)
  const issuer = await initRoot(ports)
  if (request.test !== issuer.test) {
    throw new StateError(
      request.test
        ? 'the request is of a test module, and this root signs none'
        : 'this is a test root, and the request is of a module that is none',
      { code: 'test-mark-differs' },
    )
  }
  if (!issuer.test) refuseTestKey(crypto, request.point, "the module's identity key")
  const text = moduleSerialText(request.serial)
  const name = `modules/${encodeHex(request.serial).toLowerCase()}.der`
  const stored = await store.read(name)
  if (stored !== undefined) {
    const certificate = parseCertificate(stored)
    if (equal(certificate.publicPoint, request.point)) return certificate
    throw new StateError(`the serial number ${text} was certified already, for another key`)
  }
  const tbs = tbsOfProfile(
    {
      role: 'module-identity',
      serialNumber: certificateNumber(ports),
      subject: { commonName: 'module', serialNumber: text },
      publicPoint: request.point,
      notBefore: clock.now(),
      notAfter: noExpiry,
      issuer,
    },
    crypto,
  )
  const encoded = serializeCertificate(tbs, await vault.sign(rootKey, tbs))
  await store.write(name, encoded)
  return parseCertificate(encoded)
}
