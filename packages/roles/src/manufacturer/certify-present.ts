import { encodeHex } from '@sealwright/core/bytes'
import type { IdentityRequest } from '@sealwright/core/customization'
import { type Certificate, parseCertificate } from '@sealwright/core/x509'
import type { CertificateRecord, PartyPorts } from '../ports/index.ts'
import { certified, certifiedInLots, certifiedSingly, keepCertifiedLot } from './certified.ts'
import { issueIdentity, requireRequest, sameKey } from './certify-module.ts'

/**
 * The identity certificate, DER, for a module that is under power at this moment, under the rules of `certifyModule`. It is not recorded: the
 * module has it first, and then it is kept (`certificateRecord`), so that a module that lost its key with its power gets another one.
 * @param issued the certificate that the serial number has already
 */
export async function certifyPresent(
  ports: PartyPorts,
  issuer: Certificate,
  request: IdentityRequest,
  issued?: Uint8Array,
): Promise<Uint8Array> {
  requireRequest(ports, issuer, request)
  if (issued !== undefined) return sameKey(request, parseCertificate(issued)).encoded
  return issueIdentity(ports, issuer, request)
}

/** The record of certificates, read once: for who holds the manufacturer's store alone. */
export async function certificateRecord(ports: Pick<PartyPorts, 'store'>): Promise<CertificateRecord> {
  const inLots = await certifiedInLots(ports)
  const serials = new Set([...inLots.keys(), ...(await certifiedSingly(ports))])
  return {
    has: (serial) => serials.has(encodeHex(serial)),
    async read(serial) {
      const hex = encodeHex(serial)
      if (!serials.has(hex)) return undefined
      return inLots.get(hex) ?? certified(ports, serial)
    },
    async keep(certificates) {
      const fresh = certificates.filter(({ serial }) => !serials.has(encodeHex(serial)))
      await keepCertifiedLot(ports, fresh)
      for (const { serial } of fresh) serials.add(encodeHex(serial))
    },
  }
}
