import type { InterfaceName } from '@sealwright/core/catalog'
import { fingerprint } from '@sealwright/core/personalization'
import {
  defaultAgreement,
  inCatalogOrder,
  prepareRequest,
  type ResourceRequest,
} from '@sealwright/core/resources'
import type { PartyPorts } from '../ports/index.ts'
import { findOwnCertificate } from '../trust/index.ts'
import { supplierKey } from './key.ts'

export interface RequestInput {
  /** Name of the service, 1 to 64 characters. */
  readonly name: string
  /** 5 to 16 bytes. */
  readonly aid: Uint8Array
  /** Bytes of memory: the data area and twice the largest program, so that an update finds room beside it. */
  readonly size: number
  readonly interfaces: Iterable<InterfaceName>
  /** Key places that `mac` and `cipher` should reach. */
  readonly places?: readonly number[]
}

export interface Requested {
  readonly request: ResourceRequest
  /** The file for the operator. */
  readonly document: Uint8Array
  /** SHA-256 of the public key, to be told by another way. */
  readonly fingerprint: Uint8Array
}

/** Asks an operator for a resource, signed with the key that it names; the authority's certificate goes along when there is one. */
export async function request(ports: PartyPorts, input: RequestInput): Promise<Requested> {
  const { crypto, vault } = ports
  const { name, aid, size, places = [] } = input
  const key = (await vault.has(supplierKey))
    ? await vault.publicPoint(supplierKey)
    : await vault.createPair(supplierKey)
  const certificate = await findOwnCertificate(ports)
  const wanted: ResourceRequest = {
    ...{ name, key, aid, size, agreement: defaultAgreement },
    interfaces: inCatalogOrder(input.interfaces),
    places: [...new Set(places)].sort((a, b) => a - b),
    ...(certificate === undefined ? {} : { certificate: certificate.encoded }),
  }
  const unsigned = prepareRequest(wanted, crypto)
  const document = unsigned.finish(await vault.sign(supplierKey, unsigned.toBeSigned))
  return { request: wanted, document, fingerprint: fingerprint(key, crypto) }
}
