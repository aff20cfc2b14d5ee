import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, concat } from '../bytes/index.ts'
import { type EventType, eventTypes } from '../catalog/index.ts'
import { decodeCanonical, encodeCanonical, parseDocument, signDocument } from '../cbor/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { roles } from '../x509/index.ts'
import { testOnlyPki } from '../x509/testing/index.ts'
import {
  chainStart,
  entryFields,
  type Finding,
  type LogEntry,
  linkOfEntry,
  noteSigner,
  type Passport,
  type PassportCheck,
  type PassportQuestion,
  parseEntry,
  parsePassport,
  passportChecks,
  passportHolds,
  serializePassport,
  verifyPassport,
} from './index.ts'
import { testOnlyStory } from './testing/index.ts'

const story = testOnlyStory(crypto)
const { certificates, keys } = story.pki
const good = story.passport({ witness: story.witness })
const checkNames = Object.keys(passportChecks) as PassportCheck[]

function ask(passport: Passport, changes: Partial<PassportQuestion> = {}): Finding[] {
  return verifyPassport(
    {
      passport,
      logKey: { ...story.log, algorithm: 'ed25519' },
      manufacturerRoot: certificates['manufacturer-root'],
      at: Date.UTC(2027, 0, 1) / 1000,
      nonce: story.nonce,
      witnesses: [{ ...story.witness, algorithm: 'cosignature' }],
      ...changes,
    },
    crypto,
  )
}

/** The checks with this verdict, in their order. */
function those(findings: readonly Finding[], verdict: Finding['verdict']): PassportCheck[] {
  return findings.filter((finding) => finding.verdict === verdict).map(({ check }) => check)
}

function withEntry(
  passport: Passport,
  index: number,
  change: Partial<Passport['entries'][number]>,
): Passport {
  return {
    ...passport,
    entries: passport.entries.map((one, i) => (i === index ? { ...one, ...change } : one)),
  }
}

test('[X1a] a complete passport is verified in every check', () => {
  const findings = ask(good)
  assert.deepEqual(those(findings, 'verified'), checkNames)
  assert.ok(passportHolds(findings))
})

test('the identity key can sign the head', () => {
  const findings = ask(
    story.passport({ witness: story.witness, head: story.head(story.entries, 'identity') }),
  )
  assert.deepEqual(those(findings, 'verified'), checkNames)
})

test('what was not given is unverified, never verified', () => {
  const { checkpoint: _, head: __, start: ___, ...bare } = good
  const passport: Passport = {
    ...bare,
    chain: [],
    parties: good.parties.map(() => ({ point: keys.operator.publicPoint })),
    entries: good.entries.map(({ document, party }) => ({ document, party })),
  }
  const {
    nonce: _n,
    witnesses: _w,
    ...question
  } = {
    passport,
    logKey: { ...story.log, algorithm: 'ed25519' },
    manufacturerRoot: certificates['manufacturer-root'],
    at: Date.UTC(2027, 0, 1) / 1000,
    nonce: undefined,
    witnesses: undefined,
  } as const
  const findings = verifyPassport(question, crypto)
  assert.deepEqual(those(findings, 'verified'), ['entries-readable', 'entries-complete', 'entries-linked'])
  assert.deepEqual(those(findings, 'failed'), ['party-signatures'])
  const unverified = those(verifyPassport({ ...question, passport: good }, crypto), 'unverified')
  assert.deepEqual(unverified, ['log-witnesses', 'head-fresh'])
})

test('[X1g] an entry left out fails', () => {
  for (let index = 0; index < good.entries.length - 1; index++) {
    const findings = ask({ ...good, entries: good.entries.filter((_, i) => i !== index) })
    assert.ok(those(findings, 'failed').includes('entries-complete'), `entry ${index + 1}`)
  }
})

test('[X1g] an entry left out fails though its party numbered and signed the rest anew', () => {
  const kept = story.entries.filter((_, i) => i !== 4)
  const signers = story.signers.filter((_, i) => i !== 4)
  const passport = story.passport({
    entries: story.linked(kept),
    signers,
    head: story.head(story.entries),
    witness: story.witness,
  })
  assert.deepEqual(those(ask(passport), 'failed'), ['head-matches'])
})

test('[X1i] a cut tail fails', () => {
  for (const length of [1, good.entries.length - 1]) {
    const findings = ask({ ...good, entries: good.entries.slice(0, length) })
    assert.ok(those(findings, 'failed').includes('head-matches'), `${length} entries`)
  }
})

test('[X1i] a tail cut together with the head is shown by the nonce', () => {
  const entries = story.entries.slice(0, -1)
  const older = { ...story.head(entries), nonce: ascii('nonce of before.') }
  const passport = story.passport({ entries, head: older, witness: story.witness })
  const failed = those(ask(passport), 'failed')
  assert.ok(failed.includes('head-fresh'))
})

test('[X1h] a passport of a foreign log fails', () => {
  const foreign = noteSigner(story.log.name, new Uint8Array(32).fill(5), crypto)
  const failed = those(ask(story.passport({ log: foreign, witness: story.witness })), 'failed')
  assert.deepEqual(failed, ['log-checkpoint'])
  const renamed = noteSigner('log.example/foreign', new Uint8Array(32).fill(5), crypto)
  assert.ok(those(ask(story.passport({ log: renamed })), 'failed').includes('log-checkpoint'))
})

test('[X1j] a log that its owner signed anew without other entries is shown by the witness', () => {
  const rewritten = story.passport({ others: 'something else' })
  assert.deepEqual(those(ask(rewritten), 'failed'), ['log-witnesses'])
  // Without a witness nobody can tell: it is said.
  assert.ok(those(ask(rewritten, { witnesses: [] }), 'unverified').includes('log-witnesses'))
  const cosigned = story.passport({ others: 'something else', witness: story.witness })
  const mixed = { ...rewritten, checkpoint: good.checkpoint! }
  assert.deepEqual(those(ask(mixed), 'failed'), ['log-inclusion'])
  assert.deepEqual(those(ask({ ...good, checkpoint: cosigned.checkpoint! }), 'failed'), ['log-inclusion'])
})

test("[X1j] a log that its owner signed anew with another history is shown by the module's head", () => {
  const changed = story.entries.map((entry, i) =>
    i === 4 ? { ...entry, digest: new Uint8Array(32) } : entry,
  )
  const passport = story.passport({
    entries: story.linked(changed),
    head: story.head(story.entries),
    witness: story.witness,
  })
  assert.deepEqual(those(ask(passport), 'failed'), ['head-matches'])
})

const another = story.linked(story.entries.map((entry) => ({ ...entry, serial: new Uint8Array(8) })))
const swapped = [...good.entries.slice(0, 2), good.entries[3]!, good.entries[2]!, ...good.entries.slice(4)]
const otherPki = testOnlyPki(crypto, 'b')

/** A passport broken in one way, and the checks that must fail. */
const broken: [string, PassportCheck[], Passport, Partial<PassportQuestion>?][] = [
  ['no entries', ['entries-readable'], { ...good, entries: [] }],
  ['an entry that cannot be read', ['entries-readable'], withEntry(good, 2, { document: ascii('entry') })],
  [
    'a receipt in place of an entry',
    ['entries-readable'],
    withEntry(good, 2, {
      document: signDocument('receipt', entryFields(story.entries[2]!), keys.manufacturer, crypto),
    }),
  ],
  [
    "another module's entries",
    ['entries-complete', 'head-matches'],
    {
      ...story.passport({ entries: another, witness: story.witness, head: story.head(story.entries) }),
      start: good.start!,
    },
  ],
  ['entries in another order', ['entries-complete', 'entries-linked'], { ...good, entries: swapped }],
  ['another start', ['start'], { ...good, start: { ...story.start, romDigest: new Uint8Array(32) } }],
  ['an entry under the key of another party', ['party-signatures'], withEntry(good, 1, { party: 0 })],
  [
    'a party of another manufacturer under the same names',
    ['party-signatures'],
    {
      ...good,
      parties: good.parties.map((party, i) =>
        i === 0 ? { chain: [otherPki.certificates.mounter.encoded] } : party,
      ),
    },
  ],
  [
    'a party with a certificate that is none',
    ['party-signatures', 'party-certificates'],
    {
      ...good,
      parties: good.parties.map((party, i) => (i === 0 ? { chain: [ascii('certificate')] } : party)),
    },
  ],
  [
    'a party key that is no point',
    ['party-signatures'],
    {
      ...good,
      parties: good.parties.map((party, i) => (i === 0 ? { point: new Uint8Array(65).fill(4) } : party)),
    },
  ],
  [
    'an entry from before its certificate was valid',
    ['party-certificates'],
    story.passport({
      entries: story.entries.map((entry, i) => (i === 1 ? { ...entry, at: 1000 } : entry)),
      witness: story.witness,
    }),
  ],
  [
    'a checkpoint that cannot be read',
    ['log-checkpoint', 'log-inclusion', 'log-witnesses'],
    { ...good, checkpoint: 'checkpoint' },
  ],
  [
    'a proof of another place',
    ['log-inclusion'],
    withEntry(good, 1, { inclusion: { ...good.entries[1]!.inclusion!, index: 0 } }),
  ],
  [
    'a proof of another entry',
    ['log-inclusion'],
    withEntry(good, 1, { inclusion: good.entries[2]!.inclusion! }),
  ],
  [
    'certificates of the other key',
    ['head-certificate', 'head-signature', 'certificate-recorded'],
    { ...good, chain: [certificates['module-identity'].encoded] },
  ],
  ['no certificates', ['head-certificate'], { ...good, chain: [] }],
  ['certificates that are none', ['head-certificate'], { ...good, chain: [ascii('certificate')] }],
  [
    'a module of another manufacturer',
    ['head-certificate', 'head-signature', 'certificate-recorded'],
    {
      ...good,
      chain: [otherPki.certificates['module-operating'].encoded, otherPki.certificates.unit.encoded],
    },
  ],
  [
    'a head with a changed signature',
    ['head-signature'],
    { ...good, head: { ...good.head!, signature: new Uint8Array(64).fill(1) } },
  ],
  [
    'a head of a higher number',
    ['head-signature', 'head-matches'],
    { ...good, head: { ...good.head!, number: 8 } },
  ],
  [
    'a head of number zero',
    ['head-signature', 'head-matches'],
    { ...good, head: { ...good.head!, number: 0 } },
  ],
  [
    'a head with another chain',
    ['head-signature', 'head-matches'],
    { ...good, head: { ...good.head!, chain: new Uint8Array(32) } },
  ],
  ['a head for another nonce', ['head-fresh'], good, { nonce: new Uint8Array(16) }],
  ['a head of a module whose certificate has ended', ['head-certificate'], good, { at: 0 }],
  [
    'another manufacturer as root',
    ['head-certificate'],
    good,
    { manufacturerRoot: otherPki.certificates['manufacturer-root'] },
  ],
  [
    'a witness that did not cosign',
    ['log-witnesses'],
    good,
    {
      witnesses: [
        { ...noteSigner('witness.example/w2', new Uint8Array(32), crypto), algorithm: 'cosignature' },
      ],
    },
  ],
  [
    'a passport under another serial number',
    ['entries-complete', 'head-certificate', 'head-signature'],
    { ...good, serial: new Uint8Array(8) },
  ],
]

for (const [what, checks, passport, question] of broken) {
  test(`a passport with ${what} fails`, () => {
    const failed = those(ask(passport, question), 'failed')
    assert.deepEqual(failed, checks)
  })
}

test('every check has a passport that fails it, but for the one that never fails', () => {
  const shown = new Set(broken.flatMap(([, checks]) => checks))
  for (const check of checkNames) assert.equal(shown.has(check), check !== 'party-roles', check)
})

test('a step stated by a party whose step it is not is unverified', () => {
  const signers = story.signers.map((role, i) => (i === 4 ? ('loader' as const) : role))
  const entries = story.entries.map((entry, i) => (i === 4 ? { ...entry, party: 'Example loader' } : entry))
  const findings = ask(story.passport({ entries, signers, witness: story.witness }))
  assert.deepEqual(those(findings, 'unverified'), ['party-roles'])
  assert.match(
    findings.find(({ check }) => check === 'party-roles')!.explanation,
    /entry 5 \(finished\).*loader/,
  )
})

test('parties under further roots are verified when the roots are given', () => {
  const signers = story.signers.map((role, i) => (i === 6 ? ('operator' as const) : role))
  const entries = story.entries.map((entry, i) =>
    i === 6 ? { ...entry, party: 'Example operator', type: eventTypes['resource-reserved'].code } : entry,
  )
  const passport = story.passport({ entries, signers, witness: story.witness })
  assert.deepEqual(those(ask(passport), 'unverified'), ['party-certificates', 'party-roles'])
  assert.deepEqual(those(ask(passport, { partyRoots: [certificates.authority] }), 'verified'), checkNames)
})

test('an entry that is not in the log yet is unverified', () => {
  const { inclusion: _, ...queued } = good.entries[6]!
  const passport = { ...good, entries: [...good.entries.slice(0, 6), queued] }
  assert.deepEqual(those(ask(passport), 'unverified'), ['log-inclusion'])
})

test('a head that is older than the last entries leaves them unverified', () => {
  const passport = { ...good, head: story.head(story.entries.slice(0, 6)) }
  assert.deepEqual(those(ask(passport), 'unverified'), ['head-matches'])
})

test('an operating certificate counts until the module is depersonalized', () => {
  const more = (type: EventType, digest: Uint8Array): LogEntry => ({
    ...story.entries[6]!,
    type: eventTypes[type].code,
    digest,
    party: 'Example unit',
  })
  const entries = story.linked([...story.entries, more('depersonalized', new Uint8Array(32))])
  const passport = story.passport({ entries, signers: [...story.signers, 'unit'], witness: story.witness })
  assert.deepEqual(those(ask(passport), 'unverified'), ['certificate-recorded'])
})

test('a party that signs under another name than its certificate has is unverified', () => {
  const entries = story.entries.map((entry, i) => (i === 1 ? { ...entry, party: 'Somebody' } : entry))
  const findings = ask(story.passport({ entries, witness: story.witness }))
  assert.deepEqual(those(findings, 'unverified'), ['party-certificates', 'party-roles'])
})

test('names from a passport reach the reader without control characters', () => {
  const entries = story.entries.map((entry, i) =>
    i === 1 ? { ...entry, party: '\u001b[31mred\u202e' } : entry,
  )
  const passport = story.passport({ entries, witness: story.witness })
  const { explanation } = ask(passport).find(({ check }) => check === 'party-certificates')!
  assert.equal(explanation, ' [31mred  signs as Example issuer')
})

test('a passport comes back from its bytes, and no prefix or longer string is one', () => {
  const { head: _, start: __, checkpoint: ___, ...bare } = good
  const mixed = { ...good, parties: [...good.parties, { point: keys.operator.publicPoint }] }
  for (const passport of [good, bare, mixed, withoutProof(good)]) {
    const bytes = serializePassport(passport)
    assert.deepEqual(parsePassport(bytes), passport)
    assert.deepEqual(serializePassport(parsePassport(bytes)), bytes)
    for (let length = 0; length < bytes.length; length += 17) {
      assert.throws(() => parsePassport(bytes.subarray(0, length)), DecodeError)
    }
    assert.throws(() => parsePassport(bytes.subarray(0, -1)), DecodeError)
    assert.throws(() => parsePassport(concat(bytes, Uint8Array.of(0))), DecodeError)
  }
  assert.throws(() => serializePassport(withEntry(good, 0, { party: 99 })), UsageError)
})

function withoutProof(passport: Passport): Passport {
  return { ...passport, entries: passport.entries.map(({ document, party }) => ({ document, party })) }
}

test('passports of other forms are refused', () => {
  const fields = decodeCanonical(serializePassport(good)) as Map<string, never>
  const changed = (changes: Record<string, unknown>): Uint8Array =>
    encodeCanonical(new Map([...fields, ...Object.entries(changes)]) as never)
  assert.deepEqual(parsePassport(changed({})), good)
  const entry = { document: new Uint8Array(1), party: 0 }
  for (const changes of [
    { v: 2 },
    { format: 'passport' },
    { more: 1 },
    { serial: new Uint8Array(7) },
    { start: [new Uint8Array(32)] },
    { start: [new Uint8Array(32), new Uint8Array(31)] },
    { parties: [{}] },
    { parties: [{ chain: [] }] },
    { parties: [{ point: new Uint8Array(64) }] },
    { parties: [{ point: keys.operator.publicPoint, chain: [] }] },
    { entries: [{ ...entry, party: 99 }] },
    { entries: [{ ...entry, index: 1 }] },
    { entries: [{ ...entry, proof: [] }] },
    { entries: [{ ...entry, index: 1, proof: [new Uint8Array(31)] }] },
    { entries: [1] },
    { checkpoint: 1 },
    { chain: [1] },
    { head: { ...good.head, key: 'other' } },
    { head: { ...good.head, more: 1 } },
    { head: { ...good.head, nonce: new Uint8Array(15) } },
  ]) {
    assert.throws(() => parsePassport(changed(changes)), DecodeError, JSON.stringify(Object.keys(changes)))
  }
})

test('an entry comes back from its document', () => {
  const entry = {
    ...story.entries[0]!,
    details: new Map<string, string | number | Uint8Array>([
      ['document', new Uint8Array(32)],
      ['id', 'x'],
      ['n', 7],
    ]),
  }
  assert.deepEqual(parseEntry(parseDocument(story.sign(entry, 'unit'))), entry)
  const signed = (changes: object): Uint8Array =>
    signDocument('entry', { ...entryFields(entry), ...changes }, keys.unit, crypto)
  for (const changes of [
    { number: 0 },
    { type: 256 },
    { digest: new Uint8Array(31) },
    { party: 7 },
    { at: -1 },
    { details: [] },
    { details: new Map([[1, 'x']]) },
    { details: { a: [1] } },
    { more: 1 },
  ]) {
    assert.throws(() => parseEntry(parseDocument(signed(changes))), DecodeError, JSON.stringify(changes))
  }
  assert.throws(() => entryFields({ ...entry, serial: new Uint8Array(7) }), UsageError)
})

test('the event chain is made of the labelled bytes that the catalog names', () => {
  const { serial, number, previous, type, digest } = story.entries[1]!
  const bytes = concat(ascii('EVT1'), previous, serial, Uint8Array.of(0, 0, 0, number, type), digest)
  assert.deepEqual(linkOfEntry(story.entries[1]!, crypto), crypto.sha256(bytes))
  assert.deepEqual(
    chainStart(crypto, story.start.romDigest, story.start.imageDigest),
    crypto.sha256(concat(ascii('EVT0'), story.start.romDigest, story.start.imageDigest)),
  )
})

test('every event names its parties by roles, but for the terminal, and no code stands twice', () => {
  const rows = Object.values(eventTypes)
  assert.equal(new Set(rows.map(({ code }) => code)).size, rows.length)
  for (const { by } of rows) {
    assert.ok(by.length > 0)
    for (const role of by) assert.ok(role in roles || role === 'terminal')
  }
})
