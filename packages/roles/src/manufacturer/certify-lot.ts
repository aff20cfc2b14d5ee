import { encodeHex, equal } from '@sealwright/core/bytes'
import {
  type IdentityRequest,
  parseLotRequests,
  serializeIdentityRequest,
  serializeLotCertificates,
} from '@sealwright/core/customization'
import { SealwrightError, UsageError } from '@sealwright/core/errors'
import type { PartyPorts } from '../ports/index.ts'
import { certifyModule } from './certify-module.ts'

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
  const certificates: Uint8Array[] = []
  const refused: { serial: Uint8Array; reason: string }[] = []
  for (const [i, request] of requests.entries()) {
    try {
      const { encoded } = await certifyModule(ports, { request: serializeIdentityRequest(request) })
      certificates.push(encoded)
    } catch (error) {
      if (!(error instanceof SealwrightError) || !refusals.has(error.code)) throw error
      refused.push({ serial: request.serial, reason: error.message })
      ports.progress(`${encodeHex(request.serial)} refused: ${error.message}`)
    }
    if ((i + 1) % progressStep === 0) ports.progress(`request ${i + 1} of ${requests.length}`)
  }
  return { file: serializeLotCertificates(certificates), certified: certificates.length, refused }
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

const progressStep = 1000
