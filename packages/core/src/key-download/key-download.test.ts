import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeHex, decodeHex as hex } from '../bytes/index.ts'
import { kcvCmac, portableCrypto } from '../crypto/index.ts'
import {
  acknowledge,
  checkMessage,
  cmacSignature,
  downloadKeys,
  openMessage,
  parseAttributes,
  parseKeyMessage,
  sealKey,
  unitSignatureKey,
  unitTransportKey,
} from './index.ts'

const crypto = portableCrypto
const T = hex('00112233445566778899AABBCCDDEEFF')
const serial = hex('0102030405060708')
const context = {
  random: hex('F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF'),
  serial,
  source: 0x00010a01,
  destination: 0x00200101,
  counter: 7,
}
const key = hex('3F419E1CB7079442AA37474C2EFBF8B8')
const attributes = parseAttributes(hex('4D36414330314E10'))
const ks1 = crypto.aes(unitSignatureKey(crypto.aes(hex('A0A1A2A3A4A5A6A7A8A9AAABACADAEAF')), serial))

for (const [profile, stored, cas, ack] of [
  ['shared', T, '625B45F2329ED8C0695C687646A46913', 'D787C96D2464F40EAB1A1DA3FAAFC9A5'],
  [
    'diversified',
    unitTransportKey(crypto.aes(T), serial),
    '72C9258287033D80171E0BECFC396039',
    '26547E416E461A36ECDCE07E64B8939A',
  ],
] as const) {
  test(`the worked example of profile ${profile}, both ways`, () => {
    const storedKey = crypto.aes(stored)
    const bytes = sealKey({
      crypto,
      suite: 0xa101,
      storedKey,
      context,
      attributes,
      key,
      signer: cmacSignature(ks1),
    })
    assert.equal(bytes.length, 104)
    const message = parseKeyMessage(bytes)
    assert.equal(encodeHex(message.certificate), cas)
    const checked = checkMessage(crypto, storedKey, message, context)
    assert.ok(checked)
    const opened = openMessage(checked, cmacSignature(ks1))
    assert.deepEqual(opened, { attributes, key })
    const keys = downloadKeys(crypto, storedKey, context)
    assert.equal(encodeHex(acknowledge(keys.acknowledgement, context, kcvCmac(crypto.aes(key)))), ack)
  })
}
