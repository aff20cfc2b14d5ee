import { encodeHex, equal } from '@sealwright/core/bytes'
import {
  type IdentityRequest,
  type LotCertificate,
  parseLotRequests,
  serializeLotCertificates,
} from '@sealwright/core/customization'
import { SealwrightError, UsageError } from '@sealwright/core/errors'
import { parseCertificate } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { certified, certifiedInLots, keepCertifiedLot } from './certified.ts'
import { issueIdentity, requireRequest, sameKey } from './certify-module.ts'
import { initRoot } from './root.ts'

export interface CertifiedLot {
  /** The certificates, for the issuer. */
  readonly file: Uint8Array
  readonly certified: number
  /** Requests that were refused, with the reason. */
  readonly refused: readonly { readonly serial: Uint8Array; readonly reason: string }[]
}

/**
 * Issues the identity certificates for the requests of a lot, under the rules for a single one. A request that is refused does not stop the
 * others; a serial number that comes twice is a UsageError before anything is signed.
 */
export async function certifyLot(
  ports: PartyPorts,
  { requests: bytes }: { readonly requests: Uint8Array },
): Promise<CertifiedLot> {
  const requests = parseLotRequests(bytes)
  requireOnce(requests)
  const issuer = await initRoot(ports)
  const before = await certifiedInLots(ports)
  const certificates: LotCertificate[] = []
  const refused: { serial: Uint8Array; reason: string }[] = []
  let fresh: LotCertificate[] = []
  for (const [i, request] of requests.entries()) {
    const { serial } = request
    try {
      requireRequest(ports, issuer, request)
      const stored = before.get(encodeHex(serial)) ?? (await certified(singles(ports), serial))
      const certificate =
        stored === undefined
          ? await issueIdentity(ports, issuer, request)
          : sameKey(request, parseCertificate(stored)).encoded
      certificates.push({ serial, certificate })
      if (stored === undefined) fresh.push({ serial, certificate })
    } catch (error) {
      if (!(error instanceof SealwrightError) || !refusals.has(error.code)) throw error
      refused.push({ serial, reason: error.message })
      ports.progress(`${encodeHex(serial)} refused: ${error.message}`)
    }
    if (fresh.length >= certificatesInFile) {
      await keepCertifiedLot(ports, fresh)
      fresh = []
    }
    if ((i + 1) % progressStep === 0) ports.progress(`${i + 1} of ${requests.length} requests`)
  }
  // What is handed out was kept before: a serial number gets no second certificate.
  await keepCertifiedLot(ports, fresh)
  return { file: serializeLotCertificates(certificates), certified: certificates.length, refused }
}

/** A store without the files of many, which were read already. */
function singles({ store }: PartyPorts): Pick<PartyPorts, 'store'> {
  return { store: { ...store, list: async () => [] } }
}

function requireOnce(requests: readonly IdentityRequest[]): void {
  const points = new Map<string, Uint8Array>()
  for (const { serial, point } of requests) {
    const hex = encodeHex(serial)
    const other = points.get(hex)
    if (other !== undefined) {
      const reason = equal(other, point) ? 'stands in it twice' : 'stands in it twice, with two keys'
      throw new UsageError(`requests of a lot: the serial number ${hex} ${reason}`)
    }
    points.set(hex, point)
  }
}

/** Of one module; anything else ends the work. */
const refusals: ReadonlySet<string> = new Set([
  'authentication-failed',
  'wrong-state',
  'test-mark-differs',
  'test-key',
])

const certificatesInFile = 256
const progressStep = 1000
