import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { concat, decodeHex, encodeHex } from '../bytes/index.ts'
import { deriveSessionKeyBytes, scp03Cryptogram } from '../channel/scp03/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import {
  laterChannelKeys,
  openCustomizationKeyEnvelope,
  openSealedCustomizationKey,
  parseCustomizationKeyEnvelope,
  parseSealedCustomizationKey,
  sealCustomizationKey,
  sealCustomizationKeyToChip,
  serializeCustomizationKeyEnvelope,
  serializeSealedCustomizationKey,
  serializeSessionRequest,
} from './index.ts'

/** A case of vectors/later-customization.json: every value but the name in hex. */
type Case = Readonly<
  Record<
    | 'name'
    | 'master'
    | 'sam'
    | 'serial'
    | 'key'
    | 'nonce'
    | 'sealed'
    | 'identityScalar'
    | 'identityPoint'
    | 'ephemeralScalar'
    | 'envelope'
    | 'enc'
    | 'mac'
    | 'dek'
    | 'hostChallenge'
    | 'cardChallenge'
    | 'sEnc'
    | 'sMac'
    | 'sRmac'
    | 'cardCryptogram'
    | 'hostCryptogram'
    | 'sessionRequest',
    string
  >
>

const path = new URL('../../../../vectors/later-customization.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }

test('[D10e] keys, sealed forms and the session agree with an implementation of others', () => {
  assert.ok(cases.length > 0)
  for (const example of cases) {
    const bytes = (name: keyof Case) => decodeHex(example[name])
    const seal = { crypto, master: crypto.aes(bytes('master')), sam: bytes('sam'), serial: bytes('serial') }
    const sealed = sealCustomizationKey(seal, { key: bytes('key'), nonce: bytes('nonce') })
    assert.equal(encodeHex(serializeSealedCustomizationKey(sealed)), example.sealed)
    assert.deepEqual(
      openSealedCustomizationKey(seal, parseSealedCustomizationKey(bytes('sealed'))),
      bytes('key'),
    )

    const identity = crypto.ecPrivateKey(bytes('identityScalar'))
    assert.equal(encodeHex(identity.publicPoint), example.identityPoint)
    const chip = { crypto, serial: bytes('serial'), point: identity.publicPoint }
    const envelope = sealCustomizationKeyToChip(chip, {
      ...{ key: bytes('key'), sealed },
      ephemeralScalar: bytes('ephemeralScalar'),
    })
    assert.equal(encodeHex(serializeCustomizationKeyEnvelope(envelope)), example.envelope)
    const agree = identity.agree.bind(identity)
    const opened = openCustomizationKeyEnvelope(
      { ...chip, agree },
      parseCustomizationKeyEnvelope(bytes('envelope')),
    )
    assert.deepEqual(opened, bytes('key'))

    const { enc, mac, dek } = laterChannelKeys(crypto, bytes('key'), bytes('serial'))
    assert.deepEqual([enc, mac, dek].map(encodeHex), [example.enc, example.mac, example.dek])
    const context = concat(bytes('hostChallenge'), bytes('cardChallenge'))
    const session = deriveSessionKeyBytes({ enc: crypto.aes(enc), mac: crypto.aes(mac) }, context)
    assert.deepEqual([session.enc, session.mac, session.rmac].map(encodeHex), [
      example.sEnc,
      example.sMac,
      example.sRmac,
    ])
    const sMac = crypto.aes(session.mac)
    assert.equal(encodeHex(scp03Cryptogram(sMac, 'card', context)), example.cardCryptogram)
    assert.equal(encodeHex(scp03Cryptogram(sMac, 'host', context)), example.hostCryptogram)
    const request = serializeSessionRequest({
      ...{ serial: bytes('serial'), sealed },
      ...{ cardChallenge: bytes('cardChallenge'), cardCryptogram: bytes('cardCryptogram') },
    })
    assert.equal(encodeHex(request), example.sessionRequest)
  }
})
