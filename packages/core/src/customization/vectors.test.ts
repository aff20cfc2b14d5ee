import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeHex, encodeHex, Reader } from '../bytes/index.ts'
import type { ChipMode } from '../catalog/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import {
  type CustomizationObject,
  checkIdentityRequest,
  customizationChannelKeys,
  documentChannelKeys,
  type GrantableInterface,
  type ImageForm,
  identityRequestInput,
  imageSignedInput,
  lotDocumentKey,
  lotImageIv,
  lotImageKey,
  openImage,
  parseChipStatus,
  parseCustomizationImage,
  parseDeliveryNote,
  parseIdentityRequest,
  parseLotFile,
  parseMaskFile,
  parseModulePapers,
  parseSoftware,
  parseUnlockingData,
  parseUnlockingFile,
  parseWriteRecords,
  sealImage,
  serializeChipStatus,
  serializeCustomizationImage,
  serializeDeliveryNote,
  serializeIdentityKey,
  serializeIdentityRequest,
  serializeLotFile,
  serializeMaskFile,
  serializeModulePapers,
  serializeSoftware,
  serializeUnlockingData,
  serializeUnlockingFile,
  serializeWriteRecords,
  type WriteRecord,
} from './index.ts'

/** Cases of vectors/customization.json; values in hex unless they are names, numbers or flags. */
type Case =
  | {
      readonly kind: 'image'
      readonly form: ImageForm
      readonly clientScalar: string
      readonly clientPoint: string
      readonly program: string
      readonly signature: string
      readonly plaintext: string
      readonly key: string
      readonly iv: string
      readonly sealed: string
      readonly unlock: string
      readonly romDigest: string
      readonly unlockingFile: string
    }
  | {
      readonly kind: 'channel keys'
      readonly label: 'CSK1' | 'DCK1'
      readonly key: string
      readonly serial: string
      readonly enc: string
      readonly mac: string
      readonly dek: string
    }
  | {
      readonly kind: 'identity'
      readonly scalar: string
      readonly serial: string
      readonly point: string
      readonly test: boolean
      readonly signature: string
      readonly answer: string
      readonly request: string
    }
  | {
      readonly kind: 'chip status'
      readonly mode: ChipMode
      readonly serial: string
      readonly triesLeft: number
      readonly otp: string
      readonly romDigest: string
      readonly imageIv: string
      readonly answer: string
    }
  | {
      readonly kind: 'lot'
      readonly secret: string
      readonly lot: string
      readonly index: number
      readonly serial: string
      readonly plaintext: string
      readonly key: string
      readonly iv: string
      readonly sealed: string
      readonly documentKey: string
      readonly file: string
    }
  | { readonly kind: 'records'; readonly records: readonly RawRecord[]; readonly data: string }
  | {
      readonly kind: 'software'
      readonly interfaces: readonly GrantableInterface[]
      readonly budget: number
      readonly keyPlaces: readonly string[]
      readonly program: string
      readonly object: string
    }
  | {
      readonly kind: 'papers'
      readonly serial: string
      readonly product: string
      readonly documentKey: string
      readonly file: string
    }
  | {
      readonly kind: 'delivery note'
      readonly romDigest: string
      readonly imageDigest: string
      readonly file: string
    }
  | {
      readonly kind: 'mask'
      readonly eepromSize: number
      readonly rom: string
      readonly pages: readonly { readonly number: number; readonly bytes: string }[]
      readonly file: string
    }

interface RawRecord {
  readonly kind: WriteRecord['kind']
  readonly object: CustomizationObject
  readonly id: number
  readonly bytes: string
  readonly digest: string
  readonly vectors: string
  readonly entry: number
}

const path = new URL('../../../../vectors/customization.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }
const hex = decodeHex

for (const [i, vector] of cases.entries()) {
  test(`vector ${i} of customization: ${vector.kind}, both ways`, () => check(vector))
}

function check(vector: Case): void {
  switch (vector.kind) {
    case 'image': {
      const program = hex(vector.program)
      const image = { version: 1, form: vector.form, signature: hex(vector.signature), program } as const
      const client = crypto.ecPrivateKey(hex(vector.clientScalar))
      assert.equal(encodeHex(client.publicPoint), vector.clientPoint)
      assert.equal(encodeHex(client.sign(imageSignedInput(image))), vector.signature)
      const plaintext = serializeCustomizationImage(image)
      assert.equal(encodeHex(plaintext), vector.plaintext)
      assert.deepEqual(parseCustomizationImage(hex(vector.plaintext)), image)
      const sealed = sealImage(crypto, hex(vector.key), hex(vector.iv), plaintext)
      assert.equal(encodeHex(sealed), vector.sealed)
      const unlocking = { key: hex(vector.key), hash: crypto.sha256(plaintext) }
      assert.equal(encodeHex(serializeUnlockingData(unlocking)), vector.unlock)
      assert.deepEqual(parseUnlockingData(hex(vector.unlock)), unlocking)
      assert.deepEqual(openImage(crypto, unlocking, hex(vector.sealed), hex(vector.clientPoint)), image)
      const file = { version: 1, romDigest: hex(vector.romDigest), form: vector.form, unlocking } as const
      assert.equal(encodeHex(serializeUnlockingFile(file)), vector.unlockingFile)
      assert.deepEqual(parseUnlockingFile(hex(vector.unlockingFile)), file)
      break
    }
    case 'channel keys': {
      const derive = vector.label === 'CSK1' ? customizationChannelKeys : documentChannelKeys
      const { enc, mac, dek } = derive(crypto, hex(vector.key), hex(vector.serial))
      assert.deepEqual([enc, mac, dek].map(encodeHex), [vector.enc, vector.mac, vector.dek])
      break
    }
    case 'identity': {
      const { test } = vector
      const [serial, point, signature] = [hex(vector.serial), hex(vector.point), hex(vector.signature)]
      const pair = crypto.ecPrivateKey(hex(vector.scalar))
      assert.equal(encodeHex(pair.sign(identityRequestInput(serial, point, test))), vector.signature)
      assert.equal(encodeHex(serializeIdentityKey({ point, test, signature })), vector.answer)
      const request = { version: 1, serial, point, test, signature } as const
      assert.equal(encodeHex(serializeIdentityRequest(request)), vector.request)
      assert.deepEqual(parseIdentityRequest(hex(vector.request)), request)
      checkIdentityRequest(crypto, request)
      break
    }
    case 'chip status': {
      const { mode, triesLeft } = vector
      const status = {
        mode,
        triesLeft,
        serial: hex(vector.serial),
        otp: hex(vector.otp),
        romDigest: hex(vector.romDigest),
        imageIv: hex(vector.imageIv),
      }
      assert.equal(encodeHex(serializeChipStatus(status)), vector.answer)
      assert.deepEqual(parseChipStatus(hex(vector.answer)), status)
      break
    }
    case 'lot': {
      const { index } = vector
      const [lot, secret, serial] = [hex(vector.lot), hex(vector.secret), hex(vector.serial)]
      const iv = lotImageIv({ lot, index })
      const key = lotImageKey(crypto, secret, { lot, index })
      assert.deepEqual([encodeHex(iv), encodeHex(key)], [vector.iv, vector.key])
      assert.equal(encodeHex(sealImage(crypto, key, iv, hex(vector.plaintext))), vector.sealed)
      assert.equal(encodeHex(lotDocumentKey(crypto, secret, { lot, serial })), vector.documentKey)
      const file = {
        version: 1,
        lot,
        kind: index === 0 ? 'one-key' : 'own-keys',
        count: 7,
        romDigest: new Uint8Array(32),
        form: 'eeprom',
        hash: crypto.sha256(hex(vector.plaintext)),
        secret,
      } as const
      assert.equal(encodeHex(serializeLotFile(file)), vector.file)
      assert.deepEqual(parseLotFile(hex(vector.file)), file)
      break
    }
    case 'records': {
      const records = vector.records.map(recordOf)
      assert.equal(encodeHex(serializeWriteRecords(records)), vector.data)
      assert.deepEqual(parseWriteRecords(hex(vector.data)), records)
      break
    }
    case 'software': {
      const { interfaces, budget } = vector
      const keyPlaces = vector.keyPlaces.map((place) => new Reader(hex(place), 'place').u32('place'))
      const software = { version: 1, interfaces, budget, keyPlaces, program: hex(vector.program) } as const
      assert.equal(encodeHex(serializeSoftware(software)), vector.object)
      assert.deepEqual(parseSoftware(hex(vector.object)), software)
      break
    }
    case 'papers': {
      const { product } = vector
      const papers = {
        version: 1,
        serial: hex(vector.serial),
        product,
        documentKey: hex(vector.documentKey),
      } as const
      assert.equal(encodeHex(serializeModulePapers(papers)), vector.file)
      assert.deepEqual(parseModulePapers(hex(vector.file)), papers)
      break
    }
    case 'delivery note': {
      const note = {
        version: 1,
        romDigest: hex(vector.romDigest),
        imageDigest: hex(vector.imageDigest),
      } as const
      assert.equal(encodeHex(serializeDeliveryNote(note)), vector.file)
      assert.deepEqual(parseDeliveryNote(hex(vector.file)), note)
      break
    }
    case 'mask': {
      const eeprom = vector.pages.map(({ number, bytes }) => ({ number, bytes: hex(bytes) }))
      const mask = { version: 1, eepromSize: vector.eepromSize, rom: hex(vector.rom), eeprom } as const
      assert.equal(encodeHex(serializeMaskFile(mask)), vector.file)
      assert.deepEqual(parseMaskFile(hex(vector.file)), mask)
      break
    }
  }
}

function recordOf({ kind, object, id, bytes, digest, vectors, entry }: RawRecord): WriteRecord {
  switch (kind) {
    case 'put':
    case 'append':
      return { kind, object, id, bytes: hex(bytes) }
    case 'verify':
      return { kind, object, id, digest: hex(digest) }
    case 'activate':
      return { kind, entry }
    case 'vectors': {
      const r = new Reader(hex(vectors), 'vectors')
      const list: { ins: number; program: number; function: number }[] = []
      while (r.remaining > 0) {
        list.push({ ins: r.u8('ins'), program: r.u8('program'), function: r.u8('function') })
      }
      return { kind, vectors: list }
    }
  }
}
