import { encodeHex, equal } from '@sealwright/core/bytes'
import { PeerError } from '@sealwright/core/errors'
import {
  type BeginRequest,
  bareCertificateInput,
  type CertificateRequest,
  serializeBareCertificate,
} from '@sealwright/core/personalization'
import {
  type Binding,
  type Certificate,
  type CertificateProfile,
  moduleSerialText,
  type PathInput,
  parseCertificate,
  requirePath,
  serializeCertificate,
  type TicketNumber,
  tbsOfProfile,
} from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { signingKey } from './key.ts'

/**
 * Checks the unit's own certificate up to the key that issued it, and that it is for the unit's key.
 * @param ownPoint the key's point, 65 bytes, where it does not lie in the vault
 */
export async function requireOwnCertificate(
  { crypto, clock, vault }: PartyPorts,
  unit: Certificate,
  issuer: { readonly anchor: PathInput['anchor']; readonly name: string },
  insecureAcceptTest: boolean,
  ownPoint?: Uint8Array,
): Promise<void> {
  requirePath(
    { chain: [unit], anchor: issuer.anchor, role: 'unit', at: clock.now(), insecureAcceptTest },
    ["unit's certificate", issuer.name],
    crypto,
  )
  if (!equal(unit.publicPoint, ownPoint ?? (await vault.publicPoint(signingKey)))) {
    throw new PeerError("the unit's certificate does not hold: it is for another key than this unit's", {
      code: 'certificate-refused',
      details: { certificate: "unit's certificate", reason: 'other-key' },
    })
  }
}

export interface ModuleKey {
  readonly serial: Uint8Array
  readonly point: Uint8Array
  readonly begin: BeginRequest
  readonly centralPoint: Uint8Array
  /** Where the unit works under a ticket. */
  readonly ticket?: TicketNumber
}

/** The operating certificate: bound to BEGIN's nonce, the customer, and the hash of the central system's key. It ends with the unit's. */
export function issueOperating(ports: PartyPorts, unit: Certificate, module: ModuleKey): Promise<Uint8Array> {
  const { serial, point, begin, ticket } = module
  return issue(ports, {
    role: 'module-operating',
    serialNumber: certificateNumber(ports),
    subject: { commonName: 'module', serialNumber: moduleSerialText(serial) },
    publicPoint: point,
    notBefore: begin.time,
    notAfter: unit.notAfter,
    issuer: unit,
    binding: bindingOf(ports, unit, module),
    ...(ticket === undefined ? {} : { ticket }),
  })
}

/** The same statement as a signature without the key in it. */
export async function signOperating(
  ports: PartyPorts,
  unit: Certificate,
  module: ModuleKey,
): Promise<Uint8Array> {
  const statement = {
    notBefore: module.begin.time,
    notAfter: Math.min(unit.notAfter, 0xffff_ffff),
    binding: bindingOf(ports, unit, module),
  }
  const input = bareCertificateInput(module.serial, module.point, statement)
  return serializeBareCertificate({ ...statement, signature: await ports.vault.sign(signingKey, ...input) })
}

function bindingOf({ crypto }: PartyPorts, unit: Certificate, { begin, centralPoint }: ModuleKey): Binding {
  return { nonce: begin.nonce, customer: unit.customer!, centralKeyHash: crypto.sha256(centralPoint) }
}

/** The central system's certificate under this unit certificate, valid as long as that: one for all modules. */
export async function issueCentral(
  ports: PartyPorts,
  unit: Certificate,
  { name, point }: CertificateRequest,
): Promise<Uint8Array> {
  const { crypto, store } = ports
  const file = `central/${encodeHex(crypto.sha256(point, unit.encoded)).toLowerCase()}.der`
  const stored = await store.read(file)
  if (stored !== undefined && parseCertificate(stored).subject.commonName === name) return stored
  const encoded = await issue(ports, {
    role: 'central-system',
    serialNumber: certificateNumber(ports),
    subject: { commonName: name },
    publicPoint: point,
    notBefore: unit.notBefore,
    notAfter: unit.notAfter,
    issuer: unit,
  })
  await store.write(file, encoded)
  return encoded
}

/** The certificate of this unit's own key for channels (x509/roles.ts, unit-channel). */
export function issueChannel(
  ports: PartyPorts,
  unit: Certificate,
  {
    point,
    notBefore,
    notAfter,
  }: { readonly point: Uint8Array; readonly notBefore: number; readonly notAfter: number },
): Promise<Uint8Array> {
  return issue(ports, {
    role: 'unit-channel',
    serialNumber: certificateNumber(ports),
    subject: { commonName: 'unit channel' },
    publicPoint: point,
    notBefore,
    notAfter,
    issuer: unit,
  })
}

async function issue({ crypto, vault }: PartyPorts, profile: CertificateProfile): Promise<Uint8Array> {
  const tbs = tbsOfProfile(profile, crypto)
  return serializeCertificate(tbs, await vault.sign(signingKey, tbs))
}

/** A positive number of 16 random bytes. */
function certificateNumber({ entropy }: PartyPorts): Uint8Array {
  const number = entropy.bytes(16).slice()
  number[0] = (number[0]! & 0x7f) | 0x40
  return number
}
