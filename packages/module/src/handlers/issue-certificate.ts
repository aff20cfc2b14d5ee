import { equal } from '@sealwright/core/bytes'
import { keyPlaces, longestApproval } from '@sealwright/core/catalog'
import { documentKeyId } from '@sealwright/core/cbor'
import { withHandle } from '@sealwright/core/crypto'
import { checkApprovals, type Person, parseApproval } from '@sealwright/core/people'
import { type BeginAnswer, parseBeginAnswer, verifyBegin } from '@sealwright/core/personalization'
import {
  certificateNumber,
  type IssueRequest,
  operatingTbs,
  parseIssueRequest,
} from '@sealwright/core/signing-card'
import { nextUse } from '@sealwright/core/tickets'
import { parseCertificate, serializeCertificate } from '@sealwright/core/x509'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import {
  addEntry,
  closeOrder,
  findOrder,
  hearTime,
  type KeptOrder,
  knownTime,
  putUsed,
  readEntry,
  requireCertified,
  requireRoom,
  requireUnit,
  rosterAt,
  type Settings,
  settingsOf,
  ticketAt,
  unitCertificate,
  usedOf,
} from '../signing-card/index.ts'

type Needs = Pick<Parts, 'crypto' | 'entropy' | 'events' | 'keys' | 'nvm' | 'objects' | 'otp' | 'serial'>

/**
 * ISSUE CERTIFICATE: the card checks by itself the module's identity, the answer of its BEGIN to this card's own nonce, the approvals of two
 * people and the ticket, then makes and signs the operating certificate. Ticket, log, order and certificate are one transaction. The same key
 * for the same nonce again gives the same certificate, and counts nothing.
 */
export function issueCertificateHandler(
  parts: Needs,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const { crypto, entropy, keys, nvm } = parts
  const request = parseIssueRequest(data)
  const settings = settingsOf(parts)
  const order = findOrder(parts, request.nonce)
  if (order === undefined) throw new Refusal('reference-not-found')
  const answer = parseBeginAnswer(request.answer)
  if (order.entry !== 0) return issuedBefore(parts, settings, order, answer)
  requireRoom(parts, settings.capacity)
  const { serial, begin } = order
  const unit = unitCertificate(parts)
  // A later order may have been carried out first: then its time counts for roster, ticket and approvals.
  const at = Math.max(begin.time, knownTime(parts) ?? 0)
  requireUnit(parts, unit, settings, at)
  // A certificate that was stored since may begin later: the module looks at it at the order's time.
  if (begin.time < unit.notBefore) throw new Refusal('wrong-data')
  requireModule(parts, settings, order, answer, request.identity)
  const { requester, approver } = requireApprovals(parts, settings, order, request, at)
  const use = ticketUse(parts, settings, at)
  const statement = {
    ...{ serial, begin, point: answer.point, ticket: use },
    certificateNumber: certificateNumber(entropy.bytes(16)),
  }
  const tbs = operatingTbs(unit, { ...statement, centralPoint: settings.centralPoint }, crypto)
  const signature = keys.sign(keyPlaces.unitSigning, tbs)
  nvm.transaction((tx) => {
    putUsed(parts, tx, use.number)
    hearTime(parts, tx, begin.time)
    const { number } = addEntry(parts, tx, {
      kind: 'operating-certified',
      ...statement,
      requester: documentKeyId(requester.point, crypto),
      approver: documentKeyId(approver.point, crypto),
      approvals: crypto.sha256(...request.approvals),
      signature,
    })
    closeOrder(parts, tx, order, number)
  })
  return serializeCertificate(tbs, signature)
}

/** The certificate that was made for this order and key, from the log; 6985 for another key, or when the log was acknowledged since. */
function issuedBefore(
  parts: Needs,
  settings: Settings,
  order: KeptOrder,
  { point }: BeginAnswer,
): Uint8Array {
  const body = readEntry(parts, order.entry)?.body
  if (body?.kind !== 'operating-certified' || !equal(body.point, point)) {
    throw new Refusal('conditions-not-satisfied')
  }
  const unit = certifiedBefore(parts, order.entry)
  const tbs = operatingTbs(unit, { ...body, centralPoint: settings.centralPoint }, parts.crypto)
  return serializeCertificate(tbs, body.signature)
}

/** The unit's certificate that was in force at an entry: another one may have come since. */
function certifiedBefore(parts: Needs, entry: number) {
  for (let number = entry - 1; number > 0; number--) {
    const body = readEntry(parts, number)?.body
    if (body?.kind === 'unit-certified') return parseCertificate(body.unit)
  }
  throw new Refusal('conditions-not-satisfied')
}

/** The module that was ordered, by its identity; and its signature over the card's own nonce, salt and time and the new key. */
function requireModule(
  parts: Needs,
  { point, centralPoint }: Settings,
  { serial, begin }: KeptOrder,
  answer: BeginAnswer,
  encoded: Uint8Array,
): void {
  const { crypto, keys } = parts
  const identity = parseCertificate(encoded)
  requireCertified(parts, identity, 'module-identity', begin.time, serial)
  const proven = withHandle(crypto.ecPublicKey(identity.publicPoint), (key) =>
    verifyBegin(key, serial, begin, answer),
  )
  const foreign = [point, centralPoint, identity.publicPoint].every((other) => !equal(other, answer.point))
  const onCurve = withHandle(crypto.ecPublicKey(answer.point), () => true)
  if (!proven || !foreign || !onCurve) throw new Refusal('wrong-data')
  keys.refuseTestKey(answer.point)
}

/** Two people of the roster, for this module, customer, central system and nonce, and not for longer than an approval may count. */
function requireApprovals(
  parts: Needs,
  settings: Settings,
  { serial, begin }: KeptOrder,
  { approvals }: IssueRequest,
  at: number,
): { readonly requester: Person; readonly approver: Person } {
  const { crypto } = parts
  const { customer, centralPoint, keyId } = settings
  const roster = rosterAt(parts, settings, at)
  const object = { module: serial, customer, central: crypto.sha256(centralPoint) }
  const matter = { action: 'personalize' as const, object }
  const expected = { roster, matter, actor: keyId, nonce: begin.nonce, at }
  const result = checkApprovals(approvals, expected, crypto)
  if (!result.ok) throw new Refusal('wrong-data')
  const latest = begin.time + longestApproval
  if (approvals.some((bytes) => parseApproval(bytes).approval.until > latest)) throw new Refusal('wrong-data')
  return result
}

/** The ticket's id and the number of the next certificate; 6985 when it has ended or is used up. */
function ticketUse(parts: Needs, settings: Settings, at: number) {
  const ticket = ticketAt(parts, settings, at)
  const next = nextUse(ticket, usedOf(parts), at)
  if (!next.ok) throw new Refusal('conditions-not-satisfied')
  return { id: ticket.id, number: next.number }
}
