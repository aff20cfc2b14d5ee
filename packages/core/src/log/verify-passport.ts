import { equal } from '../bytes/index.ts'
import { type EventType, eventTypeOf, eventTypes } from '../catalog/index.ts'
import { parseDocument, type SignedDocument, verifyDocument } from '../cbor/index.ts'
import { AuthError, DecodeError } from '../errors/index.ts'
import type { Crypto, EcPublicKey } from '../ports/index.ts'
import { type Certificate, checkPath, keyIdentifier, parseCertificate } from '../x509/index.ts'
import { parseCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { type LogEntry, linkOfEntry, parseEntry } from './entry.ts'
import { chainStart, passportHeadInput } from './event-chain.ts'
import { leafHash, verifyInclusion } from './merkle.ts'
import { cosignedAt, type NoteKey, verifyNote } from './note.ts'
import type { Passport, PassportParty } from './passport.ts'

/** What a passport is checked for, each with the question that it answers. */
export const passportChecks = {
  'entries-readable': 'is every entry a signed entry document',
  'entries-complete': "are the entries this module's, numbered from 1 without a gap",
  'entries-linked': 'does every entry carry the chain of the one before',
  start: 'does the chain start from the software that was masked',
  'party-signatures': 'is every entry signed by the key given for its party',
  'party-certificates': 'do the parties hold certificates of a root that the reader trusts',
  'party-roles': 'was every step stated by a party whose step it is',
  'log-checkpoint': 'is the checkpoint signed by the log',
  'log-inclusion': 'does every entry stand in the log',
  'log-witnesses': 'did the witnesses see the same log',
  'head-certificate': "does the key that signed the module's head belong to this module",
  'head-signature': "is the module's head signed by that key",
  'head-matches': "do the entries end where the module's own record ends",
  'head-fresh': 'was the head asked for by the reader',
  'certificate-recorded': "does the record name the module's certificate",
} as const

export type PassportCheck = keyof typeof passportChecks

export type Verdict = 'verified' | 'failed' | 'unverified'

export interface Finding {
  readonly check: PassportCheck
  readonly verdict: Verdict
  readonly explanation: string
}

export interface PassportQuestion {
  readonly passport: Passport
  /** The log's key, from anywhere but the passport. */
  readonly logKey: NoteKey
  readonly manufacturerRoot: Certificate
  /** Now, in seconds since 1970. */
  readonly at: number
  /** The nonce that the reader sent to the module, 16 bytes. */
  readonly nonce?: Uint8Array
  /** Keys of witnesses that must all have cosigned. */
  readonly witnesses?: readonly NoteKey[]
  /** Further roots that parties may hold certificates of. */
  readonly partyRoots?: readonly Certificate[]
  /** Accepts certificates made with test keys. */
  readonly insecureAcceptTest?: boolean
}

/** One finding for every check, in their order. What cannot be checked is `unverified`, never `verified`. */
export function verifyPassport(question: PassportQuestion, crypto: Crypto): Finding[] {
  const read = readPassport(question.passport)
  return (Object.keys(checks) as PassportCheck[]).map((check) => {
    const { verdict, explanation } = checks[check](read, question, crypto)
    return { check, verdict, explanation }
  })
}

/** Whether nothing failed. Says nothing about what stayed unverified. */
export function passportHolds(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict !== 'failed')
}

interface Step {
  readonly document: SignedDocument
  readonly entry: LogEntry
  readonly party: PassportParty
  readonly inclusion: { readonly index: number; readonly proof: readonly Uint8Array[] } | undefined
  /** How explanations call it. */
  readonly name: string
}

interface ReadPassport {
  readonly passport: Passport
  readonly steps: readonly Step[]
  /** Why an entry could not be read. */
  readonly unreadable: string | undefined
  readonly checkpoint: SignedCheckpoint | string
  readonly chain: readonly Certificate[] | string
  /** Answers about the parties' certificates, since two checks ask. */
  readonly parties: Map<Step, Answer>
}

type Answer = Pick<Finding, 'verdict' | 'explanation'>

const verified = (explanation: string): Answer => ({ verdict: 'verified', explanation })
const failed = (explanation: string): Answer => ({ verdict: 'failed', explanation })
const unverified = (explanation: string): Answer => ({ verdict: 'unverified', explanation })

type Check = (read: ReadPassport, question: PassportQuestion, crypto: Crypto) => Answer

const checks: Record<PassportCheck, Check> = {
  'entries-readable': ({ unreadable, steps }) =>
    unreadable ? failed(unreadable) : verified(`${steps.length} entries`),

  'entries-complete': needsSteps(({ passport, steps }) => {
    for (const [index, { entry }] of steps.entries()) {
      if (!equal(entry.serial, passport.serial)) return failed(`entry ${entry.number} is another module's`)
      if (entry.number !== index + 1) return failed(`expected entry ${index + 1}, found ${entry.number}`)
    }
    return verified(`entries 1 to ${steps.length}`)
  }),

  'entries-linked': needsSteps(({ steps }, _question, crypto) => {
    for (const [index, { entry }] of steps.entries()) {
      const before = steps[index - 1]
      if (before && !equal(entry.previous, linkOfEntry(before.entry, crypto))) {
        return failed(`entry ${entry.number} does not carry the chain of the one before`)
      }
    }
    return verified('every entry carries the chain of the one before')
  }),

  start: needsSteps(({ passport, steps }, _question, crypto) => {
    const { start } = passport
    if (!start) return unverified('the passport does not tell what was masked')
    const expected = chainStart(crypto, start.romDigest, start.imageDigest)
    return equal(steps[0]!.entry.previous, expected)
      ? verified('the chain starts from the ROM and the encrypted image that are named')
      : failed('the chain does not start from the ROM and the encrypted image that are named')
  }),

  'party-signatures': needsSteps(({ steps }, _question, crypto) => {
    for (const { document, party, name } of steps) {
      const point = pointOf(party)
      if (!point || !holds(document, point, crypto)) {
        return failed(`${name} is not signed by the key given for its party`)
      }
    }
    return verified('every entry is signed by the key given for its party')
  }),

  'party-certificates': needsSteps((read, question, crypto) => {
    const unknown = new Set<string>()
    for (const step of read.steps) {
      const answer = partyAnswer(read, step, question, crypto)
      if (answer.verdict === 'failed') return answer
      if (answer.verdict === 'unverified') unknown.add(answer.explanation)
    }
    if (unknown.size > 0) return unverified([...unknown].join('; '))
    return verified('every party holds a certificate of a trusted root')
  }),

  'party-roles': needsSteps((read, question, crypto) => {
    for (const step of read.steps) {
      const { entry, name } = step
      if (partyAnswer(read, step, question, crypto).verdict !== 'verified') {
        return unverified(`the role of the party of ${name} is not certified`)
      }
      const event = eventTypeOf(entry.type)
      if (!event) return unverified(`${name} is of a type that is not known here`)
      const role = leafOf(step.party)?.role
      if (!role || !rolesOf(event).includes(role)) {
        return unverified(`${name} (${event}) was stated by a ${role}, whose step it is not`)
      }
    }
    return verified('every step was stated by a party whose step it is')
  }),

  'log-checkpoint': ({ checkpoint }, { logKey }, crypto) => {
    if (typeof checkpoint === 'string') return missing(checkpoint)
    return isOfLog(checkpoint, logKey, crypto)
      ? verified(`checkpoint of ${shown(logKey.name)} over ${checkpoint.size} entries`)
      : failed('the checkpoint is not signed by the log whose key was given')
  },

  'log-inclusion': needsSteps(({ steps, checkpoint }, { logKey }, crypto) => {
    if (typeof checkpoint === 'string') return missing(checkpoint)
    const { size, root } = checkpoint
    const places = new Set<number>()
    const absent: string[] = []
    for (const { document, inclusion, name } of steps) {
      if (!inclusion) {
        absent.push(name)
        continue
      }
      const claim = { leafHash: leafHash(document.encoded, crypto), size, root, ...inclusion }
      if (places.has(inclusion.index) || !verifyInclusion(claim, crypto)) {
        return failed(`${name} does not stand where the passport says in the log of the checkpoint`)
      }
      places.add(inclusion.index)
    }
    if (absent.length > 0) return unverified(`not in the log yet: ${absent.join(', ')}`)
    if (!isOfLog(checkpoint, logKey, crypto)) return unverified('the checkpoint is not of the log')
    return verified('every entry stands in the log')
  }),

  'log-witnesses': ({ checkpoint }, { witnesses = [] }, crypto) => {
    if (witnesses.length === 0)
      return unverified('no witness key was given: the log alone vouches for its tree')
    if (typeof checkpoint === 'string') return missing(checkpoint)
    const times: string[] = []
    for (const witness of witnesses) {
      const time = cosignedAt(checkpoint.note, witness, crypto)
      if (time === undefined) return failed(`${shown(witness.name)} did not cosign this checkpoint`)
      times.push(`${shown(witness.name)} at ${time}`)
    }
    return verified(`cosigned by ${times.join(', ')}`)
  },

  'head-certificate': ({ passport, chain }, question, crypto) => {
    const { head } = passport
    if (!head) return unverified(noHead)
    if (typeof chain === 'string') return failed(chain)
    const result = checkPath(
      {
        chain,
        anchor: question.manufacturerRoot,
        role: head.key === 'identity' ? 'module-identity' : 'module-operating',
        at: question.at,
        serial: passport.serial,
        insecureAcceptTest: question.insecureAcceptTest ?? false,
      },
      crypto,
    )
    return result.ok
      ? verified(
          `${head.key} certificate under the manufacturer's root${result.leaf.test ? ', of a test module' : ''}`,
        )
      : failed(`certificate ${result.link} of the module's chain: ${result.text}`)
  },

  'head-signature': ({ passport, chain }, _question, crypto) => {
    const { head, serial } = passport
    if (!head) return unverified(noHead)
    const point = typeof chain === 'string' ? undefined : chain[0]?.publicPoint
    if (!point) return unverified('there is no certificate of the key that signed the head')
    return verifies(point, crypto, (key) =>
      key.verify(head.signature, ...passportHeadInput({ serial, ...head })),
    )
      ? verified('the head is signed by the certified key')
      : failed('the head is not signed by the certified key')
  },

  'head-matches': needsSteps(({ passport, steps }, _question, crypto) => {
    const { head } = passport
    if (!head) return unverified(noHead)
    const last = steps[head.number - 1]
    if (!last) return failed(`the module counts ${head.number} events, the passport has ${steps.length}`)
    if (!equal(head.chain, linkOfEntry(last.entry, crypto))) {
      return failed("the entries do not give the chain that the module's head states")
    }
    return head.number === steps.length
      ? verified(`the module's own record ends at entry ${head.number} with the same chain`)
      : unverified(`the head is older than the entries after ${head.number}`)
  }),

  'head-fresh': ({ passport }, { nonce }) => {
    const { head } = passport
    if (!head) return unverified(noHead)
    if (!nonce) return unverified('no nonce was given: the head may be an older one')
    return equal(head.nonce, nonce)
      ? verified('the head answers the nonce that was given')
      : failed('the head answers another nonce than the one given')
  },

  'certificate-recorded': needsSteps(({ passport, steps, chain }, _question, crypto) => {
    const leaf = typeof chain === 'string' ? undefined : chain[0]
    const { head } = passport
    if (!head || !leaf) return unverified(noHead)
    const since = head.key === 'identity' ? 'identity-certified' : 'personalized'
    const kept = steps.filter(({ entry }) => {
      const event = eventTypeOf(entry.type)
      return event === since || (event === 'depersonalized' && head.key === 'operating')
    })
    const last = kept.at(-1)
    if (!last || eventTypeOf(last.entry.type) !== since) {
      return unverified(`no entry names the ${head.key} certificate in force`)
    }
    return equal(last.entry.digest, crypto.sha256(leaf.encoded))
      ? verified(`${last.name} names the ${head.key} certificate`)
      : failed(`${last.name} names another ${head.key} certificate than the one given`)
  }),
}

const noHead = 'the passport has no head signed by the module'

function needsSteps(check: Check): Check {
  return (read, question, crypto) => {
    if (read.unreadable) return unverified('the entries could not all be read')
    return check(read, question, crypto)
  }
}

function missing(reason: string): Answer {
  return reason === noCheckpoint ? unverified(reason) : failed(reason)
}

const noCheckpoint = 'the passport has no checkpoint'

function readPassport(passport: Passport): ReadPassport {
  const steps: Step[] = []
  let unreadable: string | undefined
  for (const [index, { document: bytes, party, inclusion }] of passport.entries.entries()) {
    const step = attempt(() => {
      const document = parseDocument(bytes)
      const entry = parseEntry(document)
      const name = `entry ${entry.number}`
      return { document, entry, party: passport.parties[party]!, inclusion, name }
    })
    if (typeof step === 'string') unreadable ??= `the entry at place ${index + 1} cannot be read: ${step}`
    else steps.push(step)
  }
  if (passport.entries.length === 0) unreadable = 'there is no entry'
  const { checkpoint } = passport
  return {
    passport,
    steps,
    unreadable,
    checkpoint: checkpoint === undefined ? noCheckpoint : attempt(() => parseCheckpoint(checkpoint)),
    chain: attempt(() => passport.chain.map(parseCertificate)),
    parties: new Map(),
  }
}

/** The value, or the reason why the bytes cannot be read. */
function attempt<T>(read: () => T): T | string {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError) return shown(error.message)
    throw error
  }
}

function partyAnswer(
  { parties }: ReadPassport,
  step: Step,
  question: PassportQuestion,
  crypto: Crypto,
): Answer {
  const answer = parties.get(step) ?? certifiedAnswer(step, question, crypto)
  parties.set(step, answer)
  return answer
}

/** Whether the party's certificates lead to a trusted root, at the time that the entry states. */
function certifiedAnswer({ entry, party, name }: Step, question: PassportQuestion, crypto: Crypto): Answer {
  if ('point' in party) return unverified(`no certificate stands behind ${shown(entry.party)}`)
  const chain = attempt(() => party.chain.map(parseCertificate))
  if (typeof chain === 'string') return failed(`${name}: a certificate of its party cannot be read: ${chain}`)
  const leaf = chain[0]!
  const top = chain.at(-1)!.authorityKeyIdentifier
  const anchor = [question.manufacturerRoot, ...(question.partyRoots ?? [])].find(
    ({ publicPoint }) => top && equal(keyIdentifier(publicPoint, crypto), top),
  )
  if (!anchor || !leaf.role) return unverified(`no trusted root stands behind ${shown(entry.party)}`)
  const { insecureAcceptTest = false } = question
  const result = checkPath({ chain, anchor, role: leaf.role, at: entry.at, insecureAcceptTest }, crypto)
  if (!result.ok) return failed(`${name}: certificate ${result.link} of its party: ${result.text}`)
  if (leaf.subject.commonName !== entry.party) {
    return unverified(`${shown(entry.party)} signs as ${shown(leaf.subject.commonName)}`)
  }
  return verified('certified')
}

function isOfLog(checkpoint: SignedCheckpoint, key: NoteKey, crypto: Crypto): boolean {
  return checkpoint.origin === key.name && verifyNote(checkpoint.note, key, crypto)
}

function rolesOf(event: EventType): readonly string[] {
  return eventTypes[event].by
}

function leafOf(party: PassportParty): Certificate | undefined {
  if ('point' in party) return undefined
  const leaf = attempt(() => parseCertificate(party.chain[0]!))
  return typeof leaf === 'string' ? undefined : leaf
}

function pointOf(party: PassportParty): Uint8Array | undefined {
  return 'point' in party ? party.point : leafOf(party)?.publicPoint
}

function holds(document: SignedDocument, point: Uint8Array, crypto: Crypto): boolean {
  return verifies(point, crypto, (key) => verifyDocument(document, 'entry', key, crypto))
}

/** The check's answer, or false for a point that is not on the curve. */
function verifies(point: Uint8Array, crypto: Crypto, check: (key: EcPublicKey) => boolean): boolean {
  let key: EcPublicKey
  try {
    key = crypto.ecPublicKey(point)
  } catch (error) {
    if (error instanceof AuthError) return false
    throw error
  }
  try {
    return check(key)
  } finally {
    key[Symbol.dispose]()
  }
}

/** Text from the passport for a terminal: no control and no formatting characters. */
function shown(text: string): string {
  return text.replace(/[\p{C}\p{Z}]/gu, ' ')
}
