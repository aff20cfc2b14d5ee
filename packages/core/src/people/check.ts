import { equal } from '../bytes/index.ts'
import { documentKeyId, isSignedBy } from '../cbor/index.ts'
import { DecodeError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { type Approval, parseApproval } from './approval.ts'
import { type Matter, sameMatter } from './matter.ts'
import type { Person } from './person.ts'
import { personOfKey, type Roster, sameX } from './roster.ts'

/** Why approvals do not count, each with a text for people. A card or module answers one status word for all of them. */
export const approvalReasons = {
  count: 'two approvals are needed, of two people',
  malformed: 'it is no approval',
  'roster-ended': 'the list of enrolled persons has ended',
  'not-enrolled': 'its signer is not enrolled',
  signature: 'it is not signed by the person whose key it names',
  revoked: 'its signer was revoked',
  matter: 'it approves another action, or the action on another object',
  actor: 'it was given for another card or module',
  nonce: 'it was given for another run',
  ended: 'the time for which it was given is over',
  duty: 'its signer is not enrolled for this duty',
  action: 'its signer is not enrolled for this action',
  'same-person': 'both are of one person: who asks for an action does not approve it',
  requester: 'it approves what another person asked for',
  'no-request': 'nobody asked: neither is signed by the requester',
} as const

export type ApprovalReason = keyof typeof approvalReasons

/** What approvals must fit. The acting card or module knows all of it by itself. */
export interface ApprovalExpectation {
  /** The persons who count. Take it only from `checkRoster`. */
  readonly roster: Roster
  /** What is about to be done. */
  readonly matter: Matter
  /** Key id of the acting key (`documentKeyId`), 16 bytes. */
  readonly actor: Uint8Array
  /** The actor's own random number for this run, 16 bytes. It has to be used up with the action. */
  readonly nonce: Uint8Array
  /** Seconds since 1970. */
  readonly at: number
}

export type ApprovalResult =
  | { readonly ok: true; readonly requester: Person; readonly approver: Person }
  /** `document` is the index of the approval that fails; undefined when it is both together. */
  | {
      readonly ok: false
      readonly reason: ApprovalReason
      readonly text: string
      readonly document: number | undefined
    }

/**
 * Whether two people agree (B17, R9): one `approval` document by the person who asks, one by another person who approves, both over the
 * same action, object, actor and nonce. The documents may come in any order. Never throws for what they hold.
 */
export function checkApprovals(
  documents: readonly Uint8Array[],
  expected: ApprovalExpectation,
  crypto: Crypto,
): ApprovalResult {
  const fail = (reason: ApprovalReason, document?: number): ApprovalResult => ({
    ok: false,
    reason,
    text: approvalReasons[reason],
    document,
  })
  if (documents.length !== 2) return fail('count')
  if (expected.at > expected.roster.until) return fail('roster-ended')
  const given: Given[] = []
  for (const [at, bytes] of documents.entries()) {
    const one = checkOne(bytes, expected, crypto)
    if (typeof one === 'string') return fail(one, at)
    given.push(one)
  }
  const [first, second] = given as [Given, Given]
  if (first.person.id === second.person.id || sameX(first.person.point, second.person.point)) {
    return fail('same-person')
  }
  const requests = given.filter(({ asks }) => asks)
  if (requests.length === 0) return fail('no-request')
  const request = requests[0]!
  const consent = request === first ? second : first
  if (!equal(consent.approval.requester, request.approval.requester)) {
    return fail('requester', given.indexOf(consent))
  }
  return { ok: true, requester: request.person, approver: consent.person }
}

interface Given {
  readonly approval: Approval
  readonly person: Person
  /** The signer is the requester. */
  readonly asks: boolean
}

/** One document by itself. Who signed it is settled before anything that it says is believed. */
function checkOne(
  bytes: Uint8Array,
  { roster, matter, actor, nonce, at }: ApprovalExpectation,
  crypto: Crypto,
): Given | ApprovalReason {
  let parsed: ReturnType<typeof parseApproval>
  try {
    parsed = parseApproval(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return 'malformed'
    throw error
  }
  const { approval, signed } = parsed
  const person = personOfKey(roster, signed.keyId, crypto)
  if (person === undefined) return 'not-enrolled'
  if (!isSignedBy(signed, 'approval', person.point, crypto)) return 'signature'
  if (person.revoked !== undefined) return 'revoked'
  if (!sameMatter(approval.matter, matter)) return 'matter'
  if (!equal(approval.actor, actor)) return 'actor'
  if (!equal(approval.nonce, nonce)) return 'nonce'
  if (at > approval.until) return 'ended'
  const asks = equal(approval.requester, documentKeyId(person.point, crypto))
  if (!person.duties.includes(asks ? 'request' : 'approve')) return 'duty'
  if (!person.actions.includes(matter.action)) return 'action'
  return { approval, person, asks }
}
