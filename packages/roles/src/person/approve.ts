import { equal } from '@sealwright/core/bytes'
import { longestApproval } from '@sealwright/core/catalog'
import { documentKeyId, isSignedBy } from '@sealwright/core/cbor'
import { AuthError, StateError } from '@sealwright/core/errors'
import {
  type Approval,
  type ApprovalRequest,
  checkRoster,
  type Person,
  parseApproval,
  parseApprovalRequest,
  personOfKey,
  prepareApproval,
  type Roster,
} from '@sealwright/core/people'
import { openCertificateRequest, requireFingerprint } from '@sealwright/core/personalization'
import type { PartyPorts } from '../ports/index.ts'
import { approvalKey } from './device.ts'

/** How a person knows the others: the roster, and the central system that signs it. */
export interface RosterSource {
  readonly roster: Uint8Array
  /** The central system's request, a `certificate-request`. */
  readonly central: Uint8Array
  /** SHA-256 of the central system's public key as told by another way, 32 bytes. */
  readonly centralFingerprint: Uint8Array
}

/** What a person is to sign, as it is shown before. */
export interface Consent {
  readonly request: ApprovalRequest
  /** Who asked for it; undefined while this person is the one who asks. */
  readonly requester: Person | undefined
  /** Key id of the requester, 16 bytes. */
  readonly requesterKey: Uint8Array
  /** The time for which it is asked has not ended. */
  readonly inTime: boolean
}

/** What signing the unit's `approval request` as the one who asks would say. */
export async function readRequest(ports: PartyPorts, request: Uint8Array): Promise<Consent> {
  const own = documentKeyId(await ports.vault.publicPoint(approvalKey), ports.crypto)
  return consentOf(ports, parseApprovalRequest(request), own, undefined)
}

/**
 * What approving another person's request would say. The requester is looked up in the roster, and the signature checked: AuthError when it
 * does not hold. One's own request is a StateError `approval-refused`.
 */
export async function readAsked(
  ports: PartyPorts,
  asked: Uint8Array,
  source: RosterSource,
): Promise<Consent> {
  const { crypto, vault } = ports
  const roster = openRoster(ports, source)
  const { approval, signed } = parseApproval(asked)
  if (equal(signed.keyId, documentKeyId(await vault.publicPoint(approvalKey), crypto))) {
    throw refused('same-person', 'you asked for this yourself: somebody else has to approve it')
  }
  const person = personOfKey(roster, signed.keyId, crypto)
  if (person === undefined) throw refused('not-enrolled', 'the one who asks is not in the roster')
  if (!isSignedBy(signed, 'approval', person.point, crypto)) throw new AuthError()
  if (person.revoked !== undefined) throw refused('revoked', `${person.id} was revoked`)
  if (!equal(approval.requester, signed.keyId)) {
    throw refused('no-request', 'this is an approval of what another person asked for, not a request')
  }
  return consentOf(ports, approval, signed.keyId, person)
}

/** Signs what `readRequest` or `readAsked` has shown; the bytes of an `approval`. */
export async function consent(ports: PartyPorts, shown: Consent): Promise<Uint8Array> {
  const { crypto, vault } = ports
  if (!shown.inTime) throw refused('ended', 'the time for which it was asked is over')
  if (shown.request.until > ports.clock.now() + longestApproval) {
    throw refused('ended', `it is asked for longer than ${longestApproval / 86_400} days`)
  }
  const approval: Approval = { ...shown.request, requester: shown.requesterKey }
  const unsigned = prepareApproval(approval, await vault.publicPoint(approvalKey), crypto)
  return unsigned.finish(await vault.sign(approvalKey, unsigned.toBeSigned))
}

/** The roster, when the known central system signed it and it is in force; else a StateError `roster-refused`. */
function openRoster({ crypto, clock }: PartyPorts, source: RosterSource): Roster {
  const { point } = openCertificateRequest(source.central, 'central-system', crypto)
  requireFingerprint(point, source.centralFingerprint, crypto)
  const result = checkRoster(source.roster, { issuerPoint: point, at: clock.now() }, crypto)
  if (result.ok) return result.roster
  throw new StateError(`the roster does not count: ${result.text}`, {
    code: 'roster-refused',
    details: { reason: result.reason },
  })
}

function consentOf(
  { clock }: PartyPorts,
  { matter, actor, nonce, until }: ApprovalRequest,
  requesterKey: Uint8Array,
  requester: Person | undefined,
): Consent {
  const request = { matter, actor, nonce, until }
  return { request, requester, requesterKey, inTime: clock.now() <= until }
}

function refused(reason: string, text: string): StateError {
  return new StateError(text, { code: 'approval-refused', details: { reason } })
}
