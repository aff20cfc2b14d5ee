import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serializeCommand } from '@sealwright/core/apdu'
import { concat, decodeHex } from '@sealwright/core/bytes'
import fc from 'fast-check'
import { plainModule } from '../../src/testing/index.ts'
import { Card, type Chaining, crypto, hex, issuerAid, sw } from './card.ts'
import { ownSet, realCard, testCard } from './fixture.ts'
import {
  type Dialect,
  derive,
  initializeUpdate,
  type KeySet,
  levels,
  openScp03,
  plainDialect,
  type Session,
} from './session.ts'
import { wrongSetUps } from './wrong-set-ups.ts'

const challenge8 = decodeHex('0102030405060708')
const challenge16 = decodeHex('0102030405060708090A0B0C0D0E0F10')
const getKeys = '80CA00E000'
const yubikit: Dialect = { empty: 'block', lc: 'long', chaining: 'class' }
const dialects: readonly Dialect[] = [
  plainDialect,
  yubikit,
  { empty: 'block', lc: 'short', chaining: 'p1' },
  { empty: 'none', lc: 'long', chaining: 'extended' },
]

/** PUT KEY of an RSA public key: nothing in it needs the DEK, and it does not fit one short command. */
const rsa = concat(
  Uint8Array.of(0x05, 0xa1, 0x82, 0x01, 0x00),
  new Uint8Array(256).fill(0xc5),
  decodeHex('A00301000100'),
)

test('the first session of a card is, byte for byte, that of the own vectors', () => {
  const card = testCard()
  const s8 = card.apdu('8050FF0008010203040506070800')
  assert.equal(hex(s8.data.subarray(10)), 'FF037086C8BD65FA1044EE6FC51322827B8771000001')
  assert.equal(sw(card.apdu('8482330010413C192ED53487212C27C7714EBABEB8')), '9000')
  assert.equal(sw(card.apdu('84CA00E008BF57E8281255983100')), '9000')

  const yubi = testCard()
  yubi.apdu('8050FF0008010203040506070800')
  assert.equal(sw(yubi.apdu('8482330010413C192ED53487212C27C7714EBABEB8')), '9000')
  assert.equal(sw(yubi.apdu('84CA00E0186EEF095AEFBF1A52ADCF8D611C7C77AF0E1295D5F73E803100')), '9000')

  const other = testCard()
  const s16 = other.apdu('8050FF00100102030405060708090A0B0C0D0E0F1000')
  assert.equal(
    hex(s16.data.subarray(10)),
    'FF03716924434C956736C8EE6122E8A3FC612F9243B07770FFE3B2B34640E7DCF1F09A000001',
  )
  const authenticate = '8482330020AA0F1822A01597EA4920DC7566826E5DA2DBCB8209684FDBE3DB54D54B3481CB'
  assert.equal(sw(other.apdu(authenticate)), '9000')
  assert.equal(sw(other.apdu('84CA00E010413509E960B32AFBEC14D081E60A137E00')), '9000')
})

test('every level, S8 and S16, key length, dialect and form of a command', () => {
  for (const length of [16, 24, 32]) {
    const keys = ownSet.map((key) => concat(key, key.toReversed()).slice(0, length)) as unknown as KeySet
    const { medium, power } = plainModule({ crypto, keys: { version: 0x30, keys }, seed: `of ${length}` })
    const card = new Card(medium, power)
    const plain = card.send(getKeys)
    for (const challenge of [challenge8, challenge16]) {
      for (const level of levels) {
        for (const dialect of dialects) {
          card.select()
          const session = openScp03(card, { keys, version: 0x30, level, challenge, dialect })
          assert.deepEqual(session.send(getKeys), plain)
          assert.equal(sw(session.send('00CA00E1')), '6A88')
          assert.deepEqual(session.send('00CA00E000').data, plain.data.subarray(2))
          const list = session.send('80F28002024F0000')
          assert.ok(hex(list.data).startsWith('E3'), hex(list.data))
          const chain = {
            cla: 0x00,
            ins: 0xca,
            p1: 0xbf,
            p2: 0x21,
            data: decodeHex('A60483021301'),
            le: 0x100,
          }
          assert.ok(session.send(chain).data.length > 500)
        }
      }
    }
  }
})

test('a command that does not fit is chained by class, by P1, by both, or extended', () => {
  for (const chaining of ['class', 'p1', 'both', 'extended'] as const satisfies Chaining[]) {
    for (const level of levels) {
      const card = testCard()
      const dialect = { ...plainDialect, chaining }
      const session = openScp03(card, { level, dialect })
      const answer = session.send({ cla: 0x80, ins: 0xd8, p1: 0, p2: 0x2e + 0x40, data: rsa, le: 0x100 })
      assert.equal(sw(answer), '9000', `${chaining} at level ${level}`)
      assert.equal(hex(answer.data), '05')
      const keys = hex(session.send(getKeys).data)
      assert.ok(keys.includes('C0086E05FFA101000000'), keys)
    }
  }
})

test('a chain that another command breaks is dropped; nothing of it was carried out', () => {
  const card = testCard()
  const session = openScp03(card, { level: 0x01 })
  const { data, p1, p2 } = session.wrap({ cla: 0x80, ins: 0xd8, p2: 0x6e, data: rsa })
  const first = { cla: 0x94, ins: 0xd8, p1, p2, data: data.subarray(0, 200) }
  const before = card.memory()
  assert.equal(sw(card.send(first)), '9000')
  assert.equal(sw(card.send({ ...first, cla: 0x84, p2: 0x6f, data: data.subarray(200) })), '6985')
  assert.equal(sw(card.send({ ...first, cla: 0x84, data: data.subarray(200) })), '6982')
  assert.equal(card.memory(), before)
})

test('a long protected answer is one: its parts come by GET RESPONSE, its MAC covers all of it', () => {
  const card = testCard()
  const session = openScp03(card)
  const request = { cla: 0x00, ins: 0xca, p1: 0xbf, p2: 0x21, data: decodeHex('A60483021301'), le: 0x100 }
  const whole = card.send({ ...request })
  // The plain command has ended the session; a new one answers the same.
  assert.equal(sw(card.send(session.wrap(getKeys))), '6982')
  assert.equal(sw(whole), '6982')
  card.select()
  const open = card.send(request)
  assert.ok(open.data.length > 256)
  assert.deepEqual(openScp03(card).send(request), open)
  assert.equal(sw(card.apdu('00C0000000')), '6985')

  const cut = openScp03(card)
  const first = card.apdu(serializeCommand(cut.wrap(request)))
  assert.equal(first.sw >>> 8, 0x61)
  assert.throws(() => cut.unwrap({ data: first.data, sw: 0x9000 }), /R-MAC/)
})

test('a wrong key opens nothing: 6300 or 6982, and nothing is kept but the sequence counter', () => {
  const wrong: KeySet = [ownSet[1], ownSet[0], ownSet[2]]
  const card = realCard()
  const before = card.objects()
  for (const level of levels) {
    const begun = initializeUpdate(card, { keys: wrong, version: 0x30 })
    assert.equal(sw(card.send(begun.authenticate(level).apdu)), '6982')
    assert.equal(sw(card.send(getKeys)), '9000')
  }
  assert.deepEqual(card.changedSince(before), ['sequence-counter fd003001'])
  // The right MAC key and another cryptogram: 6300.
  const begun = initializeUpdate(card, { keys: ownSet })
  const cryptogram = derive(begun.sessionKeys.mac, 0x01, begun.context, 8).map((byte) => byte ^ 1)
  const mac = begun.sessionKeys.mac.cmac(new Uint8Array(16), decodeHex('8482330010'), cryptogram)
  const data = concat(cryptogram, mac.subarray(0, 8))
  assert.equal(sw(card.send({ cla: 0x84, ins: 0x82, p1: 0x33, data })), '6300')
  assert.equal(sw(card.send('80F28002024F0000')), '6982')
  assert.deepEqual(card.changedSince(before), ['sequence-counter fd003001'])
})

test('a thousand set-ups with a wrong key leave a card that is no test card as it was, but for its counter', () => {
  wrongSetUps(1_000)
})

test('the counter moves for every INITIALIZE UPDATE, per set, and the challenge follows from it and the AID', () => {
  const card = realCard()
  const enc = crypto.aes(ownSet[0])
  for (const [i, challenge] of [challenge8, challenge16, challenge8].entries()) {
    const { counter, cardChallenge } = initializeUpdate(card, { keys: ownSet, challenge })
    assert.equal(counter, i + 1)
    const context = concat(Uint8Array.of(0, 0, counter), issuerAid)
    assert.deepEqual(cardChallenge, derive(enc, 0x02, context, challenge.length))
    if (i === 1) card.repower()
  }
})

test('a counter at its end opens nothing any more: 6985, and nothing changes', () => {
  const card = realCard()
  const { nvm, domainKeys } = card.module.parts
  nvm.transaction((tx) => domainKeys.putSequenceCounter(tx, 0, 0x30, 0xff_fffe))
  assert.equal(initializeUpdate(card, { keys: ownSet }).counter, 0xff_ffff)
  const before = card.memory()
  for (let i = 0; i < 3; i++) assert.equal(sw(card.send('80503000080102030405060708')), '6985')
  assert.equal(card.memory(), before)
})

test('INITIALIZE UPDATE of what is not there or is malformed writes nothing', () => {
  for (const card of [testCard(), realCard()]) {
    const before = card.memory()
    for (const version of [0x01, 0x2f, 0x7f, 0x80, 0x81, 0x82, 0xfe]) {
      const data = challenge8
      assert.equal(sw(card.send({ cla: 0x80, ins: 0x50, p1: version, data })), '6A88')
    }
    for (const length of [0, 1, 7, 9, 15, 17, 32]) {
      assert.equal(sw(card.send({ cla: 0x80, ins: 0x50, data: new Uint8Array(length) })), '6700')
    }
    assert.equal(sw(card.send('80500001080102030405060708')), '6A86')
    assert.equal(card.memory(), before)
  }
})

test('EXTERNAL AUTHENTICATE must follow directly, once, as it was made', () => {
  const card = testCard()
  const refusedAfter = (between: () => void): string => {
    const { apdu } = initializeUpdate(card).authenticate(0x33)
    between()
    return sw(card.send(apdu))
  }
  // Without a set-up class 84 and INS 82 can only be MUTUAL AUTHENTICATE: no key of that version.
  assert.equal(
    refusedAfter(() => card.send(getKeys)),
    '6A88',
  )
  assert.equal(
    refusedAfter(() => card.select()),
    '6A88',
  )
  assert.equal(
    refusedAfter(() => card.module.reset()),
    '6A88',
  )
  assert.equal(
    refusedAfter(() => initializeUpdate(card)),
    '6982',
  )
  assert.equal(
    refusedAfter(() => card.repower()),
    '6A88',
  )
  assert.equal(
    refusedAfter(() => {}),
    '9000',
  )

  // A wrong one has used the set-up up: the right one comes too late.
  const late = initializeUpdate(card).authenticate(0x33).apdu
  const wrong = { ...late, data: late.data.map((byte) => byte ^ 1) }
  assert.equal(sw(card.send(wrong)), '6982')
  assert.equal(sw(card.send(late)), '6A88')

  const { apdu, mac } = initializeUpdate(card).authenticate(0x33)
  assert.equal(sw(card.send(apdu)), '9000')
  // Replayed inside the session, and after it.
  assert.equal(sw(card.send(apdu)), '6982')
  assert.equal(sw(card.send(apdu)), '6A88')
  assert.equal(mac.length, 16)
})

test('a level that the card does not open is refused, 00 first of all', () => {
  const card = realCard()
  for (let level = 0; level < 0x100; level++) {
    if ((levels as readonly number[]).includes(level)) continue
    const { apdu } = initializeUpdate(card, { keys: ownSet }).authenticate(level)
    assert.equal(sw(card.send(apdu)), '6A86', `level ${level}`)
    assert.equal(sw(card.send('80F28002024F0000')), '6982')
  }
})

test('every byte of EXTERNAL AUTHENTICATE flipped is refused', () => {
  const card = realCard()
  const { length } = serializeCommand(initializeUpdate(card, { keys: ownSet }).authenticate(0x33).apdu)
  for (let at = 0; at < length; at++) {
    if (at === 1 || at === 4) continue
    const apdu = serializeCommand(initializeUpdate(card, { keys: ownSet }).authenticate(0x33).apdu)
    apdu[at]! ^= 0x40
    assert.notEqual(sw(card.apdu(apdu)), '9000', `byte ${at}`)
    assert.equal(sw(card.send('80F28002024F0000')), '6982')
  }
})

test('a plain, cut, flipped, replayed or reflected command ends the session', () => {
  const card = realCard()
  const attacks: ((session: Session) => string)[] = [
    () => sw(card.send('80F28002024F0000')),
    (session) => sw(card.send({ ...session.wrap('80F28002024F0000'), cla: 0x80 })),
    (session) => {
      const wrapped = session.wrap('80F28002024F0000')
      return sw(card.send({ ...wrapped, data: wrapped.data.subarray(0, -1) }))
    },
    (session) => {
      const wrapped = session.wrap('80F28002024F0000')
      return sw(card.send({ ...wrapped, data: wrapped.data.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) }))
    },
    (session) => sw(card.send({ ...session.wrap('80F28002024F0000'), p1: 0x40 })),
    (session) => sw(card.send({ ...session.wrap('80F28002024F0000'), ins: 0xf1 })),
    (session) => {
      const wrapped = session.wrap('80F28002024F0000')
      assert.equal(sw(session.unwrap(card.send(wrapped))), '9000')
      return sw(card.send(wrapped))
    },
    (session) => {
      // One command lost on the way.
      session.wrap(getKeys)
      return sw(card.send(session.wrap(getKeys)))
    },
    (session) => {
      const answer = card.send(session.wrap('80F28002024F0000'))
      return sw(card.send({ cla: 0x84, ins: 0xf2, p1: 0x80, p2: 0x02, data: answer.data.subarray(0, 240) }))
    },
  ]
  for (const level of levels) {
    for (const attack of attacks) {
      const session = openScp03(card, { keys: ownSet, level })
      assert.equal(sw(session.send(getKeys)), '9000')
      const before = card.memory()
      assert.equal(attack(session), '6982')
      assert.equal(sw(card.send(session.wrap(getKeys))), '6982')
      assert.equal(card.memory(), before)
    }
  }
})

test('SELECT, INITIALIZE UPDATE, reset and power end a session', () => {
  const card = realCard()
  for (const end of [
    () => card.select(),
    () => card.send('00A4040000'),
    () => initializeUpdate(card, { keys: ownSet }),
    () => card.send('80507F00080102030405060708'),
    () => card.module.reset(),
    () => card.repower(),
  ]) {
    const session = openScp03(card, { keys: ownSet })
    assert.equal(sw(session.send(getKeys)), '9000')
    end()
    assert.equal(sw(card.send(session.wrap(getKeys))), '6982')
  }
})

test('refused commands count for the encryption counter, and the session goes on', () => {
  const card = realCard()
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(getKeys, '80CA00E1', '80F2800200', '80D8008100', '80CA'), { maxLength: 12 }),
      (all) => {
        const session = openScp03(card, { keys: ownSet })
        for (const one of all) session.send(one.length > 4 ? one : '80CA000000')
        assert.equal(sw(session.send(getKeys)), '9000')
      },
    ),
    { numRuns: 20 },
  )
})
