import { encodeHex, equal } from '@sealwright/core/bytes'
import { longestApproval } from '@sealwright/core/catalog'
import { documentKeyId, encodeCanonical, MapReader } from '@sealwright/core/cbor'
import { DecodeError, PeerError, StateError, UsageError } from '@sealwright/core/errors'
import {
  type ApprovalRequest,
  checkApprovals,
  checkRoster,
  type Matter,
  parseApproval,
  parseApprovalRequest,
  parseRoster,
  type Roster,
  serializeApprovalRequest,
} from '@sealwright/core/people'
import { openCertificateRequest, requireFingerprint } from '@sealwright/core/personalization'
import type { Certificate } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { signingKey } from './key.ts'

/**
 * Two people, for a unit whose key lies in a file or an HSM: the host itself checks the approvals, and whoever controls the host can sign
 * without any. A signing card checks by itself.
 */

export interface TakeRosterInput {
  /** The `roster` document. */
  readonly roster: Uint8Array
  /** The central system's request, a `certificate-request`. */
  readonly central: Uint8Array
  /** SHA-256 of the central system's public key as told by another way, 32 bytes. */
  readonly centralFingerprint: Uint8Array
}

/** Takes the newest roster. From the first one on, this unit signs nothing without two approvals. */
export async function takeRoster(ports: PartyPorts, input: TakeRosterInput): Promise<Roster> {
  const { clock, crypto, store } = ports
  const issuerPoint = await requireCentral(ports, input)
  const known = await store.read(rosterFile)
  const last = known && { number: parseRoster(known).roster.number, digest: crypto.sha256(known) }
  const expected = { issuerPoint, at: clock.now(), ...(last === undefined ? {} : { last }) }
  const result = checkRoster(input.roster, expected, crypto)
  if (!result.ok) {
    throw new PeerError(`the roster is not taken: ${result.text}`, {
      code: 'roster-refused',
      details: { reason: result.reason },
    })
  }
  await pinCentral(ports, input.central)
  await store.write(rosterFile, input.roster)
  return result.roster
}

/** Whether this unit has taken a roster: then it signs nothing without two approvals. */
export async function takesApprovals({ store }: Pick<PartyPorts, 'store'>): Promise<boolean> {
  return (await store.read(rosterFile)) !== undefined
}

export interface RequestApprovalInput {
  /** Serial number of the module that the order names, 8 bytes. */
  readonly serial: Uint8Array
  /** This unit's certificate, whose customer it is. */
  readonly unit: Certificate
  /** How long approvals count, in hours; 24 unless given. */
  readonly hours?: number
}

/** Makes the nonce of one run, keeps it, and writes what two people are to approve: the bytes of an `approval request`. */
export async function requestApproval(
  ports: PartyPorts,
  { serial, unit, hours = 24 }: RequestApprovalInput,
): Promise<{ readonly request: ApprovalRequest; readonly document: Uint8Array }> {
  const { clock, crypto, entropy, store, vault } = ports
  if (!Number.isInteger(hours) || hours < 1 || hours * 3600 > longestApproval)
    throw new UsageError(`approvals count for 1 to ${longestApproval / 3600} hours`)
  if ((await store.read(rosterFile)) === undefined) throw rosterMissing()
  const point = await vault.publicPoint(signingKey)
  if (!equal(point, unit.publicPoint))
    throw new UsageError("this is not the certificate of the unit's own key")
  const request: ApprovalRequest = {
    matter: matterOf(ports, serial, unit, (await centralPoint(ports))!),
    actor: documentKeyId(point, crypto),
    nonce: entropy.bytes(16),
    until: clock.now() + hours * 3600,
  }
  const document = serializeApprovalRequest(request)
  await store.write(requestFile(request.nonce), document)
  return { request, document }
}

/** What a run of `personalize` brings. */
export interface RunToApprove {
  readonly serial: Uint8Array
  readonly unit: Certificate
  /** 65 bytes. */
  readonly centralPoint: Uint8Array
  /** The `approval` documents. */
  readonly approvals: readonly Uint8Array[] | undefined
}

/** Two people have agreed to a run. */
export interface ApprovedRun {
  /** BEGIN's nonce, 16 bytes: the one that both have signed. */
  readonly nonce: Uint8Array
  readonly requester: string
  readonly approver: string
}

/**
 * Checks the approvals of a run and keeps them. Undefined for a unit that never took a roster. Without approvals a StateError
 * `approval-missing`; approvals that do not count are a PeerError `approval-refused`.
 * The caller refuses a nonce that another run has used up.
 */
export async function requireApproval(
  ports: PartyPorts,
  run: RunToApprove,
): Promise<ApprovedRun | undefined> {
  const { clock, crypto, store, vault } = ports
  const { serial, unit, approvals = [] } = run
  const document = await store.read(rosterFile)
  if (document === undefined) {
    if (approvals.length > 0) throw rosterMissing()
    return undefined
  }
  const pinned = (await centralPoint(ports))!
  if (!equal(pinned, run.centralPoint)) {
    throw new PeerError('the central system is another than the one that this unit takes rosters from', {
      code: 'not-trusted',
    })
  }
  if (approvals.length === 0) {
    throw new StateError('this unit signs what two people have approved, and there are no approvals', {
      code: 'approval-missing',
    })
  }
  const nonce = await knownNonce(ports, approvals)
  const result = checkApprovals(
    approvals,
    {
      roster: parseRoster(document).roster,
      matter: matterOf(ports, serial, unit, pinned),
      actor: documentKeyId(await vault.publicPoint(signingKey), crypto),
      nonce,
      at: clock.now(),
    },
    crypto,
  )
  if (!result.ok) throw approvalRefused(result.reason, result.text, result.document)
  const late = approvals.findIndex((one) => parseApproval(one).approval.until > clock.now() + longestApproval)
  if (late >= 0) throw approvalRefused('ended', 'it was given for longer than approvals count', late)
  await store.write(
    `${folder}given/${encodeHex(nonce).toLowerCase()}`,
    encodeCanonical({ v: 1, format: 'sealwright given approvals', documents: approvals }),
  )
  return { nonce, requester: result.requester.id, approver: result.approver.id }
}

/** A PeerError `approval-refused`. */
export function approvalRefused(reason: string, text: string, document?: number): PeerError {
  const which =
    document === undefined ? 'the approvals do not count' : `approval ${document + 1} does not count`
  return new PeerError(`${which}: ${text}; nothing was signed`, {
    code: 'approval-refused',
    details: { reason, ...(document === undefined ? {} : { approval: document + 1 }) },
  })
}

/** The approvals that were kept for a run, by BEGIN's nonce. */
export function parseGivenApprovals(bytes: Uint8Array): Uint8Array[] {
  const r = MapReader.of(bytes, 'given approvals')
  r.begin('given approvals')
  const documents = r.array('documents', (item) => {
    if (!(item instanceof Uint8Array)) throw r.fail('documents expected byte strings')
    return item
  })
  r.end()
  return documents
}

/** Point of the central system whose rosters and tickets this unit takes; undefined before the first one. */
export async function centralPoint({ crypto, store }: PartyPorts): Promise<Uint8Array | undefined> {
  const request = await store.read(centralFile)
  return request && openCertificateRequest(request, 'central-system', crypto).point
}

/** The central system's key, when its fingerprint was told and it is the one that was pinned, if one was. */
export async function requireCentral(
  ports: PartyPorts,
  input: Pick<TakeRosterInput, 'central' | 'centralFingerprint'>,
): Promise<Uint8Array> {
  const { crypto } = ports
  const { point } = openCertificateRequest(input.central, 'central-system', crypto)
  requireFingerprint(point, input.centralFingerprint, crypto)
  const known = await centralPoint(ports)
  if (known !== undefined && !equal(known, point)) {
    throw new PeerError('this unit takes rosters and tickets from another central system', {
      code: 'not-trusted',
    })
  }
  return point
}

/** Pins the central system whose first roster or ticket is being taken. */
export async function pinCentral({ store }: PartyPorts, request: Uint8Array): Promise<void> {
  if ((await store.read(centralFile)) === undefined) await store.write(centralFile, request)
}

/** The nonce of a request that this unit made. One that it has not made is refused here, whatever is signed over it. */
async function knownNonce({ store }: PartyPorts, approvals: readonly Uint8Array[]): Promise<Uint8Array> {
  const [first] = approvals
  let nonce: Uint8Array
  try {
    nonce = parseApproval(first!).approval.nonce
  } catch (error) {
    if (error instanceof DecodeError) throw approvalRefused('malformed', error.message, 0)
    throw error
  }
  const request = await store.read(requestFile(nonce))
  if (request === undefined) throw approvalRefused('nonce', 'this unit did not ask for it', 0)
  return parseApprovalRequest(request).nonce
}

function matterOf(
  { crypto }: PartyPorts,
  serial: Uint8Array,
  unit: Certificate,
  central: Uint8Array,
): Matter {
  const { customer } = unit
  if (customer === undefined) throw new UsageError("expected a unit's certificate")
  return { action: 'personalize', object: { module: serial, customer, central: crypto.sha256(central) } }
}

function rosterMissing(): StateError {
  return new StateError('this unit has no roster: nobody is known here whose approval would count', {
    code: 'roster-missing',
  })
}

function requestFile(nonce: Uint8Array): string {
  return `${folder}requests/${encodeHex(nonce).toLowerCase()}`
}

const folder = 'approvals/'
const centralFile = `${folder}central.request`
const rosterFile = `${folder}roster`
