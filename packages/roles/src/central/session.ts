import { encodeHex, equal } from '@sealwright/core/bytes'
import { certificateIds, dataTags } from '@sealwright/core/catalog'
import { refuseTestKey } from '@sealwright/core/crypto'
import { PeerError, StateError } from '@sealwright/core/errors'
import {
  bareCertificateReason,
  type DisabledKey,
  fingerprint,
  isBareCertificate,
  parseBareCertificate,
  requireFingerprint,
} from '@sealwright/core/personalization'
import type { Crypto, Transport } from '@sealwright/core/ports'
import {
  type Binding,
  type Certificate,
  keyIdentifier,
  parseCertificate,
  pathReasons,
  requirePath,
} from '@sealwright/core/x509'
import { type Channel, endChannel, openScp11a, plain } from '../channel/index.ts'
import { presentOutside, readData, readHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { forgetEarlierEnd } from './depersonalization.ts'
import { requireEnabled } from './disabling.ts'
import { sessionKey } from './key.ts'
import type { KnownUnit } from './known-unit.ts'
import { unitsFor } from './units.ts'

/** The module's key with what its unit said of it. */
export interface OperatingKey {
  /** 65 bytes. */
  readonly publicPoint: Uint8Array
  /** As the module shows it: a certificate in DER, or a signature without the key in it. */
  readonly encoded: Uint8Array
  readonly certificate: Certificate | undefined
}

export interface SessionInput {
  /** Whose modules are taken; any enrolled unit's (`enrolUnit`) when absent. Where units are enrolled it must be one of them. */
  readonly unit?: KnownUnit
  /** SHA-256 of the unit's public key as told by another way; compared when it is given. */
  readonly unitFingerprint?: Uint8Array
  /** Serial number that must answer, 8 bytes; any when absent. */
  readonly serial?: Uint8Array
  /** What the apparatus keeps of the module's certificates and keys, where its product has them outside (B21). */
  readonly outside?: Uint8Array
  /** Accepts certificates that are marked as made with test keys. */
  readonly insecureAcceptTest?: boolean
}

export interface Session {
  readonly serial: Uint8Array
  readonly operating: OperatingKey
  /** Whose signature the module's key rests on. */
  readonly unit: KnownUnit
  /** Both ends have proven who they are; everything in it is protected. */
  readonly channel: Channel
}

/**
 * Sets up a session: reads the module's operating certificate, checks it against the unit's public key, and that it was made for this
 * central system; then mutual authentication with session keys of its own. The session is ended after `work`.
 */
export async function session<T>(
  ports: PartyPorts,
  transport: Transport,
  input: SessionInput,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { crypto, entropy, vault } = ports
  const units = await unitsFor(ports, input.unit)
  if (input.unit !== undefined) requireUnit(crypto, input.unit, input)
  // A session that was broken off may still be open at the module.
  await endChannel(transport)
  const open = plain(transport)
  const { serial, state } = await readHead(open)
  if (input.serial !== undefined && !equal(serial, input.serial)) {
    throw new StateError('this is another module than the one asked for', {
      code: 'wrong-module',
      details: { ordered: encodeHex(input.serial), connected: encodeHex(serial) },
    })
  }
  if (input.outside !== undefined) await presentOutside(open, input.outside)
  const encoded = await readData(open, certificateIds.operating.tag)
  if (state !== 'operating' || encoded === undefined) throw new StateError('the module is not personalized')
  const unit = issuingUnit(ports, units, encoded)
  requireUnit(crypto, unit, input)
  const operating = isBareCertificate(encoded)
    ? requireSignature(ports, encoded, await readData(open, dataTags.operatingKey), serial, unit)
    : requireCertificate(ports, encoded, serial, unit, input)
  await requireOwn(ports, operating.binding)
  const parties = whoseKeys(ports, serial, operating, unit)
  await requireEnabled(ports, parties)
  const opened = await openScp11a(transport, {
    crypto,
    entropy,
    vault,
    keyName: sessionKey,
    modulePoint: operating.publicPoint,
    serial,
  })
  const channel = whileEnabled(ports, opened, parties)
  try {
    await forgetEarlierEnd(ports, serial, operating.encoded)
    return await work({ serial, operating, unit, channel })
  } finally {
    channel.close()
    await endChannel(transport)
  }
}

/** What a session rests on, and whatever of it may be disabled. */
function whoseKeys(
  { crypto }: PartyPorts,
  serial: Uint8Array,
  { publicPoint }: OperatingKey,
  { point }: KnownUnit,
): DisabledKey[] {
  return [
    { kind: 'unit', id: fingerprint(point, crypto) },
    { kind: 'module', id: fingerprint(publicPoint, crypto) },
    { kind: 'serial', id: serial },
  ]
}

/** The channel as long as no key that it rests on is disabled: each message asks, for another process may disable one meanwhile. */
function whileEnabled(ports: PartyPorts, channel: Channel, keys: readonly DisabledKey[]): Channel {
  const asked = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      await requireEnabled(ports, keys)
    } catch (error) {
      channel.close()
      throw error
    }
    return work()
  }
  return {
    ...channel,
    exchange: (instruction, input) => asked(() => channel.exchange(instruction, input)),
    send: (instruction, input) => asked(() => channel.send(instruction, input)),
  }
}

/** The unit that has signed, by the key identifier in the certificate; the first one where that names none, and its check says why. */
function issuingUnit({ crypto }: PartyPorts, units: readonly KnownUnit[], encoded: Uint8Array): KnownUnit {
  const [first] = units as [KnownUnit, ...KnownUnit[]]
  if (isBareCertificate(encoded)) {
    const { customer } = parseBareCertificate(encoded).binding
    return units.find((unit) => unit.customer !== undefined && equal(unit.customer, customer)) ?? first
  }
  const { authorityKeyIdentifier } = parseCertificate(encoded)
  if (authorityKeyIdentifier === undefined) return first
  return units.find(({ point }) => equal(keyIdentifier(point, crypto), authorityKeyIdentifier)) ?? first
}

function requireUnit(crypto: Crypto, unit: KnownUnit, input: SessionInput): void {
  requireFingerprint(unit.point, input.unitFingerprint, crypto)
  requireRealUnit(crypto, unit, input)
}

/** Modules of a test unit are test modules, whatever form their certificate has. */
function requireRealUnit(
  crypto: Crypto,
  unit: KnownUnit,
  { insecureAcceptTest = false }: SessionInput,
): void {
  if (insecureAcceptTest) return
  if (unit.test === true) {
    throw new PeerError(`the unit's certificate does not hold: ${pathReasons['test-certificate']}`, {
      code: 'certificate-refused',
      details: { certificate: "unit's certificate", reason: 'test-certificate' },
    })
  }
  refuseTestKey(crypto, unit.point, "the unit's key")
}

type Checked = OperatingKey & { readonly binding: Binding }

function requireCertificate(
  { clock, crypto }: PartyPorts,
  encoded: Uint8Array,
  serial: Uint8Array,
  unit: KnownUnit,
  { insecureAcceptTest = false }: SessionInput,
): Checked {
  const certificate = requirePath(
    {
      chain: [parseCertificate(encoded)],
      anchor: {
        publicPoint: unit.point,
        role: 'unit',
        customer: unit.customer,
        ...(unit.test === undefined ? {} : { test: unit.test }),
      },
      role: 'module-operating',
      at: clock.now(),
      serial,
      insecureAcceptTest,
    },
    [what, "unit's public key"],
    crypto,
  )
  return { encoded, certificate, publicPoint: certificate.publicPoint, binding: certificate.binding! }
}

function requireSignature(
  { clock, crypto }: PartyPorts,
  encoded: Uint8Array,
  publicPoint: Uint8Array | undefined,
  serial: Uint8Array,
  unit: KnownUnit,
): Checked {
  if (publicPoint === undefined) throw new PeerError('the module shows a signature, but no key')
  const bare = parseBareCertificate(encoded)
  const reason = bareCertificateReason(bare, { serial, point: publicPoint }, unit, clock.now(), crypto)
  if (reason !== undefined) throw refusedFor(reason, pathReasons[reason])
  return { encoded, certificate: undefined, publicPoint, binding: bare.binding }
}

async function requireOwn({ crypto, vault }: PartyPorts, { centralKeyHash }: Binding): Promise<void> {
  if (equal(centralKeyHash, crypto.sha256(await vault.publicPoint(sessionKey)))) return
  throw refusedFor('other-central', 'it was made for another central system')
}

function refusedFor(reason: string, text: string): PeerError {
  return new PeerError(`the ${what} does not hold: ${text}`, {
    code: 'certificate-refused',
    details: { certificate: what, reason },
  })
}

const what = "module's operating certificate"
