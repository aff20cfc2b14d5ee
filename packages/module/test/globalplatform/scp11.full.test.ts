import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, decodeHex } from '@sealwright/core/bytes'
import { issueGpCertificate, parseOceCertificate } from '@sealwright/core/globalplatform'
import { fixtureKey } from '../../src/testing/index.ts'
import { type Card, crypto, hex, sw } from './card.ts'
import { ownSet, realCard } from './fixture.ts'
import {
  certificatesOf,
  deleteKeys,
  generateKey,
  keyTemplate,
  publicField,
  putKey,
  putSet,
  setStatus,
  storeAllowList,
  storeData,
  tlv,
} from './management.ts'
import {
  type AgreementOptions,
  agreementRequest,
  bundled,
  openScp11,
  type Party,
  party,
  pointIn,
  present,
} from './scp11.ts'
import { openScp03, type Session } from './session.ts'

const root = party('KLOC root', 'ca-kloc')
const middle = party('KLOC below', 'ka-kloc', root)
const host = party('host', 'oce', middle)
const direct = party('host of the root', 'oce', root)
const chain = [middle.certificate, host.certificate]
const list = '80F28002024F0000'
const keyInformation = '80CA00E000'

interface World {
  readonly card: Card
  /** PK.SD.ECKA by key identifier. */
  readonly points: ReadonlyMap<number, Uint8Array>
}

/** A card with keys 11/03 and 15/03, made in it, and the CA key 10/03. */
function world(): World {
  const card = realCard()
  const session = openScp03(card, { keys: ownSet })
  assert.equal(sw(putKey(session, { id: 0x10 }, 3, publicField(root.key.publicPoint))), '9000')
  const points = new Map<number, Uint8Array>()
  for (const id of [0x11, 0x15]) {
    const { data } = generateKey(session, id, 3)
    points.set(id, data.subarray(2))
  }
  card.select()
  points.set(0x13, pointIn(bundled(certificatesOf(card, 0x13, 1).data)[1]!))
  return { card, points }
}

function options({ points }: World, variant: 'a' | 'b' | 'c', who: Party = host): AgreementOptions {
  if (variant === 'b') return { variant, version: 1, cardPoint: points.get(0x13)! }
  const id = variant === 'a' ? 0x11 : 0x15
  return { variant, version: 3, cardPoint: points.get(id)!, own: who.key }
}

function open(w: World, variant: 'a' | 'b' | 'c', more: Partial<AgreementOptions> = {}): Session {
  if (variant !== 'b') assert.equal(sw(present(w.card, chain)), '9000')
  return openScp11(w.card, { ...options(w, variant), ...more })
}

test('SCP11a, b and c open with every key length and usage, with identities and without', () => {
  const w = world()
  const identities = {
    hostId: decodeHex('AABB01'),
    sin: decodeHex('0000000000000001'),
    sdin: decodeHex('0102030405060708'),
  }
  for (const variant of ['a', 'b', 'c'] as const) {
    for (const keyLength of [16, 24, 32] as const) {
      for (const usage of [0x3c, 0x34] as const) {
        const session = open(w, variant, { keyLength, usage })
        assert.equal(sw(session.send(keyInformation)), '9000')
        assert.equal(sw(session.send(list)), variant === 'b' ? '6982' : '9000')
      }
    }
    if (variant !== 'c') assert.equal(sw(open(w, variant, { identities }).send(keyInformation)), '9000')
  }
})

test('identities of another card, or in SCP11c, open nothing', () => {
  const w = world()
  const identities = { hostId: decodeHex('01'), sin: decodeHex('00'), sdin: decodeHex('00') }
  assert.throws(() => open(w, 'b', { identities }), /receipt/)
  w.card.select()
  assert.equal(sw(present(w.card, chain)), '9000')
  assert.equal(sw(w.card.send(agreementRequest({ ...options(w, 'c'), identities }))), '6A80')
})

test('without a certificate, with one of a wrong CA, in a wrong order or with a link missing nothing opens', () => {
  const w = world()
  const { card } = w
  const stranger = party('stranger root', 'ca-kloc')
  const strange = party('stranger', 'oce', stranger)
  const before = card.memory()
  const mutual = () => sw(card.send(agreementRequest(options(w, 'a'))))
  assert.equal(mutual(), '6985')
  for (const [status, ...certificates] of [
    ['6640', strange.certificate],
    ['6640', stranger.certificate, strange.certificate],
    ['6640', host.certificate],
    ['6640', host.certificate, middle.certificate],
    // An authority is no leaf, a leaf no authority.
    ['6640', root.certificate],
    ['6640', middle.certificate],
    ['6640', direct.certificate, host.certificate],
    ['6A80', host.certificate.subarray(0, -1)],
    ['6A80', concat(direct.certificate, Uint8Array.of(0))],
  ] as const) {
    assert.equal(sw(present(card, certificates)), status)
    assert.equal(mutual(), '6985')
    assert.equal(card.memory(), before)
  }
  // A leaf that is said to stand above another is refused at once.
  assert.equal(sw(card.send({ cla: 0x80, ins: 0x2a, p1: 3, p2: 0x90, data: direct.certificate })), '6640')
  // The root's own certificate in front does no harm.
  assert.equal(sw(present(card, [root.certificate, ...chain])), '9000')
  assert.equal(sw(openScp11(card, options(w, 'a')).send(keyInformation)), '9000')
})

test('the CA key is named by version and identifier, or found; not there is 6A88', () => {
  const w = world()
  const { card } = w
  for (const reference of [
    { id: 0x10, version: 4 },
    { id: 0x20, version: 3 },
    { id: 0x11, version: 3 },
    { id: 0x00, version: 3 },
  ]) {
    assert.equal(sw(present(card, chain, reference)), '6A88')
  }
  assert.equal(sw(present(card, chain, { id: 0, version: 0 })), '9000')
  assert.equal(sw(openScp11(card, options(w, 'a')).send(keyInformation)), '9000')
  // Of two CA keys the one that fits.
  const session = openScp03(card, { keys: ownSet })
  assert.equal(
    sw(putKey(session, { id: 0x20 }, 1, publicField(fixtureKey(crypto, 'other').publicPoint))),
    '9000',
  )
  card.select()
  assert.equal(sw(present(card, chain, { id: 0x20, version: 1 })), '6640')
  assert.equal(sw(present(card, chain, { id: 0, version: 0 })), '9000')
  assert.equal(sw(openScp11(card, options(w, 'a')).send(keyInformation)), '9000')
})

test('a certificate reaches the card chained by class, by P1, by both, or extended', () => {
  const w = world()
  assert.ok(host.certificate.length > 255)
  for (const chaining of ['class', 'p1', 'both', 'extended'] as const) {
    w.card.select()
    for (const [i, data] of chain.entries()) {
      const p2 = i === 1 ? 0x10 : 0x90
      assert.equal(sw(w.card.send({ cla: 0x80, ins: 0x2a, p1: 3, p2, data }, chaining)), '9000')
    }
    assert.equal(sw(openScp11(w.card, options(w, 'a')).send(list)), '9000')
  }
})

test('an unknown critical extension anywhere in the chain is refused', () => {
  const w = world()
  assert.equal(sw(present(w.card, [middle.certificate, renamed(host, middle, keyUsage)])), '6640')
  assert.equal(sw(present(w.card, [renamed(middle, root, keyUsage), host.certificate])), '6640')
  const same = signed(parseOceCertificate(host.certificate).tbs, middle)
  assert.equal(sw(present(w.card, [middle.certificate, same])), '9000')
})

test('without policies it is key usage and constraints that say who may stand where', () => {
  const w = world()
  const authority = renamed(middle, root, policies)
  const leaf = renamed(host, middle, policies)
  assert.equal(sw(present(w.card, [authority, leaf])), '9000')
  const mutual = openScp11(w.card, options(w, 'a'))
  assert.equal(sw(mutual.send(list)), '9000')
  w.card.select()
  const before = w.card.send({ cla: 0x80, ins: 0x2a, p1: 3, p2: 0x90, data: renamed(direct, root, policies) })
  assert.equal(sw(before), '6640')
  assert.equal(sw(present(w.card, [authority])), '6640')
})

/** Last bytes of the identifiers of extensions, 2.5.29.x: key usage is critical, certificate policies are not. */
const [keyUsage, policies] = [0x0f, 0x20]

/** The certificate with one of its extensions turned into 2.5.29.99, which nobody knows. */
function renamed(who: Party, signer: Party, extension: number): Uint8Array {
  const tbs = Buffer.from(parseOceCertificate(who.certificate).tbs)
  const at = tbs.indexOf(Buffer.from([0x06, 0x03, 0x55, 0x1d, extension]))
  assert.ok(at > 0)
  tbs[at + 4] = 0x63
  return signed(new Uint8Array(tbs), signer)
}

/** A certificate anew from its signed part. */
function signed(tbs: Uint8Array, signer: Party): Uint8Array {
  const raw = signer.key.sign(tbs)
  const integer = (bytes: Uint8Array) => {
    let at = 0
    while (at < bytes.length - 1 && bytes[at] === 0) at++
    const trimmed = bytes.subarray(at)
    return tlv(0x02, trimmed[0]! > 0x7f ? concat(Uint8Array.of(0), trimmed) : trimmed)
  }
  const signature = tlv(0x30, integer(raw.subarray(0, 32)), integer(raw.subarray(32)))
  return tlv(0x30, tbs, decodeHex('300A06082A8648CE3D040302'), tlv(0x03, Uint8Array.of(0), signature))
}

test("certificates in GlobalPlatform's own form; one with restrictions (BF20) is refused", () => {
  const w = world()
  const key = fixtureKey(crypto, 'host with GlobalPlatform certificate')
  const content = {
    serialNumber: Uint8Array.of(0x31),
    caIdentifier: decodeHex('AA01'),
    subject: decodeHex('BB02'),
    usage: 'key-agreement',
    expirationDate: '20300101',
    publicPoint: key.publicPoint,
  } as const
  const gp = issueGpCertificate(content, root.key)
  assert.equal(sw(present(w.card, [gp])), '9000')
  const session = openScp11(w.card, { ...options(w, 'a'), own: key })
  assert.equal(sw(session.send(list)), '9000')
  w.card.select()
  const limited = issueGpCertificate({ ...content, authorizations: decodeHex('A000') }, root.key)
  assert.equal(sw(present(w.card, [limited])), '6A81')
  assert.equal(sw(w.card.send(agreementRequest(options(w, 'c')))), '6985')
})

test('an allow-list names each certificate of the chain, zeros in front aside', () => {
  const w = world()
  const { card } = w
  const allow = (...serials: Uint8Array[]) => {
    const session = openScp03(card, { keys: ownSet })
    assert.equal(sw(storeAllowList(session, 0x10, 3, serials)), '9000')
    card.select()
  }
  allow(Uint8Array.of(1, 2, 3))
  assert.equal(sw(present(card, chain)), '6641')
  allow(middle.serialNumber)
  assert.equal(sw(present(card, chain)), '6641')
  allow(host.serialNumber)
  assert.equal(sw(present(card, chain)), '6641')
  assert.equal(sw(card.send(agreementRequest(options(w, 'a')))), '6985')
  allow(concat(Uint8Array.of(0), host.serialNumber), middle.serialNumber)
  assert.equal(sw(open(w, 'a').send(list)), '9000')
  card.select()
  assert.equal(sw(present(card, chain)), '9000')
  assert.equal(sw(present(card, [direct.certificate])), '6641')
  assert.equal(sw(card.send(agreementRequest(options(w, 'a')))), '6985')
  allow()
  assert.equal(sw(present(card, [direct.certificate])), '9000')
})

test('a checked chain serves one set-up, and is forgotten by SELECT, reset, a set-up of SCP03 and a refused certificate', () => {
  const w = world()
  const { card } = w
  const mutual = () => card.send(agreementRequest(options(w, 'a')))
  const after = (forget: () => void): string => {
    card.select()
    assert.equal(sw(present(card, chain)), '9000')
    forget()
    return sw(mutual())
  }
  assert.equal(
    after(() => {}),
    '9000',
  )
  assert.equal(sw(mutual()), '6985')
  assert.equal(
    after(() => card.select()),
    '6985',
  )
  assert.equal(
    after(() => card.module.reset()),
    '6985',
  )
  assert.equal(
    after(() => card.repower()),
    '6985',
  )
  assert.equal(
    after(() => openScp03(card, { keys: ownSet })),
    '6985',
  )
  assert.equal(
    after(() => present(card, [party('nobody', 'ca-kloc').certificate])),
    '6985',
  )
  assert.equal(
    after(() => present(card, [middle.certificate])),
    '6985',
  )
  assert.equal(
    after(() => card.send({ cla: 0x80, ins: 0x2a, p1: 3, p2: 0x90, data: direct.certificate })),
    '6985',
  )
  assert.equal(
    after(() => card.send(keyInformation)),
    '9000',
  )
  // A set-up that came to nothing has used it up as well.
  const mirrored = agreementRequest({ ...options(w, 'a'), point: w.points.get(0x11)! })
  assert.equal(
    after(() => assert.equal(sw(card.send(mirrored)), '6982')),
    '6985',
  )
  // Another entity's chain between takes its place: the keys are not the first one's any more.
  card.select()
  assert.equal(sw(present(card, chain)), '9000')
  assert.equal(sw(present(card, [direct.certificate])), '9000')
  assert.throws(() => openScp11(card, options(w, 'a', host)), /receipt/)
  // Half a chain of one and the leaf of another do not make one.
  card.select()
  const other = party('other below', 'ka-kloc', root)
  assert.equal(sw(present(card, [middle.certificate, party('leaf', 'oce', other).certificate])), '6640')
  // A new chain may begin in the middle of one.
  card.select()
  assert.equal(sw(card.send({ cla: 0x80, ins: 0x2a, p1: 3, p2: 0x90, data: middle.certificate })), '9000')
  assert.equal(sw(present(card, [direct.certificate])), '9000')
  assert.equal(sw(openScp11(card, options(w, 'a', direct)).send(list)), '9000')
})

test('a checked chain is forgotten when the CA key, its list or another key changes', () => {
  for (const change of [
    (session: Session) => deleteKeys(session, { id: 0x10 }),
    (session: Session) =>
      putKey(session, { old: 3, id: 0x10 }, 3, publicField(fixtureKey(crypto, 'new CA').publicPoint)),
    (session: Session) => storeAllowList(session, 0x10, 3, [Uint8Array.of(9)]),
  ]) {
    const w = world()
    const session = openScp03(w.card, { keys: ownSet })
    assert.equal(sw(present(w.card, chain)), '9000')
    assert.equal(change(session).sw, 0x9000)
    assert.equal(sw(w.card.send(agreementRequest(options(w, 'a')))), '6985')
  }
})

test('a certificate that names another role of SCP11 is none of an off-card entity, nor of an authority over one', () => {
  const w = world()
  const refused = (...certificates: Party[]) =>
    sw(
      present(
        w.card,
        certificates.map(({ certificate }) => certificate),
      ),
    )
  assert.equal(refused(party('a card', 'sd', root)), '6640')
  const cards = party('authority for cards', 'ka-klcc', root)
  assert.equal(refused(cards, party('host below it', 'oce', cards)), '6640')
  assert.equal(refused(middle, party('a card below', 'sd', middle)), '6640')
})

test('a chain of too many certificates is refused', () => {
  const w = world()
  const above = [party('1', 'ka-kloc', root)]
  for (let i = 2; i < 8; i++) above.push(party(String(i), 'ka-kloc', above.at(-1)))
  assert.equal(
    sw(
      present(
        w.card,
        [...above, party('leaf', 'oce', above.at(-1))].map((one) => one.certificate),
      ),
    ),
    '6640',
  )
})

test('who has not proven himself (SCP11b) reads, and changes nothing', () => {
  const w = world()
  const { card } = w
  const attempts: ((session: Session) => { sw: number })[] = [
    (session) => generateKey(session, 0x11, 9),
    (session) => putKey(session, { id: 0x20 }, 9, publicField(root.key.publicPoint)),
    (session) => putSet(session, 9, ownSet),
    (session) => deleteKeys(session, { id: 0x11 }),
    (session) => storeData(session, tlv(0x42, Uint8Array.of(1))),
    (session) => storeAllowList(session, 0x10, 3, []),
    (session) => setStatus(session, 0x80, 0x07),
    (session) => session.send(list),
    (session) => session.send('80E60C000100'),
    (session) => session.send('80E8800000'),
    (session) => session.send('80E40000074F05A000000001'),
  ]
  const before = card.memory()
  const session = open(w, 'b')
  for (const attempt of attempts) {
    assert.equal(attempt(session).sw.toString(16), '6982')
    assert.equal(sw(session.send(keyInformation)), '9000')
  }
  assert.equal(card.memory(), before)
})

test('a script (SCP11c) brings data, and neither keys nor states', () => {
  const w = world()
  const { card } = w
  const session = open(w, 'c')
  const before = card.memory()
  for (const attempt of [
    generateKey(session, 0x11, 9),
    putKey(session, { id: 0x20 }, 9, publicField(root.key.publicPoint)),
    putSet(session, 9, ownSet),
    deleteKeys(session, { id: 0x11 }),
    setStatus(session, 0x80, 0x07),
    setStatus(session, 0x40, 0x80, decodeHex('A000000001')),
  ]) {
    assert.equal(sw(attempt), '6985')
  }
  assert.equal(card.memory(), before)
  assert.equal(sw(storeData(session, tlv(0x42, Uint8Array.of(1)))), '9000')
  assert.equal(sw(session.send(list)), '9000')
})

test('SCP11a manages keys under its own DEK; a wrong one is refused', () => {
  const w = world()
  const session = open(w, 'a')
  assert.equal(sw(putSet(session, 0x31, ownSet)), '9000')
  assert.equal(
    sw(
      putSet(
        { ...session, send: session.send.bind(session), dek: crypto.aes(ownSet[2]) } as Session,
        0x32,
        ownSet,
      ),
    ),
    '6982',
  )
  assert.equal(sw(deleteKeys(session, { version: 3 })), '9000')
  w.card.select()
  assert.equal(sw(present(w.card, chain)), '6A88')
})

test('points of the card itself, of nobody, and requests that fit another key or form open nothing', () => {
  const w = world()
  const { card, points } = w
  const b = options(w, 'b')
  const bad = points.get(0x13)!.slice()
  bad[64]! ^= 1
  const before = card.memory()
  assert.equal(sw(card.send(agreementRequest({ ...b, point: points.get(0x13)! }))), '6982')
  assert.equal(sw(card.send(agreementRequest({ ...b, point: bad }))), '6982')
  assert.equal(sw(card.send(agreementRequest({ ...b, point: bad.subarray(0, 64) }))), '6A80')
  assert.equal(sw(card.send(agreementRequest({ ...b, version: 2 }))), '6A88')
  // The variant in the data must be that of the key, and of the instruction.
  assert.equal(sw(card.send({ ...agreementRequest(options(w, 'a')), ins: 0x88, p2: 0x13, p1: 1 })), '6A80')
  assert.equal(sw(card.send({ ...agreementRequest(b), p1: 3, p2: 0x11 })), '6A88')
  assert.equal(sw(card.send({ ...agreementRequest(b), ins: 0x82 })), '6A88')
  for (const id of [0x00, 0x01, 0x10, 0x12, 0x14, 0x20, 0x7f, 0xff]) {
    assert.equal(sw(card.send({ ...agreementRequest(b), p2: id })), '6A88')
  }
  const { data } = agreementRequest(b)
  for (const at of [5, 8, 11, 14]) {
    const other = data.map((byte, i) => (i === at ? byte ^ 0x41 : byte))
    assert.equal(sw(card.send({ ...agreementRequest(b), data: other })), '6A80', `byte ${at}`)
  }
  for (const length of [0, 1, 8, 40, data.length - 1]) {
    assert.equal(sw(card.send({ ...agreementRequest(b), data: data.subarray(0, length) })), '6A80')
  }
  assert.equal(card.memory(), before)
  // Certificates over the card's own key, or over a point that is none.
  const own = { ...crypto.ecPrivateKey(new Uint8Array(32).fill(7)), publicPoint: points.get(0x11)! }
  const mirror = party('mirror', 'oce', root, own as Party['key'])
  assert.equal(sw(present(card, [mirror.certificate])), '9000')
  assert.equal(sw(card.send(agreementRequest(options(w, 'a')))), '6982')
  const nowhere = party('nowhere', 'oce', root, { ...own, publicPoint: bad } as Party['key'])
  assert.equal(sw(present(card, [nowhere.certificate])), '9000')
  assert.equal(sw(card.send(agreementRequest(options(w, 'a')))), '6982')
  assert.equal(card.memory(), before)
})

test('a set-up that is refused leaves no session, and the next one ends the one before', () => {
  const w = world()
  const first = open(w, 'b')
  assert.equal(sw(first.send(keyInformation)), '9000')
  const second = openScp11(w.card, { ...options(w, 'b'), ephemeral: fixtureKey(crypto, 'second') })
  assert.equal(sw(w.card.send(first.wrap(keyInformation))), '6982')
  assert.equal(sw(w.card.send(second.wrap(keyInformation))), '6982')
})

test('certificates of a key are answered as they came, by SCP11 and in the open', () => {
  const w = world()
  const bundle = concat(...chain)
  const session = openScp03(w.card, { keys: ownSet })
  assert.equal(sw(storeData(session, keyTemplate(0x11, 3), tlv(0xbf21, bundle))), '9000')
  assert.equal(hex(certificatesOf(session, 0x11, 3).data), hex(bundle))
  w.card.select()
  const whole = w.card.send({
    cla: 0x80,
    ins: 0xca,
    p1: 0xbf,
    p2: 0x21,
    data: keyTemplate(0x11, 3),
    le: 0x100,
  })
  assert.equal(hex(whole.data), hex(tlv(0xbf21, bundle)))
})
