import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { concat, decodeHex, encodeHex } from '../bytes/index.ts'
import { type ApprovableAction, approvableActions } from '../catalog/index.ts'
import { documentKeyId, encodeCanonical, parseDocument, signDocument } from '../cbor/index.ts'
import { portableCrypto as crypto, privateScalar } from '../crypto/index.ts'
import { AuthError, DecodeError, UsageError } from '../errors/index.ts'
import type { EcPrivateKey } from '../ports/index.ts'
import { scriptedEntropy } from '../testing/index.ts'
import {
  type Approval,
  type ApprovalExpectation,
  type ApprovalReason,
  type ApprovalRequest,
  approvalReasons,
  checkApprovals,
  checkRoster,
  isPersonId,
  type Matter,
  matterWords,
  mostPersons,
  openEnrolmentRequest,
  type Person,
  parseApproval,
  parseApprovalRequest,
  parseEnrolmentRequest,
  parseRoster,
  personOfKey,
  prepareApproval,
  prepareEnrolmentRequest,
  type Roster,
  readsAs,
  rosterReasons,
  sameMatter,
  serializeApprovalRequest,
} from './index.ts'
import { testOnlyPeople } from './testing/index.ts'

const at = 1_800_000_000
const { keys, roster, central, signRoster, approve } = testOnlyPeople(crypto, at - 1000)
const entropy = scriptedEntropy('people')

const matter = {
  action: 'personalize',
  object: {
    module: decodeHex('0102030405060708'),
    customer: new Uint8Array(16).fill(0xc1),
    central: crypto.sha256(central.publicPoint),
  },
} as const satisfies Matter

const request: ApprovalRequest = {
  matter,
  actor: new Uint8Array(16).fill(0xa1),
  nonce: new Uint8Array(16).fill(0x99),
  until: at + 3600,
}

const matters: readonly Matter[] = [
  matter,
  { action: 'terminate', object: { module: matter.object.module } },
  {
    action: 'export-transport-key',
    object: { loader: decodeHex('1112131415161718'), set: 7, module: matter.object.module },
  },
]

const expected = { roster, matter, actor: request.actor, nonce: request.nonce, at }
const asked = approve(keys.anna, request)
const approved = approve(keys.berta, request, keys.anna)

/** Every prefix and one extra byte are refused. */
function refusesOtherLengths(bytes: Uint8Array, parse: (bytes: Uint8Array) => unknown): void {
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => parse(bytes.subarray(0, length)), DecodeError, `${length} bytes`)
  }
  assert.throws(() => parse(concat(bytes, Uint8Array.of(0))), DecodeError)
}

function reasonOf(
  documents: readonly Uint8Array[],
  changes: Partial<ApprovalExpectation> = {},
): ApprovalReason | 'ok' {
  const result = checkApprovals(documents, { ...expected, ...changes }, crypto)
  if (result.ok) return 'ok'
  assert.equal(result.text, approvalReasons[result.reason])
  return result.reason
}

suite('matter', () => {
  test('every action comes back as it was written, and is told in words with each field', () => {
    assert.deepEqual(
      matters.map(({ action }) => action),
      Object.keys(approvableActions),
    )
    for (const one of matters) {
      const bytes = serializeApprovalRequest({ ...request, matter: one })
      assert.deepEqual(parseApprovalRequest(bytes).matter, one)
      const words = matterWords(one).map(([, text]) => text)
      assert.match(words[0]!, new RegExp(`^${one.action}: `))
      for (const value of Object.values(one.object)) {
        assert.ok(words.includes(typeof value === 'number' ? String(value) : encodeHex(value)))
      }
      for (const other of matters) assert.equal(sameMatter(one, other), one === other)
    }
  })

  test('an object of another shape is refused, in either direction', () => {
    const { module, customer, central: hash } = matter.object
    const wrong: [string, object][] = [
      ['personalize', { module, customer }],
      ['personalize', { module, customer, central: hash.subarray(1) }],
      ['personalize', { module, customer, central: hash, set: 1 }],
      ['terminate', {}],
      ['terminate', { module: 'anna' }],
      ['export-transport-key', { loader: module, set: 0, module }],
      ['export-transport-key', { loader: module, set: 256, module }],
    ]
    for (const [action, object] of wrong) {
      const forged = { action: action as ApprovableAction, object } as unknown as Matter
      assert.throws(() => serializeApprovalRequest({ ...request, matter: forged }), UsageError)
      const { actor, nonce, until } = request
      const bytes = encodeCanonical({
        v: 1,
        format: 'sealwright approval request',
        action,
        object: object as Record<string, Uint8Array>,
        actor,
        nonce,
        until,
      })
      assert.throws(() => parseApprovalRequest(bytes), DecodeError)
    }
    const unknown = encodeCanonical({
      v: 1,
      format: 'sealwright approval request',
      action: 'sign-anything',
      object: { module },
      actor: request.actor,
      nonce: request.nonce,
      until: 1,
    })
    assert.throws(() => parseApprovalRequest(unknown), DecodeError)
  })
})

suite('approvals as documents', () => {
  test('[R9a] an approval comes back with action, object, actor, nonce and end, signed by its person', () => {
    const { approval, signed } = parseApproval(approved)
    assert.deepEqual(approval, { ...request, requester: documentKeyId(keys.anna.publicPoint, crypto) })
    assert.deepEqual(signed.keyId, documentKeyId(keys.berta.publicPoint, crypto))
    const again = prepareApproval(approval, keys.berta.publicPoint, crypto)
    assert.deepEqual(again.finish(signed.signature), approved)
  })

  test('prefixes and extra bytes are refused, of requests too', () => {
    refusesOtherLengths(approved, parseApproval)
    refusesOtherLengths(serializeApprovalRequest(request), parseApprovalRequest)
  })

  test('whatever parses serializes to the same bytes', () => {
    const arbitrary = fc.record({
      matter: fc.constantFrom(...matters),
      actor: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      nonce: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      until: fc.nat(0xffff_ffff),
    })
    fc.assert(
      fc.property(arbitrary, (value) => {
        const bytes = serializeApprovalRequest(value)
        assert.deepEqual(serializeApprovalRequest(parseApprovalRequest(bytes)), bytes)
      }),
      { numRuns: 50 },
    )
  })

  test('fields of other lengths, and times behind four bytes, are refused before anything is signed', () => {
    const requester = new Uint8Array(16)
    for (const changes of [
      { actor: new Uint8Array(15) },
      { nonce: new Uint8Array(17) },
      { requester: new Uint8Array(0) },
      { until: 2 ** 32 },
      { until: -1 },
      { until: 1.5 },
    ]) {
      const approval: Approval = { ...request, requester, ...changes }
      assert.throws(() => prepareApproval(approval, keys.anna.publicPoint, crypto), UsageError)
    }
  })

  test('the first and the last second of four bytes, and the first and last set, are written and read', () => {
    const { module } = matter.object
    for (const [until, set] of [
      [0, 1],
      [0xffff_ffff, 0xff],
    ] as const) {
      const edge = { action: 'export-transport-key', object: { loader: module, set, module } } as const
      const bytes = serializeApprovalRequest({ ...request, matter: edge, until })
      assert.deepEqual(parseApprovalRequest(bytes), { ...request, matter: edge, until })
    }
  })

  test('a document of the same fields under another name is none', () => {
    const { payload } = parseDocument(approved)
    const fields = Object.fromEntries([...payload].filter(([key]) => key !== 'v')) as Parameters<
      typeof signDocument
    >[1]
    assert.throws(() => parseApproval(signDocument('order', fields, keys.berta, crypto)), DecodeError)
    const { number, issued, until, persons } = roster
    const list = { number, issued, until, persons: persons.map((person) => ({ ...person })) }
    assert.throws(() => parseRoster(signDocument('order', list, central, crypto)), DecodeError)
    const input = { id: 'anna', point: keys.anna.publicPoint }
    assert.throws(() => parseEnrolmentRequest(signDocument('order', input, keys.anna, crypto)), DecodeError)
  })

  test('an unknown field is refused', () => {
    const { payload } = parseDocument(approved)
    const fields = Object.fromEntries([...payload].filter(([key]) => key !== 'v')) as Parameters<
      typeof signDocument
    >[1]
    parseApproval(signDocument('approval', fields, keys.berta, crypto))
    assert.throws(
      () => parseApproval(signDocument('approval', { ...fields, also: 1 }, keys.berta, crypto)),
      DecodeError,
    )
  })
})

suite('checking approvals', () => {
  test('[B17a][R9b] one person asks, another approves: both count, in any order', () => {
    for (const documents of [
      [asked, approved],
      [approved, asked],
    ]) {
      const result = checkApprovals(documents, expected, crypto)
      assert.ok(result.ok)
      assert.deepEqual([result.requester.id, result.approver.id], ['anna', 'berta'])
    }
    // A person with both duties may do either, not both.
    assert.equal(reasonOf([asked, approve(keys.carla, request, keys.anna)]), 'ok')
    assert.equal(reasonOf([approve(keys.carla, request), approve(keys.berta, request, keys.carla)]), 'ok')
  })

  test('[B17b] one alone is refused, and so are none and three', () => {
    for (const documents of [[], [asked], [approved], [asked, approved, approved]]) {
      assert.equal(reasonOf(documents), 'count')
    }
  })

  test('[B17c][R9b] the same one twice is refused: requester is not approver', () => {
    assert.equal(reasonOf([asked, asked]), 'same-person')
    assert.equal(reasonOf([approved, approved]), 'same-person')
    const carla = approve(keys.carla, request)
    assert.equal(reasonOf([carla, approve(keys.carla, request, keys.carla)]), 'same-person')
    // Naming somebody else as the requester makes no second person of her.
    assert.equal(reasonOf([carla, approve(keys.carla, request, keys.anna)]), 'same-person')
  })

  test('[B17c] one key under two names is one person, and so are a key and its negative', () => {
    const anna = roster.persons[0]!
    const twin: Person = { ...anna, id: 'annabel', duties: ['approve'] }
    assert.throws(() => signRoster({ persons: [...roster.persons, twin] }), UsageError)
    const negative: Person = { ...twin, point: negated(anna.point) }
    assert.throws(() => signRoster({ persons: [...roster.persons, negative] }), UsageError)
    // Even in a roster that no parser would have let through.
    const scalar = crypto.sha256(new TextEncoder().encode('testOnly person anna'))
    const other = crypto.ecPrivateKey(negatedScalar(scalar))
    assert.deepEqual(other.publicPoint, negative.point)
    const forged: Roster = { ...roster, persons: [anna, negative] }
    assert.equal(reasonOf([asked, approve(other, request, keys.anna)], { roster: forged }), 'same-person')
  })

  test('[B17d] approvals for other data are refused, whichever of the two they are', () => {
    const { object } = matter
    const others: readonly Matter[] = [
      { action: 'personalize', object: { ...object, module: decodeHex('0102030405060709') } },
      { action: 'personalize', object: { ...object, customer: new Uint8Array(16) } },
      { action: 'personalize', object: { ...object, central: new Uint8Array(32) } },
      ...matters.slice(1),
    ]
    for (const other of others) {
      const changed = { ...request, matter: other }
      assert.equal(reasonOf([approve(keys.anna, changed), approved]), 'matter')
      assert.equal(reasonOf([asked, approve(keys.berta, changed, keys.anna)]), 'matter')
      assert.equal(reasonOf([asked, approved], { matter: other }), 'matter')
    }
  })

  test('an approval that was given to one card is refused at another, and in another run of the same', () => {
    assert.equal(reasonOf([asked, approved], { actor: new Uint8Array(16) }), 'actor')
    assert.equal(reasonOf([asked, approved], { nonce: new Uint8Array(16) }), 'nonce')
    const elsewhere = { ...request, actor: new Uint8Array(16) }
    assert.equal(reasonOf([asked, approve(keys.berta, elsewhere, keys.anna)]), 'actor')
    const earlier = { ...request, nonce: new Uint8Array(16).fill(1) }
    assert.equal(reasonOf([approve(keys.anna, earlier), approved]), 'nonce')
  })

  test('an approval ends, and so does the roster; the last second of both counts', () => {
    assert.equal(reasonOf([asked, approved], { at: request.until }), 'ok')
    assert.equal(reasonOf([asked, approved], { at: request.until + 1 }), 'ended')
    assert.equal(reasonOf([asked, approved], { roster: { ...roster, until: at } }), 'ok')
    assert.equal(reasonOf([asked, approved], { roster: { ...roster, until: at - 1 } }), 'roster-ended')
  })

  test('persons who are not enrolled, revoked, or enrolled for something else do not count', () => {
    const with_ = (by: EcPrivateKey): ApprovalReason | 'ok' =>
      reasonOf([asked, approve(by, request, keys.anna)])
    assert.equal(with_(keys.stranger), 'not-enrolled')
    assert.equal(with_(keys.emil), 'revoked')
    assert.equal(with_(keys.dora), 'action')
    assert.equal(reasonOf([approve(keys.berta, request), approve(keys.carla, request, keys.berta)]), 'duty')
    assert.equal(reasonOf([approve(keys.carla, request), approve(keys.anna, request, keys.carla)]), 'duty')
  })

  test('the approver approves what this requester asked for, and somebody has to ask', () => {
    const ofCarla = approve(keys.berta, request, keys.carla)
    assert.equal(reasonOf([asked, ofCarla]), 'requester')
    assert.equal(reasonOf([asked, approve(keys.carla, request)]), 'requester')
    assert.equal(reasonOf([approved, approve(keys.carla, request, keys.anna)]), 'no-request')
  })

  test('bytes of all kinds are refused and never thrown: every bit of an approval changed', () => {
    for (const bytes of [new Uint8Array(0), asked.subarray(1), signRoster(), approved.subarray(0, -1)]) {
      assert.equal(reasonOf([asked, bytes]), 'malformed')
    }
    for (let bit = 0; bit < approved.length * 8; bit += 7) {
      const changed = approved.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      assert.notEqual(reasonOf([asked, changed]), 'ok', `bit ${bit}`)
    }
  })

  test("somebody else's signature under a person's key id is refused", () => {
    const unsigned = prepareApproval(parseApproval(approved).approval, keys.berta.publicPoint, crypto)
    const forged = unsigned.finish(keys.stranger.sign(unsigned.toBeSigned))
    assert.equal(reasonOf([asked, forged]), 'signature')
  })
})

suite('rosters', () => {
  const bytes = signRoster()
  const known = { issuerPoint: central.publicPoint, at }
  const reason = (document: Uint8Array, changes: object = {}): string => {
    const result = checkRoster(document, { ...known, ...changes }, crypto)
    if (result.ok) return 'ok'
    assert.equal(result.text, rosterReasons[result.reason])
    return result.reason
  }

  test('a roster comes back as it was written, persons sorted', () => {
    assert.deepEqual(parseRoster(bytes).roster, roster)
    assert.deepEqual(parseRoster(signRoster({ persons: [...roster.persons].reverse() })).roster, roster)
    refusesOtherLengths(bytes, parseRoster)
    const shortest = { number: 1, issued: 0, until: 0, persons: [{ ...roster.persons[0]!, revoked: 0 }] }
    assert.deepEqual(parseRoster(signRoster(shortest)).roster, shortest)
    const empty = signRoster({ persons: [] })
    assert.deepEqual(parseRoster(empty).roster.persons, [])
  })

  test('what a writer refuses a reader refuses too', () => {
    const [anna, berta] = roster.persons as [Person, Person]
    const wrong: Partial<Roster>[] = [
      { number: 0 },
      { until: roster.issued - 1 },
      { persons: [anna, { ...berta, id: 'anna' }] },
      { persons: [{ ...anna, id: 'Anna' }] },
      { persons: [{ ...anna, duties: [] }] },
      { persons: [{ ...anna, actions: [] }] },
      { persons: [{ ...anna, duties: ['approve', 'request'] }] },
      { persons: [{ ...anna, duties: ['request', 'request'] }] },
      { persons: [{ ...anna, actions: ['sign'] as never }] },
      { persons: [{ ...anna, point: anna.point.with(0, 2) }] },
      { persons: [{ ...anna, revoked: 2 ** 32 }] },
      { persons: [{ ...anna, duties: [1] as never }] },
      { number: 2 ** 32 },
      { persons: [anna, { ...berta, point: anna.point }] },
      { persons: [anna, { ...berta, point: negated(anna.point) }] },
      { persons: crowd(mostPersons + 1) },
    ]
    for (const changes of wrong) {
      assert.throws(() => signRoster(changes), UsageError)
      const { number, issued, until, persons } = { ...roster, ...changes }
      const fields = { number, issued, until, persons: persons.map((person) => ({ ...person })) }
      assert.throws(() => parseRoster(signDocument('roster', fields, central, crypto)), DecodeError)
    }
    const unsorted = { ...roster, persons: [berta, anna].map((person) => ({ ...person })) }
    assert.throws(() => parseRoster(signDocument('roster', unsorted, central, crypto)), DecodeError)
    parseRoster(signRoster({ persons: crowd(mostPersons) }))
  })

  test('only the central system that is known here issues one, and it ends', () => {
    assert.equal(reason(bytes), 'ok')
    assert.equal(reason(signRoster({}, keys.anna)), 'issuer')
    assert.equal(reason(bytes, { issuerPoint: keys.anna.publicPoint }), 'issuer')
    assert.equal(reason(bytes, { issuerPoint: central.publicPoint.with(64, 1) }), 'issuer')
    assert.equal(reason(bytes, { at: roster.until }), 'ok')
    assert.equal(reason(bytes, { at: roster.until + 1 }), 'expired')
    assert.equal(reason(asked), 'malformed')
  })

  test('its number only rises: an earlier one does not bring a revoked person back', () => {
    const last = { number: roster.number, digest: crypto.sha256(bytes) }
    assert.equal(reason(bytes, { last }), 'ok')
    assert.equal(reason(signRoster({ number: 4 }), { last }), 'ok')
    assert.equal(reason(signRoster({ number: 2 }), { last }), 'older')
    assert.equal(reason(signRoster({ persons: [] }), { last }), 'differs')
  })

  test('a person is found by the key id, revoked or not', () => {
    const id = (key: EcPrivateKey): Uint8Array => documentKeyId(key.publicPoint, crypto)
    assert.equal(personOfKey(roster, id(keys.emil), crypto)?.id, 'emil')
    assert.equal(personOfKey(roster, id(keys.stranger), crypto), undefined)
  })

  function crowd(count: number): Person[] {
    return Array.from({ length: count }, (_, i) => ({
      ...roster.persons[0]!,
      id: `p${String(i).padStart(3, '0')}`,
      point: crypto.ecPrivateKey(privateScalar(crypto, entropy.bytes(48))).publicPoint,
    }))
  }
})

suite('name tags', () => {
  test('nothing but lower-case ASCII letters, digits, dot, hyphen and underscore is a name tag', () => {
    for (const id of ['a', 'anna', 'a.b-c_d', '0x', 'a'.repeat(32)]) assert.ok(isPersonId(id), id)
    const lookAlikes = ['аnna', 'anna\u200b', 'ａnna', 'annä', 'ann\u0061\u0308', 'anna\u00ad', 'ꭺnna', 'ⅰan']
    for (const id of ['', 'Anna', ' anna', 'anna ', 'anna\n', '-anna', '.a', 'a'.repeat(33), ...lookAlikes]) {
      assert.equal(isPersonId(id), false, JSON.stringify(id))
      assert.throws(() => prepareEnrolmentRequest({ id, point: keys.anna.publicPoint }, crypto), UsageError)
      const document = signDocument(
        'enrolment-request',
        { id: id.startsWith('\ufeff') ? 'x' : id, point: keys.anna.publicPoint },
        keys.anna,
        crypto,
      )
      assert.throws(() => openEnrolmentRequest(document, crypto), DecodeError)
    }
  })

  test('tags that read alike are known as such', () => {
    for (const [a, b] of [
      ['anna1', 'annal'],
      ['b0b', 'bob'],
      ['an.na', 'anna'],
      ['amna', 'arnna'],
      ['w', 'vv'],
      ['i', 'l'],
      ['5am', 'sam'],
    ] as const) {
      assert.equal(readsAs(a), readsAs(b))
    }
    assert.notEqual(readsAs('anna'), readsAs('anne'))
  })
})

suite('requests for enrolment', () => {
  const unsigned = prepareEnrolmentRequest({ id: 'anna', point: keys.anna.publicPoint }, crypto)
  const bytes = unsigned.finish(keys.anna.sign(unsigned.toBeSigned))

  test('a request shows that its sender has the key', () => {
    assert.deepEqual(openEnrolmentRequest(bytes, crypto), { id: 'anna', point: keys.anna.publicPoint })
    const fields = { id: 'anna', point: keys.berta.publicPoint }
    assert.throws(
      () => openEnrolmentRequest(signDocument('enrolment-request', fields, keys.anna, crypto), crypto),
      AuthError,
    )
    assert.throws(
      () => openEnrolmentRequest(unsigned.finish(keys.berta.sign(unsigned.toBeSigned)), crypto),
      AuthError,
    )
  })

  test('prefixes, extra bytes and other documents are refused', () => {
    refusesOtherLengths(bytes, parseEnrolmentRequest)
    assert.throws(() => openEnrolmentRequest(asked, crypto), DecodeError)
  })
})

/** The point of the negative private key: Y is p − Y. */
function negated(point: Uint8Array): Uint8Array {
  const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
  return concat(point.subarray(0, 33), number32(p - big(point.subarray(33))))
}

function negatedScalar(scalar: Uint8Array): Uint8Array {
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  return number32(n - (big(scalar) % n))
}

function big(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(bytes)}`)
}

function number32(value: bigint): Uint8Array {
  return decodeHex(value.toString(16).padStart(64, '0'))
}
