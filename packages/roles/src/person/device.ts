import { encodeCanonical, MapReader } from '@sealwright/core/cbor'
import { StateError, UsageError } from '@sealwright/core/errors'
import { isPersonId, prepareEnrolmentRequest } from '@sealwright/core/people'
import { fingerprint } from '@sealwright/core/personalization'
import type { PartyPorts } from '../ports/index.ts'

/** Name of the pair with which a person approves. */
export const approvalKey = 'approval'

export interface PersonKey {
  /** The name tag. */
  readonly id: string
  /** 65 bytes. */
  readonly point: Uint8Array
  /** SHA-256 of the point, which the person tells the central system by another way. */
  readonly fingerprint: Uint8Array
  /** The file for the central system, an `enrolment-request`. */
  readonly document: Uint8Array
}

/**
 * Makes the person's key, or finds the one that is there, and the request for enrolment. One device is one person: another tag than the
 * first is refused.
 */
export async function init(ports: PartyPorts, { id }: { readonly id: string }): Promise<PersonKey> {
  const { crypto, store, vault } = ports
  if (!isPersonId(id)) {
    throw new UsageError('a name tag is 1 to 32 of a-z, 0-9, dot, hyphen and underscore')
  }
  const known = await store.read(file)
  if (known !== undefined && parsePersonTag(known) !== id) {
    throw new StateError(`this device is the one of ${parsePersonTag(known)}`, { code: 'enrolment-refused' })
  }
  const has = await vault.has(approvalKey)
  const point = has ? await vault.publicPoint(approvalKey) : await vault.createPair(approvalKey)
  const unsigned = prepareEnrolmentRequest({ id, point }, crypto)
  if (known === undefined) await store.write(file, encodeCanonical({ v: 1, format, id }))
  const document = unsigned.finish(await vault.sign(approvalKey, unsigned.toBeSigned))
  return { id, point, fingerprint: fingerprint(point, crypto), document }
}

/** Whose device this is; StateError `key-missing` before `init`. */
export async function show(ports: PartyPorts): Promise<Omit<PersonKey, 'document'>> {
  const { crypto, store, vault } = ports
  const known = await store.read(file)
  const point = await vault.publicPoint(approvalKey)
  if (known === undefined) throw new StateError('nobody uses this device yet', { code: 'key-missing' })
  return { id: parsePersonTag(known), point, fingerprint: fingerprint(point, crypto) }
}

/** The name tag in the device's map `person`. */
export function parsePersonTag(bytes: Uint8Array): string {
  const r = MapReader.of(bytes, 'person')
  r.begin('person')
  const id = r.text('id')
  r.end()
  return id
}

const file = 'person'
const format = 'sealwright person'
