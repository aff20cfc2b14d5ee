import { encodeHex, equal, wipe } from '@sealwright/core/bytes'
import { type ChannelForm, certificateIds, dataTags, publicKeyIds } from '@sealwright/core/catalog'
import { refuseTestKey, withHandle } from '@sealwright/core/crypto'
import { parseModulePapers } from '@sealwright/core/customization'
import { AuthError, PeerError, RefusedError, StateError, UsageError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import {
  type CertificateRequest,
  type CompleteRequest,
  checkCertificates,
  completeInput,
  fingerprint,
  isBareCertificate,
  openCertificateRequest,
  type Policy,
  type PolicyName,
  parseBeginAnswer,
  parseBeginRequest,
  parseCompleteReceipt,
  requireFingerprint,
  serializeBeginRequest,
  serializeCompleteRequest,
  serializeOutsideObjects,
  verifyBegin,
  verifyOwnBegin,
} from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { type Anchor, type Certificate, parseCertificate, requirePath } from '@sealwright/core/x509'
import { type Channel, endChannel, plain } from '../channel/index.ts'
import { moduleStep, readData, readHead, readOutsideDigests } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { type CardOfRun, type CardRun, issueByCard, orderOfRun } from './card-run.ts'
import { issueCentral, issueOperating, requireOwnCertificate, signOperating } from './certificates.ts'
import { requireCredential } from './credential.ts'
import {
  type ChannelChoice,
  channelWarning,
  chosenForm,
  inPersonalizationChannel,
  requireModuleTakes,
} from './personalization-channel.ts'
import { type PersonalizationRecord, readRecords, writeRecord } from './record.ts'
import { type ApprovedRun, approvalRefused, requireApproval } from './rules.ts'
import { currentTicket, takeNumber } from './tickets.ts'

export interface PersonalizeInput extends ChannelChoice {
  /** Serial number of the module that the order names, 8 bytes. */
  readonly serial: Uint8Array
  /** This unit's certificate from the manufacturer, DER. */
  readonly unit: Uint8Array
  /** The manufacturer's root, DER, from the exchange in which the unit's key was signed. */
  readonly root: Uint8Array
  /** The central system's `certificate-request`. */
  readonly central: Uint8Array
  /** SHA-256 of the central system's public key as told by another way, 32 bytes: nothing else vouches for the key (C14). */
  readonly centralFingerprint: Uint8Array
  /**
   * The module's papers (B11): unit and module prove to each other that they know the document key in them, and all that follows passes
   * in that channel. The identity is checked all the same.
   */
  readonly papers?: Uint8Array
  /** In the place of the papers: the document key that was sent by itself, 16 or 32 bytes; the caller wipes it. */
  readonly documentKey?: Uint8Array
  /** The module must show the credential that this unit's customer made for it (B23). */
  readonly credential?: boolean
  /** Takes one of many identical modules, which has no proof of identity (B22): only what `credential` or the line itself proves. */
  readonly insecureNoIdentity?: boolean
  /** Works with a root that is marked as a test root. */
  readonly insecureAcceptTest?: boolean
  /** Gives the module a signature without the key in it, where its policy allows that. */
  readonly bareSignature?: boolean
  /** Gives the central system's key without a certificate, where the module's policy allows that. */
  readonly insecureCentralKeyBare?: boolean
  /** Told of the module when its serial number and identity are known and nothing is signed yet. */
  readonly seen?: (module: {
    readonly serial: Uint8Array
    readonly identity: Certificate | undefined
  }) => void
  /** Two `approval` documents, where this unit has taken a roster. */
  readonly approvals?: readonly Uint8Array[]
  /** This unit's certificate is the central system's, not the manufacturer's: the module can call that plausible only. */
  readonly insecureCircular?: boolean
}

/** What the module was given for a key. */
export interface Given {
  /** As it stands in COMPLETE: a certificate in DER, or one of the forms that a policy may allow. */
  readonly encoded: Uint8Array
  /** 65 bytes. */
  readonly publicPoint: Uint8Array
  readonly certificate: Certificate | undefined
}

export interface Personalized {
  readonly serial: Uint8Array
  readonly operating: Given
  readonly central: Given
  /** SHA-256 of the central system's public key, 32 bytes. */
  readonly centralFingerprint: Uint8Array
  /** This unit had personalized the module before; nothing was signed now. */
  readonly already: boolean
  /** Of the channel that it would have run in, or did. */
  readonly form: ChannelForm
  /** Event number and chain in the receipt. */
  readonly number: number
  readonly chain: Uint8Array
  readonly entries: readonly LogEntry[]
  /** Who asked and who approved, where this unit checks that; undefined too when nothing was signed now. */
  readonly approved?: { readonly requester: string; readonly approver: string }
  /** For the apparatus, where the module keeps these outside: its file of objects (core/personalization, outside-objects.ts). */
  readonly outside: Uint8Array
  /** The module had no identity to prove, and this unit took it without; undefined too when nothing was signed now. */
  readonly unidentified?: true
}

/** A run in which a signing card has the unit's key, and decides. */
export interface CardInput extends CardRun {
  readonly of: CardOfRun
}

interface World {
  readonly ports: PartyPorts
  readonly transport: Transport
  readonly serial: Uint8Array
  readonly unit: Certificate
  readonly root: Certificate
  readonly central: CertificateRequest
  readonly input: PersonalizeInput
  readonly form: ChannelForm
  /** Of this module, where the channel runs under it. */
  readonly documentKey: Uint8Array | undefined
  readonly card: CardInput | undefined
}

type Outcome = Omit<Personalized, 'entries' | 'form'>

/**
 * Personalizes one module: checks that it is the one of the order and that its identity chains to the root, opens a channel that proves
 * it, has it make its key pair, certifies that and the central system's key, checks the receipt. Broken off anywhere, run it again: what
 * the module has taken is settled, what was signed for the same BEGIN is used again.
 */
export async function personalize(
  ports: PartyPorts,
  transport: Transport,
  input: PersonalizeInput,
): Promise<Personalized> {
  return personalizeWith(ports, transport, input, undefined)
}

/** The same with a signing card in the place of the unit's own key, where there is one. */
export async function personalizeWith(
  ports: PartyPorts,
  transport: Transport,
  input: PersonalizeInput,
  card: CardInput | undefined,
): Promise<Personalized> {
  const { crypto } = ports
  const { serial, insecureAcceptTest = false } = input
  const unit = parseCertificate(input.unit)
  const root = parseCertificate(input.root)
  const central = openCertificateRequest(input.central, 'central-system', crypto)
  const issuer =
    input.insecureCircular === true
      ? { anchor: issuingCentral(central.point), name: "central system's key" }
      : { anchor: root, name: "manufacturer's root" }
  await requireOwnCertificate(ports, unit, issuer, insecureAcceptTest, card?.of.card.state.point)
  requireFingerprint(central.point, input.centralFingerprint, crypto)
  if (!root.test) {
    refuseTestKey(crypto, unit.publicPoint, "the unit's key")
    refuseTestKey(crypto, central.point, "the central system's key")
  }
  const documentKey = documentKeyOf(input)
  try {
    if (!root.test && documentKey !== undefined) refuseTestKey(crypto, documentKey, 'the document key')
    const form = chosenForm(input, transport, documentKey !== undefined)
    requireManufacturersUnit(form, input)
    if (card !== undefined) requireNoUnitProof(form)
    return await withModule({ ports, transport, serial, unit, root, central, input, form, documentKey, card })
  } finally {
    wipe(documentKey)
  }
}

async function withModule(world: World): Promise<Personalized> {
  const { ports, transport, serial } = world
  // A run that was broken off may have left its channel open at the module.
  await endChannel(transport)
  const channel = plain(transport)
  await requireModule(channel, serial)
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'unit personalize',
    types: ['personalized'],
    details: (outcome) =>
      outcome === undefined ? {} : { certificate: ports.crypto.sha256(outcome.operating.encoded) },
    proven: (outcome) => outcome,
    settle: () => settled(world, channel),
    run: async () => (await settled(world, channel)) ?? (await run(world, channel)),
  })
  return { ...result, form: world.form, entries }
}

/** A copy of the key, from papers that must be of the module that the order names. */
function documentKeyOf({ serial, papers, documentKey }: PersonalizeInput): Uint8Array | undefined {
  if (papers === undefined) {
    if (documentKey !== undefined && documentKey.length !== 16 && documentKey.length !== 32) {
      throw new UsageError(`document key: expected 16 or 32 bytes, got ${documentKey.length}`)
    }
    return documentKey?.slice()
  }
  if (documentKey !== undefined) throw new UsageError('give the papers or the document key, not both')
  const { serial: named, documentKey: inside } = parseModulePapers(papers)
  if (equal(named, serial)) return inside
  wipe(inside)
  throw new StateError('the papers are of another module than the order names; nothing was sent', {
    code: 'wrong-module',
    details: { ordered: encodeHex(serial), papers: encodeHex(named) },
  })
}

/** Forms in which the module checks the unit's certificate take one of the manufacturer's. */
function requireManufacturersUnit(form: ChannelForm, { insecureCircular = false }: PersonalizeInput): void {
  if (!insecureCircular || !unitProofs.has(form)) return
  throw new UsageError(`in a channel of the form ${form} the module takes a unit of its manufacturer's only`)
}

/** A card signs certificates, and nothing that a channel asks for. */
function requireNoUnitProof(form: ChannelForm): void {
  if (!unitProofs.has(form)) return
  throw new UsageError(`a channel of the form ${form} needs the unit's key; a card signs certificates only`)
}

const unitProofs: ReadonlySet<ChannelForm> = new Set(['mutual', 'dh-signed', 'signed-key'])

/** The central system as the issuer of its own unit's certificate. */
function issuingCentral(publicPoint: Uint8Array): Anchor {
  return { publicPoint, role: 'manufacturer-root' }
}

async function requireModule(channel: Channel, serial: Uint8Array): Promise<void> {
  const head = await readHead(channel)
  if (equal(head.serial, serial)) return
  throw new StateError('this is another module than the order names; nothing was signed', {
    code: 'wrong-module',
    details: { ordered: encodeHex(serial), connected: encodeHex(head.serial) },
  })
}

/** What an operating module has from this unit; undefined while it awaits personalization. */
async function settled({ ports, serial }: World, channel: Channel): Promise<Outcome | undefined> {
  const { mode, state } = await readHead(channel)
  if (mode !== 'user') throw new StateError(`the chip is in ${mode} mode: its issuer has not finished it`)
  if (state !== 'operating') return undefined
  const operating = await readData(channel, certificateIds.operating.tag)
  const outside = (await readOutsideDigests(channel)).find(
    ({ kind, id }) => kind === 'certificate' && id === certificateIds.operating.id,
  )
  const isThis = (issued: Uint8Array): boolean =>
    operating === undefined
      ? outside !== undefined && equal(ports.crypto.sha256(issued), outside.digest)
      : equal(issued, operating)
  const receipt = await readData(channel, dataTags.personalizationReceipt)
  for (const record of await readRecords(ports, serial)) {
    if (receipt === undefined || record.issued === undefined) continue
    if (isThis(record.issued.operating)) return finish(ports, record, receipt, true)
  }
  throw new StateError('the module is operating: another unit personalized it')
}

async function run(world: World, channel: Channel): Promise<Outcome> {
  const { ports, transport, serial, unit, form, documentKey, central, input, card } = world
  const { approvals, bareSignature = false } = input
  const approved =
    card === undefined
      ? await requireApproval(ports, { serial, unit, centralPoint: central.point, approvals })
      : undefined
  if (bareSignature && (await currentTicket(ports)) !== undefined) {
    throw new UsageError(
      'a signature without the key carries no number of a ticket; this unit works under one',
    )
  }
  await requireModuleTakes(channel, form)
  const identity = await requireIdentity(world, channel)
  input.seen?.({ serial, identity })
  ports.progress(
    identity === undefined
      ? 'step 1 of 5: it is the module of the order, by its serial number alone'
      : `step 1 of 5: it is the module of the order, by its certificate from ${identity.issuer.commonName}`,
  )
  ports.progress(`step 2 of 5: opening the channel, ${form}`)
  const warning = channelWarning(form)
  if (warning !== undefined) ports.progress(warning)
  const work = async (secured: Channel): Promise<Outcome> => {
    ports.progress('step 3 of 5: the module makes its key pair and signs for it')
    const begun = await begin(world, secured, identity, approved)
    const data = serializeCompleteRequest(begun.issued)
    ports.progress('step 5 of 5: the module checks its certificates; do not take it away')
    const outcome = await finish(ports, begun, await complete(secured, data), false)
    const done: Outcome = identity === undefined ? { ...outcome, unidentified: true } : outcome
    if (approved === undefined) return done
    const { requester, approver } = approved
    return { ...done, approved: { requester, approver } }
  }
  return inPersonalizationChannel(ports, transport, { form, serial, identity, unit, documentKey }, work)
}

/** The identity certificate, checked; undefined for one of many identical modules, where the unit takes those. */
async function requireIdentity(
  { ports, serial, root, input: { insecureAcceptTest = false, insecureNoIdentity = false } }: World,
  channel: Channel,
): Promise<Certificate | undefined> {
  const encoded = await readData(channel, certificateIds.identity.tag)
  if (encoded === undefined) {
    if (insecureNoIdentity) return undefined
    throw new StateError('the module has no identity certificate')
  }
  const at = ports.clock.now()
  return requirePath(
    {
      chain: [parseCertificate(encoded)],
      anchor: root,
      role: 'module-identity',
      at,
      serial,
      insecureAcceptTest,
    },
    ["module's identity certificate", "manufacturer's root"],
    ports.crypto,
  )
}

/** BEGIN, with what an earlier run prescribed and signed while that is fresh; every certificate is recorded before it is used. */
async function begin(
  world: World,
  secured: Channel,
  identity: Certificate | undefined,
  approved: ApprovedRun | undefined,
): Promise<Required<Pick<PersonalizationRecord, 'issued'>> & PersonalizationRecord> {
  const { ports, serial, unit, root, central, input, card } = world
  const { crypto } = ports
  const record = await recordOfRun(world, approved)
  const { begin: data } = record
  const answerBytes = await secured.send('BEGIN', { data })
  const answer = parseBeginAnswer(answerBytes)
  const request = parseBeginRequest(data)
  const proven = withHandle(crypto.ecPublicKey(identity?.publicPoint ?? answer.point), (key) =>
    (identity === undefined ? verifyOwnBegin : verifyBegin)(key, serial, request, answer),
  )
  if (!proven) throw new AuthError()
  if (input.credential === true) {
    await requireCredential(ports, secured, { serial, request, point: answer.point })
  }
  ports.progress(`step 4 of 5: ${card === undefined ? 'this unit' : 'the card'} certifies its key`)
  const centralGiven =
    card?.of.central ??
    (input.insecureCentralKeyBare === true ? central.point : await issueCentral(ports, unit, central))
  const usable =
    record.issued !== undefined &&
    equal(record.issued.answer.subarray(0, 65), answer.point) &&
    equal(record.issued.central, centralGiven) &&
    isBareCertificate(record.issued.operating) === (input.bareSignature === true) &&
    equal(record.issued.unit, unit.encoded)
  const issued = usable
    ? record.issued!
    : {
        answer: answerBytes,
        operating: await certified(world, identity, record, answerBytes),
        central: centralGiven,
        unit: unit.encoded,
      }
  const result = checkCertificates(
    issued,
    {
      serial,
      point: answer.point,
      nonce: request.nonce,
      time: request.time,
      manufacturerPoint: root.publicPoint,
      test: root.test,
      policy: policyOf(input),
    },
    crypto,
  )
  if (!result.ok) {
    const certificate = `${result.certificate} certificate`
    throw new PeerError(`the ${certificate} does not hold: ${result.text}`, {
      code: 'certificate-refused',
      details: { certificate, reason: result.reason },
    })
  }
  const begun = { ...record, issued }
  await writeRecord(ports, begun)
  return begun
}

/** What BEGIN has to say: the card's order; else what an earlier run said while that is fresh, or something new, which is written down first. */
async function recordOfRun(
  { ports, serial, unit, card }: World,
  approved: ApprovedRun | undefined,
): Promise<PersonalizationRecord> {
  if (card !== undefined) return orderOfRun(ports, serial, card.approvals)
  const { clock, entropy } = ports
  const now = clock.now()
  const records = await readRecords(ports, serial)
  const ofRun = records.filter(({ begin }) => approved === undefined || usesNonce(begin, approved.nonce))
  const earlier = ofRun.find((record) => mayResume(record, unit, now))
  if (approved !== undefined && earlier === undefined && ofRun.length > 0) {
    throw approvalRefused('nonce', 'another run has used it up')
  }
  if (earlier !== undefined) return earlier
  const nonce = approved?.nonce ?? entropy.bytes(16)
  const record = { serial, begin: serializeBeginRequest({ salt: entropy.bytes(16), time: now, nonce }) }
  await writeRecord(ports, record)
  return record
}

/** The operating certificate for what the module has answered, by the card or by the unit's own key. */
async function certified(
  { ports, serial, unit, central, input, card }: World,
  identity: Certificate | undefined,
  record: PersonalizationRecord,
  answer: Uint8Array,
): Promise<Uint8Array> {
  const begin = parseBeginRequest(record.begin)
  if (card !== undefined) {
    if (identity === undefined) throw new UsageError('a card certifies modules that prove their identity')
    return issueByCard(ports, card, { serial, begin, answer, identity })
  }
  // Counted before anything is signed. What no record keeps was given to nobody.
  const ticket = await takeNumber(ports, begin.nonce, record.issued === undefined)
  return (input.bareSignature === true ? signOperating : issueOperating)(ports, unit, {
    serial,
    point: parseBeginAnswer(answer).point,
    begin,
    centralPoint: central.point,
    ...(ticket === undefined ? {} : { ticket }),
  })
}

/** The module's policy must allow what is sent; whether it does, only the module knows. */
function policyOf(input: PersonalizeInput): Policy {
  const names: [PolicyName, boolean | undefined][] = [
    ['bare-signature', input.bareSignature],
    ['central-key-bare', input.insecureCentralKeyBare],
    ['circular-certification', input.insecureCircular],
  ]
  return new Set(names.filter(([, wanted]) => wanted === true).map(([name]) => name))
}

function usesNonce(begin: Uint8Array, nonce: Uint8Array): boolean {
  return equal(parseBeginRequest(begin).nonce, nonce)
}

/** A broken-off run is taken up with its own time and nonce for an hour; after that they are old. */
function mayResume({ begin, receipt }: PersonalizationRecord, unit: Certificate, now: number): boolean {
  const { time } = parseBeginRequest(begin)
  return receipt === undefined && unit.notBefore <= time && time <= now && now - time < 3600
}

async function complete(secured: Channel, data: Uint8Array): Promise<Uint8Array> {
  try {
    return await secured.send('COMPLETE', { data })
  } catch (error) {
    if (!(error instanceof RefusedError) || error.code !== 'module-wrong-data') throw error
    throw new RefusedError(
      error.statusWord,
      'the module refuses certificates that hold here: it trusts another manufacturer, belongs to another customer since its first personalization, or has heard of a later time',
      { code: error.code, details: error.details },
    )
  }
}

/** Checks the receipt under the new operating key, and keeps it. */
async function finish(
  ports: PartyPorts,
  record: PersonalizationRecord,
  receiptBytes: Uint8Array,
  already: boolean,
): Promise<Outcome> {
  const { crypto } = ports
  const { serial } = record
  const issued: CompleteRequest = record.issued!
  const receipt = parseCompleteReceipt(receiptBytes)
  const point = parseBeginAnswer(record.issued!.answer).point
  const digest = crypto.sha256(serializeCompleteRequest(issued))
  const holds = withHandle(crypto.ecPublicKey(point), (key) =>
    key.verify(receipt.signature, ...completeInput(serial, digest, receipt)),
  )
  if (!holds) throw new AuthError()
  await writeRecord(ports, { ...record, receipt: receiptBytes })
  const { number, chain } = receipt
  const operating = given(issued.operating, point)
  const central = given(issued.central, issued.central)
  const centralFingerprint = fingerprint(central.publicPoint, crypto)
  return {
    ...{ serial, operating, central, centralFingerprint, already, number, chain },
    outside: outsideOf(issued, central),
  }
}

/** Everything that the module was given, as an apparatus would keep it. */
function outsideOf({ operating, unit }: CompleteRequest, central: Given): Uint8Array {
  const { operating: own, unit: units, central: centrals } = certificateIds
  return serializeOutsideObjects([
    { kind: 'certificate', id: own.id, bytes: operating },
    { kind: 'certificate', id: units.id, bytes: unit },
    ...(central.certificate === undefined
      ? []
      : [{ kind: 'certificate' as const, id: centrals.id, bytes: central.encoded }]),
    { kind: 'public-key', id: publicKeyIds.central, bytes: central.publicPoint },
  ])
}

/** What stands in COMPLETE for a key: a certificate, or something else that stands for `publicPoint`. */
function given(encoded: Uint8Array, publicPoint: Uint8Array): Given {
  if (encoded[0] !== 0x30) return { encoded, publicPoint, certificate: undefined }
  const certificate = parseCertificate(encoded)
  return { encoded, publicPoint: certificate.publicPoint, certificate }
}
