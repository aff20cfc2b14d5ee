import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ascii, concat, encodeHex, equal } from '@sealwright/core/bytes'
import { type CommandName, commands, keyPlaces, programInstructions } from '@sealwright/core/catalog'
import { portableCrypto } from '@sealwright/core/crypto'
import type { Crypto, EcPrivateKey } from '@sealwright/core/ports'
import { parseCertificate } from '@sealwright/core/x509'
import { signingCardBench } from '../../src/testing/index.ts'

interface Signature {
  /** The signer, by its point. */
  readonly point: string
  readonly message: Uint8Array
}

/** A backend that notes what is signed, and with which key; and every agreement of keys. */
function notingCrypto(): {
  readonly crypto: Crypto
  readonly signed: Signature[]
  readonly agreed: string[]
} {
  const signed: Signature[] = []
  const agreed: string[] = []
  const noting = (key: EcPrivateKey): EcPrivateKey => ({
    publicPoint: key.publicPoint,
    sign(...parts) {
      signed.push({ point: encodeHex(key.publicPoint), message: concat(...parts) })
      return key.sign(...parts)
    },
    agree(peer) {
      agreed.push(encodeHex(key.publicPoint))
      return key.agree(peer)
    },
    [Symbol.dispose]: () => key[Symbol.dispose](),
  })
  const crypto = {
    ...portableCrypto,
    ecPrivateKey: (scalar: Uint8Array) => noting(portableCrypto.ecPrivateKey(scalar)),
  }
  return { crypto, signed, agreed }
}

suite('a digest from outside', () => {
  const digest = portableCrypto.sha256(ascii('what somebody wants signed'))

  test("[B3a] no instruction signs it with the unit's key, nor agrees on a key with it: all were tried, in the clear and in the channel", async () => {
    const { crypto, signed, agreed } = notingCrypto()
    const bench = await signingCardBench({ crypto, fixture: { eepromSize: 64 * 1024 } })
    const unit = encodeHex(bench.unitPoint)
    const begin = await bench.order()
    const before = signed.filter(({ point }) => point === unit)
    // The request for its certificate, and the central system's certificate.
    assert.equal(before.length, 2)
    const place = Uint8Array.from([0xff, 0x05, 0x00, 0x01])
    const digits = [
      digest,
      concat(place, digest),
      concat(digest, place),
      concat(begin.nonce, digest),
      ascii(''),
    ]
    const shapes = [
      ...digits,
      concat(Uint8Array.of(0x9e, 0x20), digest),
      concat(Uint8Array.of(0x30, 0x20), digest),
    ]
    const all = new Set<number>(Array.from({ length: 0x100 }, (_, ins) => ins))
    for (const { ins } of [...Object.values(commands), ...Object.values(programInstructions)]) all.add(ins)
    for (const ins of all) {
      for (const data of shapes) {
        for (const cla of [0x00, 0x80]) {
          bench.module.transmit(apdu(cla, ins, data))
        }
      }
    }
    for (const name of Object.keys(commands) as CommandName[]) {
      for (const data of digits) {
        await bench.speakProtected(name, data).catch(() => undefined)
        bench.module.reset()
      }
    }
    assert.deepEqual(
      signed.filter(({ point }) => point === unit),
      before,
    )
    assert.ok(!agreed.includes(unit))
    for (const { message } of signed) assert.ok(!equal(message, digest))
    // And the card is none the worse.
    const { data, sw } = await bench.issue(bench.request(bench.orderedModule(), begin))
    assert.equal(sw, 0x9000)
    const [last] = signed.filter(({ point }) => point === unit).slice(-1)
    assert.deepEqual(last?.message, parseCertificate(data).tbs)
  })

  test("[B3a] the unit's key lies in a place that no other command reads, replaces or removes", async () => {
    const bench = await signingCardBench({ crypto: portableCrypto, fixture: { eepromSize: 64 * 1024 } })
    const { keys, objects } = bench.module.parts
    assert.deepEqual(keys.point(keyPlaces.unitSigning), bench.unitPoint)
    assert.ok(!objects.list('key-place').some(({ id }) => id === keyPlaces.unitSigning))
    const secret = objects.read('key', keyPlaces.unitSigning)!.subarray(1)
    for (const name of ['GET DATA', 'READ LOG', 'LIST KEYS'] as const) {
      const { data } = await bench.speak(name, Uint8Array.of(0, 0, 0, 1), 0xdf, 0x25)
      assert.ok(!encodeHex(data).includes(encodeHex(secret)))
    }
  })
})

function apdu(cla: number, ins: number, data: Uint8Array): Uint8Array {
  return data.length === 0
    ? Uint8Array.of(cla, ins, 0, 0, 0)
    : concat(Uint8Array.of(cla, ins, 0, 0, data.length), data, Uint8Array.of(0))
}
