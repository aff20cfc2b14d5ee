import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytes, laws, shaped } from '../../test/codec-laws.ts'
import { concat, equal } from '../bytes/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import {
  type IdentityRequest,
  type ImageForm,
  indexInLot,
  isLotNote,
  isLotOrder,
  type LotKind,
  type LotOrder,
  lotChip,
  lotDocumentKey,
  lotImageIv,
  lotImageKey,
  lotImageOf,
  lotOrderOf,
  type MaskFile,
  maskPagesOf,
  type NotedChip,
  parseLotCertificates,
  parseLotFile,
  parseLotNote,
  parseLotOrder,
  parseLotRequests,
  serializeLotCertificates,
  serializeLotFile,
  serializeLotNote,
  serializeLotOrder,
  serializeLotRequests,
} from './index.ts'

const kind = fc.constantFrom<LotKind>('own-keys', 'one-key')
const count = fc.integer({ min: 1, max: 0xffff_ffff })
const lot = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

laws(
  'lot file',
  shaped({
    version: fc.constant(1 as const),
    lot: bytes(8),
    kind,
    count,
    romDigest: bytes(32),
    form: fc.constantFrom<ImageForm>('eeprom', 'ram'),
    hash: bytes(32),
    secret: bytes(32),
  }),
  serializeLotFile,
  parseLotFile,
)

const image = { address: 700, length: 40 }

function order(of: LotKind, chips: number): LotOrder {
  const eeprom = new Uint8Array(32_768)
  eeprom.fill(7, 300, 320)
  eeprom.fill(9, image.address, image.address + image.length)
  eeprom.fill(5, 760, 800)
  const mask: MaskFile = {
    version: 1,
    eepromSize: 32_768,
    rom: Uint8Array.of(1, 2, 3),
    eeprom: maskPagesOf(eeprom),
  }
  const images = Array.from({ length: of === 'one-key' ? 1 : chips }, (_, i) =>
    concat(lotImageIv({ lot, index: of === 'one-key' ? 0 : i + 1 }), new Uint8Array(24).fill(i + 1)),
  )
  return lotOrderOf(mask, image, { lot, kind: of, count: chips, images })
}

laws(
  'lot order',
  fc.tuple(kind, fc.integer({ min: 1, max: 3 })).map(([of, chips]) => order(of, chips)),
  serializeLotOrder,
  parseLotOrder,
)

const chips: fc.Arbitrary<NotedChip[]> = fc
  .uniqueArray(fc.integer({ min: 1, max: 1000 }), { maxLength: 4 })
  .map((numbers) => numbers.sort((a, b) => a - b))
  .chain((numbers) =>
    fc.tuple(
      ...numbers.map((number) =>
        bytes(32).map((imageDigest) => ({ number, name: `chip-${number}.chip`, imageDigest })),
      ),
    ),
  )
laws(
  'delivery note of a lot',
  shaped({ version: fc.constant(1 as const), lot: bytes(8), kind, romDigest: bytes(32), chips }),
  serializeLotNote,
  parseLotNote,
)
laws(
  'requests of a lot',
  fc.array(
    shaped<IdentityRequest>({
      version: fc.constant(1 as const),
      serial: bytes(8),
      point: bytes(64).map((rest) => concat(Uint8Array.of(4), rest)),
      test: fc.boolean(),
      signature: bytes(64),
    }),
    { maxLength: 3 },
  ),
  serializeLotRequests,
  parseLotRequests,
)
laws(
  'certificates of a lot',
  fc.array(shaped({ serial: bytes(8), certificate: fc.uint8Array({ minLength: 1, maxLength: 30 }) }), {
    maxLength: 3,
  }),
  serializeLotCertificates,
  parseLotCertificates,
)

test("[D11a] every image of a lot has a key of its own, and none is a module's document key", () => {
  const secret = new Uint8Array(32).fill(3)
  const keys = [
    lotImageKey(crypto, secret, { lot, index: 0 }),
    lotImageKey(crypto, secret, { lot, index: 1 }),
    lotImageKey(crypto, secret, { lot, index: 2 }),
    lotImageKey(crypto, secret, { lot: lot.toReversed(), index: 1 }),
    lotImageKey(
      crypto,
      secret.map((byte) => byte + 1),
      { lot, index: 1 },
    ),
    lotDocumentKey(crypto, secret, { lot, serial: new Uint8Array(8) }),
    lotDocumentKey(crypto, secret, { lot, serial: lot }),
    secret,
  ]
  for (const [i, one] of keys.entries()) {
    assert.equal(one.length, 32)
    for (const other of keys.slice(i + 1)) assert.equal(equal(one, other), false)
  }
  assert.throws(() => lotImageKey(crypto, secret, { lot: lot.subarray(1), index: 1 }), UsageError)
  assert.throws(() => lotImageKey(crypto, secret.subarray(1), { lot, index: 1 }), UsageError)
  assert.throws(() => lotDocumentKey(crypto, secret, { lot, serial: lot.subarray(1) }), UsageError)
})

test('the iv names lot and image; one of another lot, of no lot, or outside the order belongs to none', () => {
  fc.assert(
    fc.property(bytes(8), fc.nat(0xffff_ffff), (id, index) => {
      assert.deepEqual(lotImageOf(lotImageIv({ lot: id, index })), { lot: id, index })
    }),
  )
  assert.equal(lotImageOf(concat(lot, new Uint8Array(7), Uint8Array.of(1))), undefined)
  assert.throws(() => lotImageOf(lot), DecodeError)
  const own = { lot, kind: 'own-keys', count: 3 } as const
  const at = (index: number, id = lot) => lotImageIv({ lot: id, index })
  assert.deepEqual(
    [0, 1, 3, 4].map((index) => indexInLot(own, at(index))),
    [undefined, 1, 3, undefined],
  )
  assert.deepEqual(
    [0, 1].map((index) => indexInLot({ ...own, kind: 'one-key' }, at(index))),
    [0, undefined],
  )
  assert.equal(indexInLot(own, at(1, lot.toReversed())), undefined)
  assert.equal(indexInLot(own, concat(lot, new Uint8Array(7), Uint8Array.of(1))), undefined)
})

test('a chip of an order has the common bytes and its own image, and nothing else', () => {
  for (const kindOfLot of ['own-keys', 'one-key'] as const) {
    const made = order(kindOfLot, 3)
    for (const number of [1, 2, 3]) {
      const { mask, image: own } = lotChip(made, number)
      const eeprom = new Uint8Array(32_768)
      for (const page of mask.eeprom) eeprom.set(page.bytes, page.number * 256)
      assert.deepEqual(eeprom.slice(image.address, image.address + image.length), own)
      assert.deepEqual(lotImageOf(own.subarray(0, 16)), { lot, index: kindOfLot === 'one-key' ? 0 : number })
      eeprom.fill(9, image.address, image.address + image.length)
      assert.deepEqual(
        [eeprom.slice(300, 320), eeprom.slice(760, 800)],
        [new Uint8Array(20).fill(7), new Uint8Array(40).fill(5)],
      )
      assert.equal(eeprom.filter((byte) => byte !== 0).length, 100)
    }
    for (const number of [0, 4, 1.5]) assert.throws(() => lotChip(made, number), UsageError)
  }
})

test('an order whose images stand in another order, or under common bytes, is refused', () => {
  const made = order('own-keys', 2)
  const wrong: LotOrder[] = [
    { ...made, images: made.images.toReversed() },
    { ...made, images: [made.images[0]!, made.images[0]!] },
    { ...made, lot: lot.toReversed() },
    { ...made, address: 290 },
    { ...made, address: 32_760 },
    { ...made, count: 0, images: [] },
  ]
  for (const one of wrong) assert.throws(() => parseLotOrder(serializeLotOrder(one)), DecodeError)
  const bytesOf = serializeLotOrder(made)
  assert.ok(isLotOrder(bytesOf) && !isLotNote(bytesOf))
  bytesOf[4] = 2
  assert.throws(() => parseLotOrder(bytesOf), /version 2/)
})

test('a chip without a name, or with one that no terminal shows, is refused', () => {
  const note = { version: 1, lot, kind: 'own-keys', romDigest: new Uint8Array(32) } as const
  for (const name of ['', 'a'.repeat(101), 'a\n']) {
    const wrong = { ...note, chips: [{ number: 1, name, imageDigest: new Uint8Array(32) }] }
    assert.throws(() => serializeLotNote(wrong), UsageError)
  }
})
