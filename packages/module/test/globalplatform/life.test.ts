import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHex } from '@sealwright/core/bytes'
import { commands } from '@sealwright/core/catalog'
import { scriptedEntropy } from '@sealwright/core/testing'
import { type Card, hex, issuerAid, sw } from './card.ts'
import { asDomain, asIssuer, done, ownSet, realCard } from './fixture.ts'
import { fullCard } from './full-card.ts'
import {
  certificatesOf,
  deleteContent,
  deleteKeys,
  extradite,
  generateKey,
  install,
  installApplication,
  installDomain,
  load,
  none,
  putSet,
  setStatus,
  status,
  storeData,
  tlv,
} from './management.ts'
import { notebook } from './notebook.ts'
import { agreementRequest, bundled, openScp11, pointIn } from './scp11.ts'
import { type KeySet, openScp03 } from './session.ts'

const entropy = scriptedEntropy('life')
const set = (): KeySet => [entropy.bytes(16), entropy.bytes(16), entropy.bytes(16)]
const file = decodeHex('F053504E01')
const app = decodeHex('F053504E0101')
const domainA = decodeHex('A0000000A1')
const domainB = decodeHex('A0000000B1')
const states = { ready: 0x01, initialized: 0x07, secured: 0x0f, locked: 0x7f, terminated: 0xff }

function refused(card: Card, ...attempts: readonly [status: string, attempt: () => { sw: number }][]): void {
  const before = card.memory()
  for (const [i, [expected, attempt]] of attempts.entries()) {
    assert.equal(attempt().sw.toString(16).toUpperCase(), expected, `attempt ${i}`)
    assert.equal(card.memory(), before, `attempt ${i}`)
  }
}

/** The card's state as its issuer lists it. */
const stateOf = (card: Card): number => Number.parseInt(status(asIssuer(card), 0x80)[0]!.slice(-2), 16)

test('a plain card goes OP_READY, INITIALIZED, SECURED one way, and CARD_LOCKED there and back', () => {
  const card = realCard()
  const set = (state: number) => setStatus(asIssuer(card), 0x80, state)
  const allowed = new Set(['1 7', '7 15', '15 127', '127 15'])
  const all = Object.values(states).slice(0, 4)
  for (const to of [states.initialized, states.secured, states.locked, states.secured]) {
    const from = stateOf(card)
    for (const other of [...all, 0x00, 0x03, 0x80, 0x8f]) {
      if (other === to || allowed.has(`${from} ${other}`)) continue
      const session = asIssuer(card)
      const expected = all.includes(other) ? '6985' : '6A86'
      refused(card, [expected, () => setStatus(session, 0x80, other)])
    }
    const events = card.events()
    done(set(to))
    assert.equal(card.events(), events + 1)
    card.repower()
    assert.equal(stateOf(card), to)
  }
  const session = asIssuer(card)
  refused(
    card,
    ['6A80', () => setStatus(session, 0x80, states.locked, domainA)],
    ['6A86', () => setStatus(session, 0x20, states.locked)],
  )
  done(setStatus(session, 0x80, states.locked, issuerAid))
})

test('CARD_LOCKED: its issuer is selected with 6283 and takes the lock off; nothing else is selected or changes', () => {
  const card = realCard()
  const session = asIssuer(card)
  done(load(session, file, notebook))
  done(installApplication(session, file, app))
  done(installDomain(session, domainA))
  for (const state of [states.initialized, states.secured]) done(setStatus(session, 0x80, state))
  card.select()
  const cardPoint = pointIn(bundled(certificatesOf(card, 0x13, 1).data)[1]!)
  done(setStatus(asIssuer(card), 0x80, states.locked))
  card.repower()

  for (const aid of [app, domainA, decodeHex('F0'), decodeHex('A0000000A1')])
    assert.equal(sw(card.select(aid)), '6A82')
  for (const answer of [card.select(), card.send('00A4040000'), card.select('A0')]) {
    assert.equal(sw(answer), '6283')
    assert.ok(hex(answer.data).includes(`8408${hex(issuerAid)}`))
  }
  assert.equal(sw(card.send('80CA006600')), '9000')
  assert.equal(hex(card.send('80CADF2D00').data).slice(-2), '7F')
  const locked = openScp03(card, { keys: ownSet })
  refused(
    card,
    ['6985', () => putSet(locked, 0x31, set())],
    ['6985', () => generateKey(locked, 0x11, 3)],
    ['6985', () => deleteKeys(locked, { id: 0x13 })],
    ['6985', () => deleteContent(locked, app)],
    ['6985', () => storeData(locked, tlv(0x42, Uint8Array.of(1)))],
    ['6985', () => installDomain(locked, domainB)],
    ['6985', () => load(locked, decodeHex('F053504E02'), notebook)],
    ['6985', () => extradite(locked, app, domainA)],
    ['6985', () => install(locked, 0x20, none, none, app, none, none, none)],
    ['6985', () => locked.send('80E8800000')],
    ['6985', () => setStatus(locked, 0x40, 0x80, app)],
    ['6985', () => setStatus(locked, 0x60, 0x80, domainA)],
    ['6985', () => setStatus(locked, 0x80, states.initialized)],
    ['9000', () => locked.send('80F28002024F0000')],
  )
  // Who has proven nothing does not take it off either.
  const proof = openScp11(card, { variant: 'b', version: 1, cardPoint })
  refused(card, ['6982', () => setStatus(proof, 0x80, states.secured)])
  done(setStatus(openScp03(card, { keys: ownSet }), 0x80, states.secured))
  assert.equal(sw(card.select()), '9000')
  assert.equal(sw(card.select(app)), '9000')
})

test('what was begun before the lock does not end after it', () => {
  const card = realCard()
  const session = asIssuer(card)
  for (const state of [states.initialized, states.secured]) done(setStatus(session, 0x80, state))
  done(install(session, 0x02, file, none, none, none, none))
  done(setStatus(session, 0x80, states.locked))
  refused(card, [
    '6985',
    () => session.send({ cla: 0x80, ins: 0xe8, p1: 0x80, data: tlv(0xc4, notebook).subarray(0, 200) }),
  ])
})

test('a domain with the privilege locks the card, from outside it cannot be selected, and its session takes the lock off', () => {
  const card = realCard()
  done(installDomain(asIssuer(card), domainA, decodeHex('900000')))
  const keys = set()
  done(putSet(asDomain(card, domainA, ownSet), 1, keys))
  for (const state of [states.initialized, states.secured]) done(setStatus(asIssuer(card), 0x80, state))
  const session = asDomain(card, domainA, keys)
  refused(card, ['6985', () => setStatus(session, 0x80, states.terminated)])
  done(setStatus(session, 0x80, states.locked))
  done(setStatus(session, 0x80, states.secured))
  done(setStatus(session, 0x80, states.locked))
  assert.equal(sw(card.select(domainA)), '6A82')
  assert.equal(sw(card.select()), '6283')
  // One without it does not.
  done(setStatus(openScp03(card, { keys: ownSet }), 0x80, states.secured))
  done(installDomain(asIssuer(card), domainB))
  const other = asDomain(card, domainB, ownSet)
  refused(card, ['6985', () => setStatus(other, 0x80, states.locked)])
})

test('TERMINATED is for good, from any state, and chip mode: nothing answers any more', () => {
  for (const before of [
    [],
    [states.initialized],
    [states.initialized, states.secured],
    [states.initialized, states.secured, states.locked],
  ]) {
    const card = realCard()
    for (const state of before) done(setStatus(asIssuer(card), 0x80, state))
    const session = asIssuer(card)
    // The session is over with the card; its answer cannot be protected any more.
    const answer = card.send(session.wrap({ cla: 0x80, ins: 0xf0, p1: 0x80, p2: 0xff }))
    assert.equal(sw(answer), '9000')
    assert.equal(card.module.parts.life.mode(), 'terminated')
    for (const power of [() => {}, () => card.module.reset(), () => card.repower()]) {
      power()
      refused(
        card,
        ['6D00', () => card.select()],
        ['6D00', () => card.send('80CA006600')],
        ['6D00', () => card.send('80500000080102030405060708')],
        ['6982', () => card.send(session.wrap({ cla: 0x80, ins: 0xf0, p1: 0x80, p2: 0x0f }))],
      )
    }
  }
})

test('applications and domains are locked by who stands above, and never unlocked by themselves', () => {
  const card = realCard()
  done(installDomain(asIssuer(card), domainA, decodeHex('804000')))
  const keys = set()
  done(putSet(asDomain(card, domainA, ownSet), 1, keys))
  done(load(asDomain(card, domainA, keys), file, notebook))
  done(installApplication(asDomain(card, domainA, keys), file, app))
  const list = () => status(asIssuer(card), 0x40)

  done(setStatus(asIssuer(card), 0x40, 0x80, app))
  assert.deepEqual(list(), [`${hex(domainA)} 07`, `${hex(app)} 87`])
  assert.equal(sw(card.select(app)), '6A82')
  const session = asDomain(card, domainA, keys)
  refused(card, ['6985', () => setStatus(session, 0x40, 0x80, app)])
  refused(card, ['6985', () => install(session, 0x20, none, none, app, none, none, none)])
  done(setStatus(session, 0x40, 0x00, app))
  assert.equal(sw(card.select(app)), '9000')

  // A domain may lock itself; the way back is another's.
  const own = asDomain(card, domainA, keys)
  done(setStatus(own, 0x40, 0x80, domainA))
  refused(
    card,
    ['6985', () => setStatus(own, 0x40, 0x00, domainA)],
    ['6985', () => setStatus(own, 0x60, 0x00, domainA)],
    ['6985', () => setStatus(own, 0x40, 0x80, app)],
    ['6985', () => putSet(own, 2, set())],
    ['6985', () => deleteContent(own, app)],
    ['6985', () => card.send('80500100080102030405060708')],
  )
  assert.equal(sw(card.select(domainA)), '6A82')
  done(setStatus(asIssuer(card), 0x40, 0x00, domainA))

  // With its domain locked an application still runs; nobody opens a channel with it.
  done(setStatus(asIssuer(card), 0x40, 0x80, domainA))
  assert.equal(sw(card.select(app)), '9000')
  assert.equal(done(card.send('8014000001')), '00')
  refused(card, ['6985', () => card.send('80500100080102030405060708')])
  // Nor does anything new come to a locked domain.
  const issuer = asIssuer(card)
  refused(
    card,
    ['6985', () => install(issuer, 0x02, decodeHex('F053504E02'), domainA, none, none, none)],
    ['6985', () => install(issuer, 0x20, none, none, domainA, none, none, none)],
  )
  done(setStatus(issuer, 0x40, 0x00, domainA))
})

test('with a locked domain nobody opens a channel, by whatever keys and protocol, through its applications neither', () => {
  const card = realCard()
  const session = asIssuer(card)
  done(installDomain(session, domainA))
  done(load(session, file, notebook))
  done(installApplication(session, file, app))
  done(extradite(session, app, domainA))
  const cardPoint = generateKey(asDomain(card, domainA, ownSet), 0x13, 2).data.slice(2)
  card.select(app)
  openScp11(card, { variant: 'b', version: 2, cardPoint })
  done(setStatus(asIssuer(card), 0x40, 0x80, domainA))
  assert.equal(sw(card.select(app)), '9000')
  const request = agreementRequest({ variant: 'b', version: 2, cardPoint })
  refused(
    card,
    // Its channel keys would be the issuer's, for it has none.
    ['6985', () => card.send('80503000080102030405060708')],
    ['6985', () => card.send(request)],
  )
})

test('a domain below a locked one that has no keys of its own opens no channel', () => {
  const card = realCard()
  done(installDomain(asIssuer(card), domainA, decodeHex('804000')))
  const keys = set()
  done(putSet(asDomain(card, domainA, ownSet), 1, keys))
  done(installDomain(asDomain(card, domainA, keys), domainB))
  done(setStatus(asIssuer(card), 0x40, 0x80, domainA))
  assert.equal(sw(card.select(domainB)), '9000')
  refused(card, ['6985', () => card.send('80500100080102030405060708')])
})

test('a domain and all that is in it are locked together, whatever is locked already', () => {
  const card = realCard()
  const session = asIssuer(card)
  const second = decodeHex('F053504E0202')
  done(installDomain(session, domainA))
  done(load(session, file, notebook))
  for (const one of [app, second]) {
    done(installApplication(session, file, one))
    done(extradite(session, one, domainA))
  }
  const states = () => status(session, 0x40).map((row) => row.slice(-2))
  done(setStatus(session, 0x40, 0x80, app))
  assert.deepEqual(states(), ['07', '87', '07'])
  done(setStatus(session, 0x60, 0x80, domainA))
  assert.deepEqual(states(), ['87', '87', '87'])
  refused(
    card,
    ['6985', () => setStatus(session, 0x60, 0x80, domainA)],
    ['6A86', () => setStatus(session, 0x60, 0x80, app)],
  )
  done(setStatus(session, 0x40, 0x00, second))
  done(setStatus(session, 0x60, 0x00, domainA))
  assert.deepEqual(states(), ['07', '07', '07'])
})

test('the life cycle of what was installed goes forward only', () => {
  const card = realCard()
  const session = asIssuer(card)
  done(load(session, file, notebook))
  done(installApplication(session, file, app, { p1: 0x04 }))
  done(installDomain(session, domainA))
  refused(
    card,
    ['6985', () => setStatus(session, 0x40, 0x0f, app)],
    ['6985', () => setStatus(session, 0x40, 0x03, app)],
    ['6A88', () => setStatus(session, 0x40, 0x80, file)],
    ['6A88', () => setStatus(session, 0x40, 0x80, domainB)],
    ['6985', () => setStatus(session, 0x40, 0x80, issuerAid)],
  )
  done(setStatus(session, 0x40, 0x07, app))
  done(setStatus(session, 0x40, 0x0f, domainA))
  refused(
    card,
    ['6985', () => setStatus(session, 0x40, 0x07, app)],
    ['6985', () => setStatus(session, 0x40, 0x07, domainA)],
    ['6985', () => setStatus(session, 0x40, 0x0f, domainA)],
  )
  assert.deepEqual(status(session, 0x40), [`${hex(domainA)} 0F`, `${hex(app)} 07`])
})

test('in a full card the state follows from personalization; only the lock is moved, from operating on', () => {
  for (const operating of [false, true]) {
    const { card } = fullCard({ operating })
    const state = operating ? states.secured : states.initialized
    assert.equal(stateOf(card), state)
    const session = asIssuer(card)
    assert.equal(hex(session.send('80CADF2D00').data).slice(-2), operating ? '0F' : '07')
    for (const other of Object.values(states)) {
      if (operating && other === states.locked) continue
      refused(card, ['6985', () => setStatus(session, 0x80, other)])
    }
    refused(
      card,
      ['6985', () => storeData(session, tlv(0x42, Uint8Array.of(1)))],
      ['6985', () => storeData(session, tlv(0x45, Uint8Array.of(1)))],
      ['6985', () => storeData(session, tlv(0x4f, decodeHex('A000000003000000')))],
    )
    if (!operating) continue
    done(setStatus(session, 0x80, states.locked))
    card.repower()
    assert.equal(sw(card.select()), '6283')
    assert.equal(stateOf(card), states.locked)
    // Our own flows have their own ways in and go on: the module says who it is and what happened to it, and asks for keys.
    card.select()
    for (const apdu of ['80CADF2000', '80CADF2100', '80CADF2500'])
      assert.equal(sw(card.send(apdu)), '9000', apdu)
    const { ins } = commands['PASSPORT HEAD']
    done(card.send({ cla: 0x80, ins, data: new Uint8Array(16).fill(1), le: 0x100 }))
    done(setStatus(openScp03(card, { keys: ownSet }), 0x80, states.secured))
    assert.equal(card.objects().get('control 4'), undefined)
    assert.equal(stateOf(card), states.secured)
  }
})
