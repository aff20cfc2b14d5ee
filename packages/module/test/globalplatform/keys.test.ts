import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, decodeHex } from '@sealwright/core/bytes'
import { scriptedEntropy } from '@sealwright/core/testing'
import { makeCardProof } from '../../src/profile/index.ts'
import { fixtureKey, plainModule } from '../../src/testing/index.ts'
import { Card, crypto, factoryKey, hex, sw } from './card.ts'
import { ownKeys, ownSet, realCard, testCard } from './fixture.ts'
import {
  aesField,
  certificatesOf,
  deleteKeys,
  generateKey,
  keysOf,
  keyTemplate,
  privateField,
  publicField,
  putKey,
  putSet,
  rsaField,
  storeAllowList,
  storeAuthority,
  storeCertificates,
  storeData,
  tlv,
} from './management.ts'
import { bundled, openScp11, pointIn } from './scp11.ts'
import { initializeUpdate, type KeySet, openScp03, type Session } from './session.ts'

const entropy = scriptedEntropy('keys that are put')
const set = (length: number): KeySet => [entropy.bytes(length), entropy.bytes(length), entropy.bytes(length)]
const scalar = entropy.bytes(32)
const pair = crypto.ecPrivateKey(scalar)
const authority = fixtureKey(crypto, 'authority')
const factory = ['01FF88', '02FF88', '03FF88', '1301B1']

/** The keys of the issuer security domain as anyone reads them. */
function listed(card: Card): string[] {
  card.select()
  return keysOf(card)
}

/** Tries something in a session of its own that must be refused so, with nothing changed. */
function refused(
  card: Card,
  status: string,
  work: (session: Session) => { sw: number },
  keys?: KeySet,
  version = 0,
): void {
  const session = openScp03(card, { version, ...(keys === undefined ? {} : { keys }) })
  const before = card.memory()
  const answer = work(session)
  assert.equal(answer.sw.toString(16).toUpperCase(), status)
  assert.equal(card.memory(), before)
  assert.equal(sw(session.send('80CA00E000')), '9000')
}

test('PUT KEY takes the own vectors in both forms of a key block, and the first own set ends the factory set', () => {
  const gp =
    '80D8008146018811103D0FA4B855D2A5AA4954B8B5DF582A3A03C35280881110790ACCDA858B997029FA9AE50C9CD028030138088811108CAA7F589AA0CEB6350A45E70A6E435B03840DE5'
  const short =
    '80D80081430188103D0FA4B855D2A5AA4954B8B5DF582A3A03C352808810790ACCDA858B997029FA9AE50C9CD0280301380888108CAA7F589AA0CEB6350A45E70A6E435B03840DE5'
  for (const apdu of [gp, short]) {
    const card = testCard()
    const answer = openScp03(card).send(apdu)
    assert.equal(`${hex(answer.data)} ${sw(answer)}`, '01C35280013808840DE5 9000')
    assert.deepEqual(listed(card), ['010188', '020188', '030188', '1301B1'])
    const sequence = (first: number) => Uint8Array.from({ length: 16 }, (_, i) => first + i)
    const keys: KeySet = [sequence(0x00), sequence(0x10), sequence(0x20)]
    card.select()
    const begun = initializeUpdate(card, { keys })
    assert.equal(begun.version, 1)
    // A new set counts from the beginning.
    assert.equal(begun.counter, 1)
    assert.equal(sw(openScp03(card, { keys }).send('80CA00E000')), '9000')
    assert.equal(sw(card.send('8050FF00080102030405060708')), '6A88')
  }
})

test('AES keys of 16, 24 and 32 bytes in either form, each opening channels', () => {
  for (const length of [16, 24, 32]) {
    for (const inner of [false, true]) {
      const card = testCard()
      const keys = set(length)
      const answer = putSet(openScp03(card), 0x31, keys, { inner })
      assert.equal(sw(answer), '9000')
      assert.equal(answer.data.length, 10)
      card.repower()
      const next = set(32)
      assert.equal(sw(putSet(openScp03(card, { keys }), 0x31, next, { old: 0x31 })), '9000')
      assert.equal(sw(openScp03(card, { keys: next, version: 0x31 }).send('80CA00E000')), '9000')
    }
  }
})

test('pairs, public keys and RSA keys go in, are listed, and are bound to nothing yet', () => {
  const card = testCard()
  const session = openScp03(card)
  for (const [id, version, field] of [
    [0x11, 0x03, privateField(session.dek, scalar)],
    [0x15, 0x03, privateField(session.dek, scalar, true)],
    [0x13, 0x02, privateField(session.dek, scalar)],
    [0x10, 0x03, publicField(authority.publicPoint)],
    [0x20, 0x03, publicField(authority.publicPoint)],
    [0x2f, 0x7f, publicField(authority.publicPoint)],
    [0x73, 0x73, rsaField(entropy.bytes(128))],
    [0x01, 0x70, publicField(authority.publicPoint)],
    [0x40, 0x01, aesField(session.dek, entropy.bytes(16))],
  ] as const) {
    const answer = putKey(session, { id }, version, field)
    assert.equal(sw(answer), '9000', `${id} ${version}`)
    assert.equal(answer.data[0], version)
    assert.equal(sw(certificatesOf(card.module ? session : session, id, version)), '6A88')
  }
  assert.deepEqual(
    keysOf(session),
    [
      ...factory,
      '1103B1',
      '1503B1',
      '1302B1',
      '1003B0',
      '2003B0',
      '2F7FB0',
      '7373A1',
      '0170B0',
      '400188',
    ].sort(),
  )
  card.select()
  assert.equal(
    sw(openScp11(card, { variant: 'b', version: 2, cardPoint: pair.publicPoint }).send('80CA00E000')),
    '9000',
  )
})

test('a key replaces another of its version or of another one; what is not there is not replaced, what is taken not added', () => {
  const card = testCard()
  const session = openScp03(card)
  const put = (old: number, version: number) =>
    sw(putKey(session, { old, id: 0x11 }, version, privateField(session.dek, entropy.bytes(32))))
  assert.equal(put(0, 3), '9000')
  assert.equal(put(0, 3), '6A89')
  assert.equal(put(4, 5), '6A88')
  assert.equal(put(3, 3), '9000')
  assert.equal(put(3, 4), '9000')
  assert.equal(put(0, 5), '9000')
  assert.equal(put(4, 5), '6A89')
  assert.deepEqual(keysOf(session), [...factory, '1104B1', '1105B1'].sort())
})

test('what is bound to a key goes with it: certificates, lists, identifier of its CA', () => {
  const bind = (session: Session) => {
    assert.equal(sw(putKey(session, { id: 0x10 }, 3, publicField(authority.publicPoint))), '9000')
    assert.equal(sw(putKey(session, { id: 0x11 }, 3, privateField(session.dek, scalar))), '9000')
    assert.equal(sw(storeAuthority(session, 0x10, 3, entropy.bytes(20))), '9000')
    assert.equal(sw(storeAllowList(session, 0x10, 3, [Uint8Array.of(1, 2)])), '9000')
    assert.equal(sw(storeCertificates(session, 0x11, 3, decodeHex('3003020101'))), '9000')
    assert.equal(hex(certificatesOf(session, 0x11, 3).data), '3003020101')
    assert.equal(sw(session.send('00CAFF3300')), '9000')
  }
  const gone: readonly ((session: Session) => { sw: number })[] = [
    (session) => deleteKeys(session, { version: 3 }),
    (session) => {
      deleteKeys(session, { id: 0x10, version: 3 })
      return deleteKeys(session, { id: 0x11 })
    },
    (session) => {
      putKey(session, { old: 3, id: 0x10 }, 3, publicField(pair.publicPoint))
      return putKey(session, { old: 3, id: 0x11 }, 3, privateField(session.dek, entropy.bytes(32)))
    },
    (session) => {
      putKey(session, { old: 3, id: 0x10 }, 4, publicField(pair.publicPoint))
      return generateKey(session, 0x11, 4, 3)
    },
  ]
  for (const remove of gone) {
    const card = testCard()
    const session = openScp03(card)
    bind(session)
    assert.equal(sw({ data: new Uint8Array(0), sw: remove(session).sw }), '9000')
    assert.equal(sw(certificatesOf(session, 0x11, 3)), '6A88')
    assert.equal(sw(session.send('00CAFF3300')), '6A88')
    const kinds = [...card.objects().keys()].filter((name) => name.startsWith('domain-data'))
    assert.ok(
      kinds.every((name) => /domain-data (21301|21104)$/.test(name)),
      kinds.join(),
    )
  }
})

test('a wrong check value, curve, kind, block, scalar or point is refused, and nothing of the command is kept', () => {
  const card = testCard()
  const good = entropy.bytes(16)
  const three = (session: Session, third: Uint8Array) =>
    putKey(
      session,
      { id: 1, several: true },
      0x31,
      aesField(session.dek, good),
      aesField(session.dek, good),
      third,
    )
  refused(card, '6982', (session) => {
    const field = aesField(session.dek, good)
    return three(session, concat(field.subarray(0, -1), Uint8Array.of(field.at(-1)! ^ 1)))
  })
  // 3DES, what has no check value, P-384, brainpool, another length of a scalar.
  refused(card, '6A81', (session) => {
    const field = aesField(session.dek, good)
    return three(session, concat(Uint8Array.of(0x80), field.subarray(1)))
  })
  refused(card, '6A80', (session) =>
    three(session, concat(aesField(session.dek, good).subarray(0, -4), Uint8Array.of(0))),
  )
  refused(card, '6A81', (session) => {
    const wrapped = session.dek.cbcEncrypt(new Uint8Array(16), new Uint8Array(48).fill(1))
    return putKey(session, { id: 0x11 }, 3, concat(Uint8Array.of(0xb1, 48), wrapped, decodeHex('F0010100')))
  })
  refused(card, '6A81', (session) => {
    const wrapped = session.dek.cbcEncrypt(new Uint8Array(16), scalar)
    return putKey(session, { id: 0x11 }, 3, concat(Uint8Array.of(0xb1, 32), wrapped, decodeHex('F0010300')))
  })
  refused(card, '6A81', (session) => {
    const point = concat(Uint8Array.of(0x04), entropy.bytes(96))
    return putKey(session, { id: 0x10 }, 3, concat(Uint8Array.of(0xb0, 97), point, decodeHex('F0010100')))
  })
  refused(card, '6A80', (session) =>
    putKey(session, { id: 0x11 }, 3, privateField(session.dek, new Uint8Array(32))),
  )
  const order = decodeHex('FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551')
  refused(card, '6A80', (session) => putKey(session, { id: 0x11 }, 3, privateField(session.dek, order)))
  refused(card, '6A80', (session) => {
    const point = authority.publicPoint.slice()
    point[64]! ^= 1
    return putKey(session, { id: 0x10 }, 3, publicField(point))
  })
  // Kinds that the identifier does not have.
  for (const id of [0x11, 0x13, 0x15]) {
    refused(card, '6A80', (session) => putKey(session, { id }, 3, publicField(authority.publicPoint)))
    refused(card, '6A80', (session) => putKey(session, { id }, 3, aesField(session.dek, good)))
  }
  for (const id of [0x10, 0x20, 0x2f]) {
    refused(card, '6A80', (session) => putKey(session, { id }, 3, privateField(session.dek, scalar)))
    refused(card, '6A80', (session) => putKey(session, { id }, 3, rsaField(new Uint8Array(128).fill(0xc1))))
    refused(card, '6A80', (session) => generateKey(session, id, 3))
  }
  // P1, P2 and versions that are none.
  refused(card, '6A86', (session) => putKey(session, { id: 0 }, 3, privateField(session.dek, scalar)))
  refused(card, '6A86', (session) => {
    const field = aesField(session.dek, good)
    return putKey(session, { id: 1 }, 0x31, field, field)
  })
  refused(card, '6A86', (session) => {
    const field = aesField(session.dek, good)
    return putKey(session, { id: 0x7f, several: true }, 0x31, field, field)
  })
  for (const version of [0x00, 0x80, 0xff]) {
    refused(card, '6A80', (session) =>
      putKey(session, { id: 0x11 }, version, privateField(session.dek, scalar)),
    )
    refused(card, '6A80', (session) => generateKey(session, 0x11, version))
  }
  for (const curve of [0x01, 0x02, 0x03]) {
    const request = (session: Session) =>
      session.send({ cla: 0x80, ins: 0xf1, p2: 0x11, data: Uint8Array.of(3, 0xf0, 1, curve) })
    refused(card, '6A81', request)
  }
  refused(card, '6A86', (session) => generateKey(session, 0x80, 3))
  refused(card, '6A88', (session) => generateKey(session, 0x11, 4, 3))
  refused(card, '6A89', (session) => generateKey(session, 0x13, 1))
  assert.deepEqual(listed(card), factory)
})

test('[X9a] PUT KEY refuses known test keys outside test modules, and takes them in one', () => {
  const testScalar = decodeHex('C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721')
  const points = crypto.ecPrivateKey(testScalar).publicPoint
  const fields: readonly ((session: Session) => { sw: number })[] = [
    (session) => putSet(session, 0x31, [factoryKey, factoryKey, factoryKey]),
    (session) => putSet(session, 0x31, [ownSet[0], ownSet[1], factoryKey]),
    (session) => putSet(session, 0x31, [new Uint8Array(32), new Uint8Array(32), new Uint8Array(32)]),
    (session) => putKey(session, { id: 0x11 }, 3, privateField(session.dek, testScalar)),
    (session) => putKey(session, { id: 0x10 }, 3, publicField(points)),
    (session) => putKey(session, { id: 0x40 }, 3, aesField(session.dek, factoryKey)),
  ]
  for (const field of fields) {
    refused(realCard(), '6A80', field, ownSet)
    assert.equal(sw({ data: new Uint8Array(0), sw: field(openScp03(testCard())).sw }), '9000')
  }
})

test('GENERATE KEY makes a pair that never leaves, with certificates up to the root of the card', () => {
  for (const make of [testCard, realCard]) {
    const card = make()
    const session = make === testCard ? openScp03(card) : openScp03(card, { keys: ownSet })
    const seen = new Set<string>()
    for (const id of [0x11, 0x13, 0x15]) {
      const answer = generateKey(session, id, 0x04)
      assert.equal(sw(answer), '9000')
      assert.equal(hex(answer.data.subarray(0, 3)), 'B04104')
      const point = answer.data.subarray(2)
      seen.add(hex(point))
      const chain = bundled(certificatesOf(session, id, 0x04).data)
      assert.equal(chain.length, 2)
      assert.deepEqual(pointIn(chain[1]!), point)
      assert.deepEqual(chain[0], bundled(certificatesOf(session, 0x13, 0x01).data)[0])
    }
    assert.equal(seen.size, 3)
    card.select()
    const cardPoint = pointIn(bundled(certificatesOf(card, 0x13, 0x04).data)[1]!)
    assert.equal(sw(openScp11(card, { variant: 'b', version: 4, cardPoint }).send('80CA00E000')), '9000')
  }
})

test('DELETE by identifier, by version and by both; what is not there is 6A88', () => {
  const card = testCard()
  const session = openScp03(card)
  for (const [id, version] of [
    [0x11, 3],
    [0x11, 4],
    [0x15, 3],
    [0x15, 4],
  ] as const) {
    assert.equal(sw(generateKey(session, id, version)), '9000')
  }
  assert.equal(sw(deleteKeys(session, { id: 0x11, version: 5 })), '6A88')
  assert.equal(sw(deleteKeys(session, { id: 0x10 })), '6A88')
  assert.equal(sw(deleteKeys(session, { version: 9 })), '6A88')
  assert.equal(sw(deleteKeys(session, { id: 0x11, version: 4 })), '9000')
  assert.deepEqual(keysOf(session), [...factory, '1103B1', '1503B1', '1504B1'].sort())
  const answer = deleteKeys(session, { version: 3 })
  assert.equal(hex(answer.data), '00')
  assert.deepEqual(keysOf(session), [...factory, '1504B1'].sort())
  assert.equal(sw(deleteKeys(session, { id: 0x15 })), '9000')
  assert.equal(sw(deleteKeys(session, { id: 0x13, version: 1 })), '9000')
  assert.deepEqual(keysOf(session), factory.slice(0, 3))
})

test('nothing leaves the issuer security domain without a set to open a channel with', () => {
  const other = testCard()
  refused(other, '6985', (session) => deleteKeys(session, { version: 0xff }))
  // Told to do it all the same: the factory set is the beginning, there is nothing to go back to.
  refused(other, '6985', (session) => deleteKeys(session, { version: 0xff, last: true }))
  refused(other, '6985', (session) => deleteKeys(session, { id: 1, last: true }))
  refused(other, '6985', (session) => generateKey(session, 1, 0x31, 0xff))
  assert.equal(sw(putSet(openScp03(other), 0x30, ownSet)), '9000')
  for (const card of [other, realCard()]) {
    const [version, keys] = [0x30, ownSet]
    const before = listed(card)
    const attempts: readonly ((session: Session) => { sw: number })[] = [
      (session) => deleteKeys(session, { version }),
      (session) => deleteKeys(session, { id: 1 }),
      (session) => deleteKeys(session, { id: 2, version }),
      (session) => deleteKeys(session, { id: 3, version }),
      // One key of the set of another length, of another kind, or moved to another version.
      (session) =>
        putKey(session, { old: version, id: 1 }, version, aesField(session.dek, entropy.bytes(32))),
      (session) => putKey(session, { old: version, id: 1 }, 0x31, aesField(session.dek, entropy.bytes(16))),
      (session) => putKey(session, { old: version, id: 3 }, 0x31, publicField(authority.publicPoint)),
      (session) => generateKey(session, 1, 0x31, version),
      (session) => generateKey(session, 3, 0x31, version),
    ]
    for (const attempt of attempts) refused(card, '6985', attempt, keys)
    assert.deepEqual(listed(card), before)
  }
})

test('a test card that is told to delete its last set takes the factory set back', () => {
  const card = testCard()
  const keys = set(16)
  assert.equal(sw(putSet(openScp03(card), 0x31, keys)), '9000')
  refused(card, '6985', (session) => deleteKeys(session, { version: 0x31 }), keys)
  assert.equal(sw(deleteKeys(openScp03(card, { keys }), { version: 0x31, last: true })), '9000')
  assert.deepEqual(listed(card), factory)
  assert.equal(sw(openScp03(card).send('80CA00E000')), '9000')

  const real = realCard()
  refused(real, '6985', (session) => deleteKeys(session, { version: 0x30, last: true }), ownSet)
})

test('two sets live together; version 00 means the lowest', () => {
  const card = realCard()
  const other = set(32)
  assert.equal(sw(putSet(openScp03(card, { keys: ownSet }), 0x20, other)), '9000')
  assert.equal(initializeUpdate(card, { keys: other }).version, 0x20)
  assert.equal(sw(openScp03(card, { keys: ownSet, version: 0x30 }).send('80CA00E000')), '9000')
  const counters = ['0x20', '0x30'].map(
    (version) => initializeUpdate(card, { keys: ownSet, version: Number(version) }).counter,
  )
  assert.deepEqual(counters, [2, 3])
  assert.equal(sw(deleteKeys(openScp03(card, { keys: ownSet, version: 0x30 }), { version: 0x30 })), '9000')
  assert.equal(sw(card.send('80503000080102030405060708')), '6A88')
})

test('no key is ever answered, and none stays in the memory after its deletion or a refused command', () => {
  const card = testCard()
  const session = openScp03(card)
  const secrets = [entropy.bytes(16), entropy.bytes(16), entropy.bytes(16), scalar]
  const [enc, mac, dek] = secrets as [Uint8Array, Uint8Array, Uint8Array]
  const heard: string[] = []
  const hear = (answer: { data: Uint8Array; sw: number }) => heard.push(hex(answer.data))
  const wrongKcv = aesField(session.dek, dek)
  wrongKcv[wrongKcv.length - 1]! ^= 1
  hear(
    putKey(
      session,
      { id: 1, several: true },
      0x31,
      aesField(session.dek, enc),
      aesField(session.dek, mac),
      wrongKcv,
    ),
  )
  for (const secret of secrets) assert.equal(card.copies(secret), 0)
  hear(putSet(session, 0x31, [enc, mac, dek]))
  hear(putKey(session, { id: 0x11 }, 0x31, privateField(session.dek, scalar)))
  for (let tag = 0; tag < 0x100; tag++) {
    for (const p1 of [0x00, 0x9f, 0xbf, 0xdf, 0xff])
      hear(session.send({ cla: 0x80, ins: 0xca, p1, p2: tag, le: 0x100 }))
  }
  hear(certificatesOf(session, 0x11, 0x31))
  for (const secret of secrets) {
    assert.equal(card.copies(secret), 1)
    assert.ok(!heard.some((one) => one.includes(hex(secret))))
  }
  // The first own set ended the factory's: its bytes are gone.
  assert.equal(card.copies(factoryKey), 0)
  hear(putSet(openScp03(card, { keys: [enc, mac, dek] }), 0x32, set(16)))
  assert.equal(
    sw(deleteKeys(openScp03(card, { keys: [enc, mac, dek], version: 0x31 }), { version: 0x31 })),
    '9000',
  )
  for (const secret of secrets) assert.equal(card.copies(secret), 0)
})

test('the first pair of SCP11b is gone when it is deleted, but for a test module, which goes back to it', () => {
  const serial = decodeHex('0102030405060708')
  const validity = { notBefore: 1_700_000_000, notAfter: 1_800_000_000 }
  const { proof } = makeCardProof({ crypto, entropy: scriptedEntropy('a proof') }, serial, validity)
  for (const keys of ['test', ownKeys] as const) {
    const { medium, power } = plainModule({ crypto, keys, proof, serial })
    const card = new Card(medium, power)
    const copies = () => card.copies(proof.pair)
    assert.equal(copies(), keys === 'test' ? 2 : 1)
    const session = openScp03(card, keys === 'test' ? {} : { keys: ownSet })
    assert.equal(sw(deleteKeys(session, { id: 0x13 })), '9000')
    assert.equal(copies(), keys === 'test' ? 1 : 0)
    // The CA in the card certifies what is made in it, as before.
    assert.equal(sw(generateKey(session, 0x13, 2)), '9000')
    assert.deepEqual(bundled(certificatesOf(session, 0x13, 2).data)[0], proof.certificate)
  }
})

test('a memory filled to its last place shuts nothing: the channel opens, and what fills it is deleted', () => {
  for (const made of ['test', ownKeys] as const) {
    const { medium, power } = plainModule({ crypto, keys: made, eepromSize: 32 * 1024 })
    const card = new Card(medium, power)
    const first = made === 'test' ? openScp03(card) : openScp03(card, { keys: ownSet })
    // A set that has opened no channel yet when the memory is full.
    const keys = set(16)
    assert.equal(sw(putSet(first, 0x7f, keys)), '9000')
    let last = 0x9000
    for (let place = 0; last === 0x9000; place++) {
      const [id, version] = [0x40 + (place >>> 6), 1 + (place & 0x3f)]
      const field = aesField(first.dek, concat(entropy.bytes(14), Uint8Array.of(id, version)))
      last = putKey(first, { id }, version, field).sw
    }
    assert.equal(last, 0x6a84)
    const { used, all } = card.module.parts.objects.entries()
    // A place for the event that goes with a key is missing, or for the key.
    assert.ok(used >= all - 1, `${used} of ${all}`)
    card.repower()
    const options = { keys, version: 0x7f }
    refused(card, '6A84', (session) => generateKey(session, 0x15, 1), keys, 0x7f)
    assert.equal(sw(deleteKeys(openScp03(card, options), { id: 0x40 })), '9000')
    assert.equal(sw(generateKey(openScp03(card, options), 0x15, 1)), '9000')
  }
})

test("a DEK is the session's own: keys wrapped for another one are refused", () => {
  const card = realCard()
  const foreign = crypto.aes(entropy.bytes(16))
  refused(
    card,
    '6982',
    (session) => putKey(session, { id: 0x40 }, 1, aesField(foreign, entropy.bytes(16)), new Uint8Array(0)),
    ownSet,
  )
})

test('STORE DATA for a key: it must be there and be of a kind that has such data; what is malformed is refused', () => {
  const card = testCard()
  const session = openScp03(card)
  assert.equal(sw(putKey(session, { id: 0x10 }, 3, publicField(authority.publicPoint))), '9000')
  const before = card.memory()
  const list = tlv(0x70, tlv(0x93, Uint8Array.of(1)))
  for (const [status, objects] of [
    ['6A88', [keyTemplate(0x10, 4), list]],
    ['6A88', [keyTemplate(0x11, 3), list]],
    ['6A88', [keyTemplate(0x01, 0xff), list]],
    ['6A88', [keyTemplate(0x01, 0xff), tlv(0xbf21, decodeHex('3000'))]],
    ['6A88', [keyTemplate(0x11, 3, tlv(0x42, Uint8Array.of(1)))]],
    ['6A81', [keyTemplate(0x10, 3), tlv(0x92, Uint8Array.of(1)), list]],
    ['6A80', [keyTemplate(0x10, 3)]],
    ['6A80', [keyTemplate(0x10, 3), tlv(0x71, Uint8Array.of(1))]],
    ['6A80', [keyTemplate(0x10, 3), tlv(0x70, tlv(0x94, Uint8Array.of(1)))]],
    ['6A80', [tlv(0xc1, Uint8Array.of(0, 0, 9))]],
    ['6A80', [tlv(0xe0, Uint8Array.of(1))]],
    ['6A80', [tlv(0x42, new Uint8Array(17))]],
    ['6A80', [tlv(0x42)]],
    ['6A80', [tlv(0x4f, new Uint8Array(4))]],
    ['6A80', [new Uint8Array(0)]],
  ] as const) {
    const answer = storeData(session, ...objects)
    assert.equal(sw(answer), status, hex(concat(...objects)))
    assert.equal(card.memory(), before)
  }
  // DGI, encrypted content, reserved bits, blocks out of order.
  const send = (p1: number, p2 = 0) =>
    sw(session.send({ cla: 0x80, ins: 0xe2, p1, p2, data: decodeHex('420101') }))
  assert.deepEqual(
    [send(0x88), send(0xf0), send(0xb0), send(0x92), send(0x98)],
    ['6A81', '6A81', '6A81', '6A86', '6A86'],
  )
  assert.equal(send(0x90, 1), '6985')
  assert.equal(send(0x10, 0), '9000')
  assert.equal(send(0x90, 2), '6985')
  assert.equal(send(0x90, 1), '6985')
  assert.equal(card.memory(), before)
})

test('an allow-list and an identifier are replaced, listed, and removed by an empty list', () => {
  const card = testCard()
  const session = openScp03(card)
  assert.equal(sw(putKey(session, { id: 0x10 }, 3, publicField(authority.publicPoint))), '9000')
  for (const serial of [Uint8Array.of(1), Uint8Array.of(0, 0xff)]) {
    assert.equal(sw(storeAllowList(session, 0x10, 3, [serial, Uint8Array.of(7)])), '9000')
  }
  assert.equal(card.objects().get('domain-data 31003'), '0200FF0107')
  assert.equal(sw(storeAllowList(session, 0x10, 3, [])), '9000')
  assert.equal(card.objects().get('domain-data 31003'), undefined)
  for (const identifier of ['0102', '030405']) {
    assert.equal(sw(storeAuthority(session, 0x10, 3, decodeHex(identifier))), '9000')
  }
  assert.equal(hex(session.send('00CAFF3300').data), '420303040583021003')
  const found = session.send({ cla: 0x80, ins: 0xca, p2: 0x83, data: decodeHex('A6054203030405'), le: 0x100 })
  assert.equal(hex(found.data), '83021003')
})
