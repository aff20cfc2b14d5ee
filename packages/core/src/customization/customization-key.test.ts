import assert from 'node:assert/strict'
import { test } from 'node:test'
import { portableCrypto as crypto, privateScalar } from '../crypto/index.ts'
import { AuthError } from '../errors/index.ts'
import { scriptedEntropy } from '../testing/index.ts'
import {
  type CustomizationKeyEnvelope,
  laterChannelKeys,
  openCustomizationKeyEnvelope,
  openSealedCustomizationKey,
  type SealedCustomizationKey,
  sealCustomizationKey,
  sealCustomizationKeyToChip,
} from './index.ts'

const entropy = scriptedEntropy('customization key')
const key = entropy.bytes(32)
const master = crypto.aes(entropy.bytes(32))
const sam = entropy.bytes(8)
const serial = entropy.bytes(8)
const nonce = entropy.bytes(12)
const chip = crypto.ecPrivateKey(privateScalar(crypto, entropy.bytes(48)))
const scalar = privateScalar(crypto, entropy.bytes(48))
const seal = { crypto, master, sam, serial }
const addressee = { crypto, serial, point: chip.publicPoint }
const flipped = (bytes: Uint8Array, at: number) => bytes.with(at, bytes[at]! ^ 0x01)

test('[D10e] a sealed key opens under its master key, for its SAM and chip, and nowhere else', () => {
  const sealed = sealCustomizationKey(seal, { key, nonce })
  assert.deepEqual(openSealedCustomizationKey(seal, sealed), key)
  const other = crypto.aes(new Uint8Array(32).fill(1))
  for (const wrong of [{ master: other }, { sam: serial }, { serial: sam }]) {
    assert.throws(() => openSealedCustomizationKey({ ...seal, ...wrong }, sealed), AuthError)
  }
  const changes: SealedCustomizationKey[] = [
    ...Array.from(nonce, (_, at) => ({ ...sealed, nonce: flipped(nonce, at) })),
    ...Array.from(sealed.box, (_, at) => ({ ...sealed, box: flipped(sealed.box, at) })),
  ]
  for (const changed of changes) {
    assert.throws(() => openSealedCustomizationKey(seal, changed), AuthError)
  }
})

test('[D10e] an envelope opens in the chip whose identity key it was sealed to, whole and unchanged', () => {
  const sealed = sealCustomizationKey(seal, { key, nonce })
  const own = scalar.slice()
  const envelope = sealCustomizationKeyToChip(addressee, { key, sealed, ephemeralScalar: own })
  assert.ok(own.every((byte) => byte === 0))
  const agree = chip.agree.bind(chip)
  const open = (changed: CustomizationKeyEnvelope, wrong: { serial?: Uint8Array } = {}) =>
    openCustomizationKeyEnvelope({ ...addressee, agree, ...wrong }, changed)
  assert.deepEqual(open(envelope), key)
  const stranger = crypto.ecPrivateKey(privateScalar(crypto, entropy.bytes(48)))
  assert.throws(() => open(envelope, { serial: sam }), AuthError)
  assert.throws(
    () => openCustomizationKeyEnvelope({ ...addressee, agree: stranger.agree.bind(stranger) }, envelope),
    AuthError,
  )
  const wrong: CustomizationKeyEnvelope[] = [
    { ...envelope, ephemeral: stranger.publicPoint },
    ...Array.from(envelope.box, (_, at) => ({ ...envelope, box: flipped(envelope.box, at) })),
    { ...envelope, sealed: { ...sealed, box: flipped(sealed.box, 0) } },
    { ...envelope, sealed: { ...sealed, sam: serial } },
  ]
  for (const changed of wrong) assert.throws(() => open(changed), AuthError)
})

test('keys of the channel hang on key and serial number, and are three', () => {
  const set = laterChannelKeys(crypto, key, serial)
  const all = [set, laterChannelKeys(crypto, key, sam), laterChannelKeys(crypto, nonceKey(), serial)]
  const different = new Set(all.flatMap(({ enc, mac, dek }) => [enc, mac, dek].map((one) => one.join())))
  assert.equal(different.size, 9)
  assert.throws(() => laterChannelKeys(crypto, key.subarray(1), serial), /customization key/)
})

function nonceKey(): Uint8Array {
  return new Uint8Array(32).fill(9)
}
