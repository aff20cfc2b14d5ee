import { encodeHex, equal } from '@sealwright/core/bytes'
import { documentKeyId, encodeCanonical, MapReader } from '@sealwright/core/cbor'
import { StateError, UsageError } from '@sealwright/core/errors'
import { parseCertificate, roles } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'

/** A party whose entries the log takes. */
export interface Enrolment {
  /** The name in its entries. */
  readonly party: string
  /** P-256, 65 bytes. */
  readonly point: Uint8Array
  /** Certificates of the key, leaf first and without the root; empty when it has none. */
  readonly chain: readonly Uint8Array[]
}

/** Takes entries signed by this key from now on. The same key under another name is a StateError. */
export async function enroll(ports: PartyPorts, enrolment: Enrolment): Promise<void> {
  const { crypto, store } = ports
  if (!/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/.test(enrolment.party)) {
    throw new UsageError(`no name for a party: ${JSON.stringify(enrolment.party)}`)
  }
  // A point that is not on the curve is an AuthError here and not at the first entry.
  crypto.ecPublicKey(enrolment.point)[Symbol.dispose]()
  const keyId = documentKeyId(enrolment.point, crypto)
  const known = await findEnrolment(ports, keyId)
  if (known !== undefined && known.party !== enrolment.party) {
    throw new StateError(`this key is enrolled as ${known.party}`, { code: 'log-refused' })
  }
  await store.write(fileOf(keyId), serializeEnrolment(enrolment))
}

/** Who signs with the key of this id (`documentKeyId`). */
export async function findEnrolment(
  { store }: Pick<PartyPorts, 'store'>,
  keyId: Uint8Array,
): Promise<Enrolment | undefined> {
  const bytes = await store.read(fileOf(keyId))
  return bytes && parseEnrolment(bytes)
}

export async function listEnrolments({ store }: Pick<PartyPorts, 'store'>): Promise<Enrolment[]> {
  const found: Enrolment[] = []
  for (const name of await store.list(folder)) {
    const bytes = await store.read(name)
    if (bytes !== undefined) found.push(parseEnrolment(bytes))
  }
  return found
}

/**
 * The role whose steps a party may state: its certificate's where it has one, else what the log's keeper calls it. Undefined for a name
 * that is no role: such a party states no events.
 */
export function roleOf({ party, point, chain }: Enrolment): string | undefined {
  const leaf = chain[0]
  if (leaf === undefined) return roleOfParty(party)
  const { publicPoint, role } = parseCertificate(leaf)
  return equal(publicPoint, point) ? role : undefined
}

/** Parties are roles by name, but for two: the central system, and the terminal, which no certificate names. */
function roleOfParty(party: string): string | undefined {
  if (party === 'central') return 'central-system'
  return party === 'terminal' || Object.hasOwn(roles, party) ? party : undefined
}

function serializeEnrolment({ party, point, chain }: Enrolment): Uint8Array {
  return encodeCanonical({ v: 1, format, party, point, chain })
}

function parseEnrolment(bytes: Uint8Array): Enrolment {
  const r = MapReader.of(bytes, 'enrolment')
  r.begin('enrolment')
  const enrolment = {
    party: r.text('party'),
    point: r.bytes('point', 65),
    chain: r.array('chain', (item) => {
      if (!(item instanceof Uint8Array)) throw r.fail('chain expected certificates')
      return item
    }),
  }
  r.end()
  return enrolment
}

function fileOf(keyId: Uint8Array): string {
  return `${folder}${encodeHex(keyId).toLowerCase()}`
}

const folder = 'enrolled/'
const format = 'sealwright enrolment'
