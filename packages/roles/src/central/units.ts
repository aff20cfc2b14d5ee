import { encodeHex, equal } from '@sealwright/core/bytes'
import { encodeCanonical, MapReader } from '@sealwright/core/cbor'
import { refuseTestKey } from '@sealwright/core/crypto'
import { PeerError, StateError, UsageError } from '@sealwright/core/errors'
import { fingerprint, requireFingerprint } from '@sealwright/core/personalization'
import { type Certificate, parseCertificate, pathReasons, requirePath } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { pinnedRoot } from '../trust/index.ts'
import { unitsOfCards } from './issue-card.ts'
import type { KnownUnit } from './known-unit.ts'

/** How the unit's key came, and what vouches that it is the unit's (B24). */
export interface EnrolUnitInput {
  /** The unit's certificate, DER. */
  readonly certificate: Uint8Array
  /** SHA-256 of its public key as people told it by another way, 32 bytes. */
  readonly fingerprint?: Uint8Array
  /**
   * In its place: the customer that this central system belongs to, 16 bytes. The certificate must hold under the manufacturer's root that
   * was pinned, and be of this customer.
   */
  readonly customer?: Uint8Array
  /** Takes a unit that is marked as a test one. */
  readonly insecureAcceptTest?: boolean
}

export interface EnrolledUnit extends KnownUnit {
  /** 32 bytes. */
  readonly fingerprint: Uint8Array
  readonly name: string
  readonly by: 'fingerprint' | 'manufacturer'
}

/**
 * Learns a unit's key over a transfer whose integrity something protects: a fingerprint that people have compared, or the manufacturer's
 * signature over key and customer. From the first one on sessions take modules of enrolled units only. PeerError when the key is another.
 */
export async function enrolUnit(ports: PartyPorts, input: EnrolUnitInput): Promise<EnrolledUnit> {
  const { clock, crypto, store } = ports
  const { certificate: bytes, customer, insecureAcceptTest = false } = input
  if ((input.fingerprint === undefined) === (customer === undefined)) {
    throw new UsageError(
      "a unit's key is vouched for by its fingerprint, or by the customer in its certificate",
    )
  }
  const certificate = parseCertificate(bytes)
  if (certificate.role !== 'unit') {
    throw new UsageError(`expected a unit's certificate, got one of the role ${certificate.role}`)
  }
  if (customer !== undefined) await requireOwnUnit(ports, certificate, customer, insecureAcceptTest)
  requireFingerprint(certificate.publicPoint, input.fingerprint, crypto)
  if (!insecureAcceptTest) {
    if (certificate.test) throw refused('test-certificate', pathReasons['test-certificate'])
    refuseTestKey(crypto, certificate.publicPoint, "the unit's key")
  }
  const by = customer === undefined ? 'fingerprint' : 'manufacturer'
  const id = fingerprint(certificate.publicPoint, crypto)
  await store.write(
    fileOf(id),
    serializeEnrolledUnit({ certificate: certificate.encoded, by, at: clock.now() }),
  )
  return unitOf(certificate, by, id)
}

/** The manufacturer has signed key and customer together; another customer's unit is as good a unit, and not ours. */
async function requireOwnUnit(
  ports: PartyPorts,
  certificate: Certificate,
  customer: Uint8Array,
  insecureAcceptTest: boolean,
): Promise<void> {
  const root = await pinnedRoot(ports, 'manufacturer-root')
  requirePath(
    { chain: [certificate], anchor: root, role: 'unit', at: ports.clock.now(), insecureAcceptTest },
    [what, "manufacturer's root"],
    ports.crypto,
  )
  if (!equal(certificate.customer!, customer)) {
    throw refused('customer-differs', 'it works for another customer than the one named')
  }
}

/** Every unit that was enrolled. */
export async function enrolledUnits({ crypto, store }: PartyPorts): Promise<EnrolledUnit[]> {
  const units: EnrolledUnit[] = []
  for (const name of await store.list(folder)) {
    const bytes = await store.read(name)
    if (bytes === undefined) continue
    const { certificate, by } = parseEnrolledUnit(bytes)
    const parsed = parseCertificate(certificate)
    units.push(unitOf(parsed, by, fingerprint(parsed.publicPoint, crypto)))
  }
  return units
}

/** Every unit whose key this central system has learned: enrolled ones, and those whose cards it issued. */
export async function knownUnits(ports: PartyPorts): Promise<readonly KnownUnit[]> {
  return [...(await enrolledUnits(ports)), ...(await unitsOfCards(ports))]
}

/**
 * The units that a session may be checked against: the one that is named, which must be among the enrolled ones where there are any; all
 * of these where none is named. A unit whose signing card was issued here is known by that (B24).
 */
export async function unitsFor(
  ports: PartyPorts,
  named: KnownUnit | undefined,
): Promise<readonly KnownUnit[]> {
  const enrolled = await knownUnits(ports)
  if (named === undefined) {
    if (enrolled.length > 0) return enrolled
    throw new StateError('no unit is named, and none was enrolled', { code: 'unit-unknown' })
  }
  const known = enrolled.length === 0 || enrolled.some(({ point }) => equal(point, named.point))
  if (known) return [named]
  throw new StateError("the unit's key is not among those that were enrolled", { code: 'unit-unknown' })
}

function unitOf(
  { publicPoint, customer, test, subject }: Certificate,
  by: EnrolledUnit['by'],
  id: Uint8Array,
): EnrolledUnit {
  return {
    ...{ point: publicPoint, test, name: subject.commonName, by, fingerprint: id },
    ...(customer === undefined ? {} : { customer }),
  }
}

function refused(reason: string, text: string): PeerError {
  return new PeerError(`the ${what} does not hold: ${text}`, {
    code: 'certificate-refused',
    details: { certificate: what, reason },
  })
}

interface Kept {
  readonly certificate: Uint8Array
  readonly by: EnrolledUnit['by']
  readonly at: number
}

/** What is kept of an enrolled unit. */
export function serializeEnrolledUnit({ certificate, by, at }: Kept): Uint8Array {
  return encodeCanonical({ v: 1, format, certificate, by, at })
}

export function parseEnrolledUnit(bytes: Uint8Array): Kept {
  const r = MapReader.of(bytes, 'enrolled unit')
  r.begin('enrolled unit')
  const by = r.text('by')
  if (by !== 'fingerprint' && by !== 'manufacturer') throw r.fail('by is not known')
  const kept = { certificate: r.bytes('certificate'), by, at: r.time('at') } as const
  r.end()
  return kept
}

function fileOf(id: Uint8Array): string {
  return `${folder}${encodeHex(id).toLowerCase()}`
}

const what = "unit's certificate"
const folder = 'units/'
const format = 'sealwright enrolled unit'
