import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHex } from '@sealwright/core/bytes'
import { scriptedEntropy } from '@sealwright/core/testing'
import { type Card, hex, sw } from './card.ts'
import { ownSet, realCard, testCard } from './fixture.ts'
import {
  certificatesOf,
  generateKey,
  installDomain,
  keysOf,
  publicField,
  putKey,
  putSet,
  storeAllowList,
  storeAuthority,
} from './management.ts'
import { agreementRequest, bundled, openScp11, party, pointIn, present } from './scp11.ts'
import { initializeUpdate, openScp03 } from './session.ts'

const entropy = scriptedEntropy('reset')
const root = party('root of a host', 'ca-kloc')
const host = party('a host', 'oce', root)
const factory = ['01FF88', '02FF88', '03FF88', '1301B1']
const zeros = '080000000000000000'

/** What yubikit sends to use up the tries of a key that E0 lists. */
function attempt(card: Card, key: string): string {
  const id = Number.parseInt(key.slice(0, 2), 16)
  const [kid, kvn] = [key.slice(0, 2), key.slice(2, 4)]
  if (id === 0x01) return sw(card.apdu(`80500000${zeros}`))
  if (id === 0x11 || id === 0x15) return sw(card.apdu(`8082${kvn}${kid}${zeros}`))
  if (id === 0x13) return sw(card.apdu(`8088${kvn}${kid}${zeros}`))
  return sw(card.apdu(`802A${kvn}${kid}${zeros}`))
}

/** yubikit's reset, refusals and all: the status word of each try must be one that it goes on or stops with. Of SCP03 it always names version 00. */
function reset(card: Card): void {
  card.select()
  for (const key of keysOf(card)) {
    if (key.startsWith('02') || key.startsWith('03')) continue
    let blocked = false
    for (let i = 0; i < 65 && !blocked; i++) {
      const status = attempt(card, key)
      assert.ok(['9000', '6A80', '6982', '6983'].includes(status), `${key}: ${status}`)
      blocked = status === '6983' || status === '6982'
    }
  }
  card.select()
}

function used(): { card: Card; serial: string } {
  const card = testCard()
  const session = openScp03(card)
  const { data } = certificatesOf(session, 0x13, 1)
  assert.equal(sw(installDomain(session, decodeHex('A00000000101'))), '9000')
  assert.equal(sw(putKey(session, { id: 0x10 }, 3, publicField(root.key.publicPoint))), '9000')
  assert.equal(sw(storeAuthority(session, 0x10, 3, entropy.bytes(20))), '9000')
  assert.equal(sw(storeAllowList(session, 0x10, 3, [Uint8Array.of(1)])), '9000')
  for (const [id, version] of [
    [0x11, 3],
    [0x15, 3],
    [0x13, 2],
  ] as const) {
    assert.equal(sw(generateKey(session, id, version)), '9000')
  }
  assert.equal(sw(putSet(session, 0x31, ownSet)), '9000')
  assert.equal(sw(putSet(openScp03(card, { keys: ownSet }), 0x32, ownSet)), '9000')
  return { card, serial: hex(data) }
}

test('64 failed set-ups with every key put a test module back, as yubikit does it', () => {
  const { card, serial } = used()
  const events = card.events()
  reset(card)
  assert.deepEqual(keysOf(card), factory)
  assert.equal(hex(certificatesOf(card, 0x13, 1).data), serial)
  assert.equal(sw(card.send('00CAFF3300')), '6A88')
  const kept = [...card.objects().keys()].filter((name) => /^(tries|domain-data)/.test(name))
  assert.deepEqual(kept, ['domain-data 21301'])
  assert.equal(card.events(), events + 1)
  // What stands beside the keys stays; the factory keys work again.
  assert.equal(sw(card.select('A00000000101')), '9000')
  card.select()
  assert.equal(sw(openScp03(card).send('80F28002024F0000')), '9000')
  // And once more.
  reset(card)
  assert.deepEqual(keysOf(card), factory)
})

test('a key that is blocked refuses everything, the right keys too, until all are', () => {
  const card = testCard()
  const session = openScp03(card)
  assert.equal(sw(putKey(session, { id: 0x10 }, 3, publicField(root.key.publicPoint))), '9000')
  const { data } = generateKey(session, 0x11, 3)
  const cardPoint = data.subarray(2)
  card.select()
  for (let i = 0; i < 64; i++) assert.equal(attempt(card, '1103'), '6A80')
  assert.equal(attempt(card, '1103'), '6983')
  assert.equal(sw(present(card, [host.certificate])), '9000')
  const options = { variant: 'a', version: 3, cardPoint, own: host.key } as const
  const before = card.memory()
  assert.equal(sw(card.send(agreementRequest(options))), '6983')
  assert.equal(card.memory(), before)
  for (let i = 0; i < 64; i++) attempt(card, '01FF')
  assert.equal(attempt(card, '01FF'), '6983')
  assert.equal(sw(card.send('8050FF00080102030405060708')), '6983')
  card.repower()
  assert.equal(sw(card.send('8050FF00080102030405060708')), '6983')
  assert.ok(keysOf(card).includes('1103B1'))
})

test('63 failures and one success begin anew; each key counts its own', () => {
  const card = testCard()
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 63; i++) initializeUpdate(card)
    card.repower()
    assert.equal(sw(openScp03(card).send('80CA00E000')), '9000')
  }
  card.select()
  const cardPoint = pointIn(bundled(certificatesOf(card, 0x13, 1).data)[1]!)
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 63; i++) assert.equal(attempt(card, '1301'), '6A80')
    openScp11(card, { variant: 'b', version: 1, cardPoint })
    card.select()
  }
  const tries = [...card.objects()].filter(([name]) => name.startsWith('tries'))
  assert.deepEqual(tries, [
    ['tries fd000113', '00'],
    ['tries fd00ff01', '00'],
  ])
})

test('a CA key counts certificates that are none, and a set-up with a right one clears it', () => {
  const card = testCard()
  const session = openScp03(card)
  assert.equal(sw(putKey(session, { id: 0x10 }, 3, publicField(root.key.publicPoint))), '9000')
  const cardPoint = generateKey(session, 0x11, 3).data.slice(2)
  card.select()
  for (let i = 0; i < 62; i++) assert.equal(attempt(card, '1003'), '6A80')
  assert.equal(sw(present(card, [host.certificate])), '9000')
  openScp11(card, { variant: 'a', version: 3, cardPoint, own: host.key })
  card.select()
  for (let i = 0; i < 64; i++) assert.equal(attempt(card, '1003'), '6A80')
  assert.equal(attempt(card, '1003'), '6983')
  assert.equal(sw(present(card, [host.certificate])), '6983')
})

test('a session is over when the factory keys come back under it', () => {
  const card = testCard()
  for (let i = 0; i < 64; i++) attempt(card, '01FF')
  for (let i = 0; i < 63; i++) attempt(card, '1301')
  const cardPoint = pointIn(bundled(certificatesOf(card, 0x13, 1).data)[1]!)
  // The last try opens, so that one session lives while every key is used up again.
  const session = openScp11(card, { variant: 'b', version: 1, cardPoint })
  for (let i = 0; i < 65; i++) attempt(card, '1301')
  assert.equal(sw(card.send(session.wrap('80CA00E000'))), '6982')
  assert.equal(sw(openScp03(card).send('80CA00E000')), '9000')
})

test('a card that is no test card counts nothing and goes back to nothing', () => {
  const card = realCard()
  const session = openScp03(card, { keys: ownSet })
  assert.equal(sw(putKey(session, { id: 0x10 }, 3, publicField(root.key.publicPoint))), '9000')
  generateKey(session, 0x11, 3)
  card.select()
  const before = card.objects()
  const keys = keysOf(card)
  for (let round = 0; round < 3; round++) {
    for (const key of keys.filter((one) => !/^0[23]/.test(one))) {
      for (let i = 0; i < 70; i++) {
        const status = attempt(card, key)
        assert.ok(['9000', '6A80'].includes(status), `${key}: ${status}`)
      }
    }
  }
  assert.deepEqual(keysOf(card), keys)
  assert.deepEqual(card.changedSince(before), ['sequence-counter fd003001'])
  assert.equal(sw(openScp03(card, { keys: ownSet }).send('80F28002024F0000')), '9000')
})
