import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { concat, encodeHex, decodeHex as hex, u16 } from '../bytes/index.ts'
import { countingCrypto, diversify, portableCrypto, withHandle } from '../crypto/index.ts'
import { UsageError } from '../errors/index.ts'
import type { AesKey, Crypto } from '../ports/index.ts'
import { watchingCrypto } from '../testing/index.ts'
import {
  type Attributes,
  acknowledge,
  checkMessage,
  cmacSignature,
  type DownloadContext,
  downloadKeys,
  isSuite,
  type KeySignatureCheck,
  type KeySigner,
  openMessage,
  type Profile,
  parseAttributes,
  parseKeyMessage,
  publicKeySignature,
  type Suite,
  sealKey,
  serializeContext,
  serializeHeader,
  serializeKeyMessage,
  signatureInput,
  unitApplicationKey,
  unitSignatureKey,
  unitTransportKey,
  verifyReceipt,
} from './index.ts'

/** A case of vectors/key-download.json; every value in hex. */
interface Case {
  readonly origin: string
  readonly profile: Profile
  readonly suite: string
  readonly diversified: boolean
  readonly transportKey: string
  readonly unitTransportKey: string
  readonly signatureKey?: string
  readonly unitSignatureKey?: string
  readonly authorityPrivateKey?: string
  readonly authorityPublicKey?: string
  readonly applicationKey: string
  readonly serial: string
  readonly random: string
  readonly source: string
  readonly destination: string
  readonly counter: string
  readonly attributes: string
  readonly operationKey: string
  readonly context: string
  readonly encryptionKey: string
  readonly checkKey: string
  readonly acknowledgementKey: string
  readonly key: string
  readonly signature: string
  readonly plaintext: string
  readonly header: string
  readonly cryptogram: string
  readonly certificate: string
  readonly checkValue: string
  readonly acknowledgement: string
}

const crypto = portableCrypto
const path = new URL('../../../../vectors/key-download.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }
const example = cases[0]!

function contextOf(one: Case): DownloadContext {
  const number = (text: string): number => Number.parseInt(text, 16)
  return {
    random: hex(one.random),
    serial: hex(one.serial),
    source: number(one.source),
    destination: number(one.destination),
    counter: number(one.counter),
  }
}

function suiteOf({ suite }: Case): Suite {
  const number = Number.parseInt(suite, 16)
  assert.ok(isSuite(number))
  return number
}

/** What the module of a case holds. */
function storedKey(one: Case, of: Crypto = crypto): AesKey {
  return of.aes(hex(one.profile === 'shared' ? one.transportKey : one.unitTransportKey))
}

function signatureOf(one: Case): KeySigner & KeySignatureCheck {
  if (one.unitSignatureKey !== undefined) return cmacSignature(crypto.aes(hex(one.unitSignatureKey)))
  const privateKey = hex(one.authorityPrivateKey!)
  return {
    sign: (...parts) => crypto.ed25519Sign(privateKey, concat(...parts)),
    ...publicKeySignature(crypto, hex(one.authorityPublicKey!)),
  }
}

function seal(one: Case): Uint8Array {
  return sealKey({
    crypto,
    suite: suiteOf(one),
    storedKey: storedKey(one),
    context: contextOf(one),
    attributes: parseAttributes(hex(one.attributes)),
    key: hex(one.key),
    signer: signatureOf(one),
  })
}

const always = (): boolean => true

for (const [i, one] of cases.entries()) {
  const name = `vector ${i + 1}, ${one.profile}, ${one.suite}: ${one.origin}`
  const context = contextOf(one)

  test(`derivations of ${name}`, () => {
    const T = crypto.aes(hex(one.transportKey))
    assert.equal(encodeHex(unitTransportKey(T, context.serial)), one.unitTransportKey)
    if (one.signatureKey !== undefined) {
      assert.equal(
        encodeHex(unitSignatureKey(crypto.aes(hex(one.signatureKey)), context.serial)),
        one.unitSignatureKey,
      )
    }
    const own = unitApplicationKey(crypto.aes(hex(one.applicationKey)), context.serial)
    assert.equal(one.diversified ? encodeHex(own) : one.applicationKey, one.key)
    assert.equal(encodeHex(serializeContext(context)), one.context)
    const t1 = diversify(
      crypto,
      hex(one.profile === 'shared' ? one.transportKey : one.unitTransportKey),
      concat(context.serial, new TextEncoder().encode('ESM-KDL1')),
    )
    assert.equal(encodeHex(t1), one.operationKey)
    withHandle(downloadKeys(crypto, storedKey(one), context), (keys) => {
      for (const [key, expected] of [
        [keys.encryption, one.encryptionKey],
        [keys.check, one.checkKey],
        [keys.acknowledgement, one.acknowledgementKey],
      ] as const) {
        // A handle shows no bytes: the same key gives the same MAC.
        assert.deepEqual(key.cmac(context.random), crypto.aes(hex(expected)).cmac(context.random))
      }
      assert.equal(
        encodeHex(acknowledge(keys.acknowledgement, context, hex(one.checkValue))),
        one.acknowledgement,
      )
    })
  })

  test(`the loader makes the message of ${name}`, () => {
    assert.equal(encodeHex(seal(one)), one.header + one.cryptogram + one.certificate)
    const signed = signatureOf(one).sign(
      ...signatureInput(context, parseAttributes(hex(one.attributes)), hex(one.key)),
    )
    assert.equal(encodeHex(signed), one.signature)
  })

  test(`the module opens the message of ${name}`, () => {
    const bytes = hex(one.header + one.cryptogram + one.certificate)
    const message = parseKeyMessage(bytes)
    assert.deepEqual(serializeKeyMessage(message), bytes)
    const checked = checkMessage(crypto, storedKey(one), message, context)
    assert.ok(checked)
    const opened = openMessage(crypto, checked, signatureOf(one), ({ attributes, checkValue }) => {
      assert.deepEqual(attributes, parseAttributes(hex(one.attributes)))
      assert.equal(encodeHex(checkValue), one.checkValue)
      return true
    })
    assert.equal(opened && encodeHex(opened.key), one.key)
    const receipt = { checkValue: opened!.checkValue, acknowledgement: hex(one.acknowledgement) }
    assert.ok(verifyReceipt(checked.keys.acknowledgement, context, receipt))
    const wrong = { ...receipt, acknowledgement: receipt.acknowledgement.map((byte) => byte ^ 1) }
    assert.equal(verifyReceipt(checked.keys.acknowledgement, context, wrong), false)
    checked[Symbol.dispose]()
  })
}

test('the plaintext of a vector is R, ATTR, the key and SAS, padded', () => {
  for (const one of cases) {
    const padded = crypto.aes(hex(one.encryptionKey)).cbcDecrypt(new Uint8Array(16), hex(one.cryptogram))
    assert.equal(encodeHex(padded), one.plaintext)
    assert.ok(one.plaintext.startsWith(one.random + one.attributes + one.key + one.signature))
  }
})

test('[A2b] another SN or another T gives another T1', () => {
  const t1 = (transportKey: Uint8Array, serial: Uint8Array): string => {
    const watching = watchingCrypto(crypto)
    downloadKeys(watching, crypto.aes(transportKey), { ...contextOf(example), serial })[Symbol.dispose]()
    return encodeHex(watching.keys[0]!.bytes)
  }
  const [T, serial] = [hex(example.transportKey), hex(example.serial)]
  assert.equal(t1(T, serial), example.operationKey)
  const seen = new Set([t1(T, serial)])
  for (let bit = 0; bit < 64; bit++) seen.add(t1(T, flipped(serial, bit)))
  for (let bit = 0; bit < 128; bit++) seen.add(t1(flipped(T, bit), serial))
  assert.equal(seen.size, 1 + 64 + 128)
})

test('[A2d] both algorithms rest on one cipher, and no derivation of one is an output of the other', () => {
  for (const one of cases) {
    const watching = watchingCrypto(crypto)
    const context = contextOf(one)
    const serial = encodeHex(context.serial)
    const T = watching.aes(hex(one.transportKey))
    unitTransportKey(T, context.serial)
    downloadKeys(watching, one.profile === 'shared' ? T : storedKey(one, watching), context)[Symbol.dispose]()
    const inputs = (key: string): string[] =>
      watching.keys
        .filter(({ bytes }) => encodeHex(bytes) === key)
        .flatMap(({ uses }) => uses)
        .map(({ primitive, input }) => `${primitive} ${encodeHex(input)}`)
    // Under T and TU only diversification runs: constant, SN, a label of its own; under T1 only the KDF: counter, another label, 00.
    const diversification = new RegExp(`^cmac (01|41|42)${serial}45534D2D(545530|4B444C)31$`)
    for (const key of [one.transportKey, one.unitTransportKey])
      for (const input of inputs(key)) assert.match(input, diversification)
    const expansion = new RegExp(`^cmac 0[12]4B444C2D(454E43|4D4143|41434B)00${one.context}0[01][08]0$`)
    const underT1 = inputs(one.operationKey)
    assert.equal(underT1.length, (3 * one.transportKey.length) / 32)
    for (const input of underT1) assert.match(input, expansion)
    const outputs = watching.keys.flatMap(({ uses }) => uses.map(({ value }) => encodeHex(value)))
    assert.equal(new Set(outputs).size, outputs.length)
  }
})

test('REF1 is in the keys of a download, in HDR and in SAS: a message for one does not open as another', () => {
  const context = { ...contextOf(example), source: 0x00010a02 }
  const message = parseKeyMessage(hex(example.header + example.cryptogram + example.certificate))
  assert.equal(checkMessage(crypto, storedKey(example), message, context), undefined)
  const renamed = { ...message, header: { ...message.header, source: 0x00010a02 } }
  assert.equal(checkMessage(crypto, storedKey(example), renamed, context), undefined)
})

test('CAS holds only for the R, SN, REF1, REF2 and XCTR that it was made for', () => {
  const message = parseKeyMessage(hex(example.header + example.cryptogram + example.certificate))
  const right = contextOf(example)
  const wrong: DownloadContext[] = [
    { ...right, random: flipped(right.random, 0) },
    { ...right, serial: flipped(right.serial, 63) },
    { ...right, source: right.source + 1 },
    { ...right, destination: right.destination + 1 },
    { ...right, counter: right.counter + 1 },
  ]
  const counting = countingCrypto(crypto)
  for (const context of wrong)
    assert.equal(checkMessage(counting, storedKey(example, counting), message, context), undefined)
  assert.equal(counting.count('cbcDecrypt').calls, 0)
})

test('[A9a] what is wrong after CAS is refused with the same calls made, whatever it is', () => {
  const context = contextOf(example)
  const right = hex(example.plaintext)
  const changed = (at: number, byte: number): Uint8Array => right.map((old, i) => (i === at ? byte : old))
  const broken: Record<string, Uint8Array> = {
    R: changed(0, right[0]! ^ 1),
    usage: changed(16, 0x21),
    'key length': changed(23, 24),
    key: changed(30, right[30]! ^ 1),
    SAS: changed(41, right[41]! ^ 1),
    'no padding': right.map((byte, i) => (i < 56 ? byte : 0)),
    'padding in the block before': concat(right.subarray(0, 39), Uint8Array.of(0x80), new Uint8Array(24)),
    empty: concat(Uint8Array.of(0x80), new Uint8Array(63)),
    full: new Uint8Array(64).fill(0x41),
  }
  const made: Record<string, unknown> = {}
  const attempt = (plaintext: Uint8Array, allowed: () => boolean) => {
    const counting = countingCrypto(crypto)
    const ks1 = counting.aes(hex(example.unitSignatureKey!))
    const cryptogram = crypto.aes(hex(example.encryptionKey)).cbcEncrypt(new Uint8Array(16), plaintext)
    const { header } = parseKeyMessage(hex(example.header + example.cryptogram + example.certificate))
    const certificate = crypto.aes(hex(example.checkKey)).cmac(serializeHeader(header), cryptogram)
    const checked = checkMessage(
      counting,
      storedKey(example, counting),
      { header, cryptogram, certificate },
      context,
    )
    assert.ok(checked)
    let asked = 0
    const opened = openMessage(counting, checked, cmacSignature(ks1), () => {
      asked++
      return allowed()
    })
    const calls: Record<string, number> = Object.fromEntries(
      [...counting.counts()].map(([name, { calls }]) => [name, calls]),
    )
    return { opened, calls: { ...calls, asked } as Record<string, number> }
  }
  const good = attempt(right, always)
  assert.ok(good.opened)
  for (const [name, plaintext] of Object.entries(broken)) {
    const { opened, calls } = attempt(plaintext, always)
    assert.equal(opened, undefined, name)
    made[name] = calls
    assert.deepEqual(calls, good.calls, name)
  }
  const disallowed = attempt(right, () => false)
  assert.equal(disallowed.opened, undefined)
  assert.deepEqual(disallowed.calls, good.calls)
  assert.equal(good.calls['cbcDecrypt'], 1)
  assert.equal(Object.keys(made).length, 9)
})

test('[A3c] T1, the keys from it and the application key are wiped on every path of both sides', () => {
  const watching = watchingCrypto(crypto)
  const zero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)
  const clean = (what: string, handles: number): void => {
    assert.equal(watching.keys.length, handles, what)
    for (const { buffer, disposed, uses } of watching.keys) {
      assert.ok(zero(buffer), `${what}: a key's buffer is left`)
      assert.ok(disposed, `${what}: a handle is left`)
      for (const { primitive, output } of uses)
        if (primitive === 'cbcDecrypt') assert.ok(zero(output), `${what}: a plaintext is left`)
    }
    watching.clear()
  }
  const stored = storedKey(example)
  const context = contextOf(example)
  const bytes = hex(example.header + example.cryptogram + example.certificate)
  const sealing = {
    ...{ crypto: watching, suite: suiteOf(example), storedKey: stored, context },
    attributes: parseAttributes(hex(example.attributes)),
    key: hex(example.key),
  }
  sealKey({ ...sealing, signer: signatureOf(example) })
  clean('sealed', 4)
  const breaks = {
    sign(): never {
      throw new Error('the signer broke')
    },
  }
  assert.throws(() => sealKey({ ...sealing, signer: breaks }), /signer/)
  clean('the signer broke', 4)
  for (let at = 1; at <= 4; at++) {
    watching.onKey = (count) => {
      if (count === at) throw new Error('the cipher broke')
    }
    assert.throws(() => downloadKeys(watching, stored, context), /cipher/)
    clean(`the cipher broke at handle ${at}`, at - 1)
  }
  watching.onKey = undefined
  const cas = parseKeyMessage(flipped(bytes, 8 * bytes.length - 1))
  assert.equal(checkMessage(watching, stored, cas, context), undefined)
  clean('CAS failed', 4)
  const open = (signature: KeySignatureCheck, allowed: () => boolean): boolean => {
    const checked = checkMessage(watching, stored, parseKeyMessage(bytes), context)
    const opened = withHandle(checked!, (one) => openMessage(watching, one, signature, allowed))
    assert.equal(opened === undefined || encodeHex(opened.key) === example.key, true)
    return opened !== undefined
  }
  assert.equal(open({ verify: () => false }, always), false)
  clean('SAS failed', 5)
  assert.equal(
    open({ verify: () => true }, () => false),
    false,
  )
  clean('not allowed', 5)
  assert.equal(open(signatureOf(example), always), true)
  clean('opened', 5)
  assert.throws(() => open(throwing, always), /check/)
  clean('the check broke', 5)
})

const throwing: KeySignatureCheck = {
  verify() {
    throw new Error('the check broke')
  },
}

test('a key is not sealed under a shorter one, nor under another length than the suite says', () => {
  const attributes = (keyLength: number): Attributes => ({
    ...parseAttributes(hex(example.attributes)),
    keyLength,
  })
  const request = {
    ...({ crypto, suite: 0xa101, storedKey: storedKey(example), context: contextOf(example) } as const),
    signer: signatureOf(example),
  }
  const sealed = (n: number, keyLength = n) =>
    sealKey({ ...request, key: new Uint8Array(n), attributes: attributes(keyLength) })
  assert.equal(sealed(16).length, 104)
  assert.throws(() => sealed(24), UsageError)
  assert.throws(() => sealed(32), UsageError)
  assert.throws(() => sealed(16, 24), UsageError)
  assert.throws(
    () => sealKey({ ...request, suite: 0xa201, key: new Uint8Array(16), attributes: attributes(16) }),
    UsageError,
  )
})

test('a message of a suite of another key length is not checked under a stored key', () => {
  const two = cases.find(({ suite }) => suite === 'A201')!
  const message = parseKeyMessage(hex(two.header + two.cryptogram + two.certificate))
  assert.equal(checkMessage(crypto, storedKey(example), message, contextOf(example)), undefined)
  assert.deepEqual(u16(message.header.suite), hex(two.suite))
})

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const out = bytes.slice()
  out[bit >> 3]! ^= 1 << (bit & 7)
  return out
}
