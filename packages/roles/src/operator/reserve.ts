import { equal } from '@sealwright/core/bytes'
import type { InterfaceName } from '@sealwright/core/catalog'
import { UsageError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import { fingerprint as fingerprintOf, requireFingerprint } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import {
  callBudget,
  inCatalogOrder,
  notTrusted,
  openRequest,
  pathLeaf,
  type ResourceRequest,
} from '@sealwright/core/resources'
import { parseCertificate } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { pinnedRoot } from '../trust/index.ts'
import { foreignAreas, type ModuleAtWork, operate, operatorStep } from './operate.ts'
import type { ResourceRecord } from './records.ts'

export interface ReserveInput {
  /** The supplier's request. */
  readonly request: Uint8Array
  /** SHA-256 of the supplier's key as told by another way; needed for a request without certificate. */
  readonly fingerprint?: Uint8Array
  /** Number of the resource; the lowest free one unless given. */
  readonly resource?: number
  /** First address; `module`: the module chooses. From the operator's records unless given. */
  readonly start?: number | 'module'
  /** Bytes of the area; what the request asks for unless given. */
  readonly size?: number
  /** Interfaces granted; those asked for unless given. */
  readonly interfaces?: readonly InterfaceName[]
  /** Units that one call may spend. */
  readonly budget?: number
}

export interface Reserved {
  readonly serial: Uint8Array
  readonly resource: ResourceRecord
  readonly entries: readonly LogEntry[]
}

/**
 * Reserves a resource for the supplier whose request this is (RES): checks the request and where its key comes from, picks number, size
 * and place from the records, and has the module carry the reservation out. The same request again gives the resource that is there.
 */
export async function reserve(
  ports: PartyPorts,
  transport: Transport,
  input: ReserveInput,
): Promise<Reserved> {
  const request = await checkedRequest(ports, input)
  const digest = ports.crypto.sha256(input.request)
  const { result, module, entries } = await operatorStep(ports, transport, {
    name: 'operator reserve',
    done: ({ resources }) => resources.find((one) => one.state !== 'deleted' && equal(one.request, digest)),
    async run(work) {
      const others = await foreignAreas(work)
      const { size = request.size, budget = callBudget.usual } = input
      const start = placeFor(work, others, size, input.start)
      const granted = inCatalogOrder(input.interfaces ?? request.interfaces)
      return operate(
        ports,
        work,
        {
          type: 'reservation',
          resource: input.resource ?? freeNumber(work, others),
          aid: request.aid,
          supplier: request.key,
          ...(start === undefined ? {} : { start }),
          size,
          interfaces: granted,
          places: granted.includes('mac') || granted.includes('cipher') ? request.places : [],
          budget,
          agreement: request.agreement,
        },
        { name: request.name, request: digest },
      )
    },
  })
  return { serial: module.serial, resource: result, entries }
}

/**
 * The request, signed with the key it names (C3), and that key known to be the supplier's: by a certificate up to the pinned authority, or by
 * its fingerprint, told by another way (C14). PeerError `not-trusted` when it has neither.
 */
export async function checkedRequest(
  ports: PartyPorts,
  { request: bytes, fingerprint }: Pick<ReserveInput, 'request' | 'fingerprint'>,
): Promise<ResourceRequest> {
  const { clock, crypto } = ports
  const request = openRequest(bytes, crypto)
  requireFingerprint(request.key, fingerprint, crypto)
  if (request.certificate !== undefined) {
    const authority = await pinnedRoot(ports, 'authority')
    const chain = [parseCertificate(request.certificate)]
    const { publicPoint } = pathLeaf(chain, authority, 'supplier', clock.now(), crypto)
    if (!equal(publicPoint, request.key))
      throw notTrusted('the certificate is for another key than the request')
  } else if (fingerprint === undefined) {
    throw notTrusted(
      "the supplier's key comes without a certificate, and its fingerprint was not told by another way",
    )
  }
  return request
}

/** What to compare with the supplier by another way. */
export function requestFingerprint({ crypto }: PartyPorts, request: ResourceRequest): Uint8Array {
  return fingerprintOf(request.key, crypto)
}

type Area = { readonly id: number; readonly start: number; readonly end: number }

/** First place in the zone where nothing of the records lies; undefined leaves it to the module. */
function placeFor(
  work: ModuleAtWork,
  others: readonly Area[],
  size: number,
  wanted: ReserveInput['start'],
): number | undefined {
  if (wanted === 'module') return undefined
  if (wanted !== undefined) return wanted
  const { zone } = work.record
  let at = zone.start
  for (const { start, end } of takenAreas(work, others)) {
    if (start - at >= size) break
    at = Math.max(at, end)
  }
  if (zone.end - at < size) {
    throw new UsageError(
      `there is no room for ${size} bytes: ${zone.end - at} are left behind the last resource`,
    )
  }
  return at
}

function freeNumber(work: ModuleAtWork, others: readonly Area[]): number {
  const taken = new Set(takenAreas(work, others).map(({ id }) => id))
  for (let id = 1; id <= 255; id++) if (!taken.has(id)) return id
  throw new UsageError('all numbers of resources are taken')
}

function takenAreas({ record }: ModuleAtWork, others: readonly Area[]): Area[] {
  const own = record.resources.filter(({ state }) => state !== 'deleted')
  return [...own, ...others].sort((a, b) => a.start - b.start)
}
