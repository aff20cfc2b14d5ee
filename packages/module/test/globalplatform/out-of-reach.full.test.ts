import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHex } from '@sealwright/core/bytes'
import { type CommandRow, commands, keyPlaces } from '@sealwright/core/catalog'
import { scriptedEntropy } from '@sealwright/core/testing'
import { fixtureKey } from '../../src/testing/index.ts'
import { type Card, crypto, hex, sw } from './card.ts'
import { ownSet } from './fixture.ts'
import { fullCard } from './full-card.ts'
import {
  aesField,
  deleteKeys,
  generateKey,
  installDomain,
  keysOf,
  keyTemplate,
  privateField,
  publicField,
  putKey,
  storeData,
  tlv,
} from './management.ts'
import { openScp03, type Session } from './session.ts'

const entropy = scriptedEntropy('out of reach')
const point = fixtureKey(crypto, 'somebody').publicPoint

/** Objects that security domains' commands must never change: all keys of other places, and what personalization and key download keep. */
function foreign(card: Card): string {
  const own = /^(key|public-key|sequence-counter|tries) fd|^(domain-data|registry-entry|event|control) /
  return [...card.objects()]
    .filter(([name]) => !own.test(name))
    .map(([name, bytes]) => `${name} ${bytes}`)
    .join('\n')
}

const asIssuer = (card: Card): Session => {
  card.select()
  return openScp03(card, { keys: ownSet })
}

test("identity, operating, transport and own channels' keys are out of reach of PUT KEY, GENERATE KEY, DELETE and STORE DATA", () => {
  const { card } = fullCard()
  const before = foreign(card)
  const places = [
    keyPlaces.identity,
    keyPlaces.operating,
    keyPlaces.transport,
    keyPlaces.transportNext,
    keyPlaces.signature,
  ]
  for (const place of [...places, keyPlaces.document, keyPlaces.customization]) {
    assert.ok(before.includes(`key ${place.toString(16)} `), place.toString(16))
  }
  const domain = decodeHex('A0000000A1')
  assert.equal(sw(installDomain(asIssuer(card), domain)), '9000')
  for (const aid of [undefined, domain]) {
    if (aid === undefined) card.select()
    else card.select(aid)
    const session = openScp03(card, { keys: ownSet })
    const listed = keysOf(session)
    // Every version and identifier, to be replaced, added and deleted: what answers 9000 is a key of the domain itself.
    for (let version = 0; version < 0x100; version++) {
      for (const id of [0x01, 0x02, 0x11]) {
        const isOwn = listed.some((key) => key.startsWith(hex(Uint8Array.of(id, version))))
        if (isOwn) continue
        assert.notEqual(sw(deleteKeys(session, { id, version })), '9000')
        if (version !== 0) {
          const status = sw(generateKey(session, id, 0x7e, version))
          assert.ok(['6A88', '6A86', '6A80'].includes(status), status)
        }
        if (version > 0x7f || version === 0) {
          assert.equal(sw(generateKey(session, id, version)), '6A80')
          assert.notEqual(sw(putKey(session, { id }, version, publicField(point))), '9000')
          const bundle = tlv(0xbf21, decodeHex('3000'))
          assert.notEqual(sw(storeData(session, keyTemplate(id, version), bundle)), '9000')
        }
      }
    }
    for (let id = 1; id < 0x80; id++) {
      putKey(session, { id }, 1, publicField(point))
      putKey(session, { id }, 1, privateField(session.dek, entropy.bytes(32)))
      putKey(session, { id }, 1, aesField(session.dek, entropy.bytes(16)))
    }
    for (let id = 0; id < 0x100; id++) deleteKeys(session, { id })
    for (let version = 0; version < 0x100; version++) {
      if (version !== 0x30) deleteKeys(session, { version })
    }
    assert.equal(foreign(card), before)
  }
  assert.equal(sw(asIssuer(card).send('80CA00E000')), '9000')
  // What they are for still works: the proof of the module, and its operating key.
  assert.equal(sw(card.send('80CADF2C00')), '6982')
  card.select()
  assert.equal(sw(card.send('80CADF2C00')), '9000')
})

test('a channel with a security domain is none of our own: it opens no flow of the central system, the papers or a supplier', () => {
  const { card } = fullCard()
  const session = asIssuer(card)
  const before = card.memory()
  const rows: readonly CommandRow[] = Object.values(commands)
  const others = rows.filter(({ channel }) => channel !== 'none' && channel !== 'security-domain')
  assert.ok(others.length > 5)
  for (const { ins, modes, states } of others) {
    if (!modes.includes('user')) continue
    const answer = session.send({ cla: 0x80, ins, data: new Uint8Array(16), le: 0x100 })
    const expected = states?.includes('operating') === false ? '6985' : '6982'
    assert.equal(sw(answer), expected, ins.toString(16))
    assert.equal(card.memory(), before)
  }
})

test('the set that opens our own channels cannot be named, and has no challenge that follows from a counter', () => {
  const { card } = fullCard()
  card.select()
  const before = card.memory()
  const answers = [1, 2].map(() => card.send('80508200080102030405060708'))
  for (const { data } of answers) assert.equal(data[12], 0x60)
  assert.notDeepEqual(answers[0]!.data, answers[1]!.data)
  assert.equal(card.memory(), before)
  assert.equal(sw(card.send('80500200080102030405060708')), '6A88')
})
