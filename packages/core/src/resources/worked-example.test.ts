import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { ascii, concat, decodeHex, encodeHex } from '../bytes/index.ts'
import { portableCrypto as crypto, withHandle } from '../crypto/index.ts'
import {
  applicationInput,
  callBudget,
  defaultAgreement,
  draftPackage,
  loadBlocks,
  loadReceiptInput,
  type OperatorDocument,
  openPackageKey,
  openRequest,
  parseLoadBlock,
  parseLoadReceipt,
  parseManifest,
  parseOperatorDocument,
  parseResourceReceipt,
  prepareOperatorDocument,
  prepareRequest,
  type Reservation,
  type ResourceRequest,
  resourceReceiptInput,
  sealPackageKey,
  serializeLoadBlock,
  serializeLoadManifest,
  serializeLoadReceipt,
  serializeResourceReceipt,
  verifyLoadReceipt,
  verifyResourceReceipt,
} from './index.ts'

// The worked example of docs/SPEC/resources.md, both ways: from the values to the bytes, and back.

interface Example {
  readonly supplierPrivateKey: string
  readonly operatorPrivateKey: string
  readonly modulePrivateKey: string
  readonly ephemeralPrivateKey: string
  readonly serial: string
  readonly aid: string
  readonly time: number
  readonly packageKey: string
  readonly packageId: string
  readonly program: string
  readonly data: string
  readonly eventNumber: number
  readonly chain: string
  readonly request: string
  readonly reservation: string
  readonly release: string
  readonly reservationReceipt: string
  readonly manifest: string
  readonly loadManifest: string
  readonly loadBlocks: readonly string[]
  readonly loadReceipt: string
  readonly applicationSigned: string
  readonly applicationSignature: string
}

const file = new URL('../../../../vectors/resources.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly Example[] }

for (const example of cases) {
  const supplier = crypto.ecPrivateKey(decodeHex(example.supplierPrivateKey))
  const operator = crypto.ecPrivateKey(decodeHex(example.operatorPrivateKey))
  const operating = crypto.ecPrivateKey(decodeHex(example.modulePrivateKey))
  const serial = decodeHex(example.serial)
  const aid = decodeHex(example.aid)
  const chain = decodeHex(example.chain)

  const request: ResourceRequest = {
    ...{ name: 'bank', key: supplier.publicPoint, aid, size: 6144 },
    ...{ interfaces: ['io', 'data', 'sign'], places: [], agreement: defaultAgreement },
  }
  const reservation: Reservation = {
    ...{ type: 'reservation', module: serial, number: 1, time: example.time, resource: 1, aid },
    ...{ supplier: supplier.publicPoint, start: 131_072, size: 6144 },
    ...{ interfaces: ['io', 'data', 'sign'], places: [], budget: callBudget.usual },
    agreement: defaultAgreement,
  }
  const release: OperatorDocument = {
    ...{ type: 'release', module: serial, number: 2, time: example.time + 60, resource: 1 },
  }

  const signed = (document: OperatorDocument): Uint8Array => {
    const unsigned = prepareOperatorDocument(document, operator.publicPoint, crypto)
    return unsigned.finish(operator.sign(unsigned.toBeSigned))
  }

  suite('worked example of resources', () => {
    test('request', () => {
      const unsigned = prepareRequest(request, crypto)
      const bytes = unsigned.finish(supplier.sign(unsigned.toBeSigned))
      assert.equal(encodeHex(bytes), example.request)
      assert.deepEqual(openRequest(decodeHex(example.request), crypto), request)
    })

    test('reservation and release', () => {
      assert.equal(encodeHex(signed(reservation)), example.reservation)
      assert.deepEqual(parseOperatorDocument(decodeHex(example.reservation)).document, reservation)
      assert.equal(encodeHex(signed(release)), example.release)
      assert.deepEqual(parseOperatorDocument(decodeHex(example.release)).document, release)
    })

    test('receipt of the reservation', () => {
      const digest = crypto.sha256(decodeHex(example.reservation))
      const outcome = {
        ...{ resource: 1, state: 'reserved' as const, start: 131_072, end: 137_216 },
        ...{ number: example.eventNumber, chain },
      }
      const signature = operating.sign(...resourceReceiptInput(serial, digest, outcome))
      assert.equal(encodeHex(serializeResourceReceipt({ ...outcome, signature })), example.reservationReceipt)
      const receipt = parseResourceReceipt(decodeHex(example.reservationReceipt))
      withHandle(crypto.ecPublicKey(operating.publicPoint), (key) => {
        assert.ok(verifyResourceReceipt(key, serial, digest, receipt))
        assert.ok(!verifyResourceReceipt(key, serial, digest, { ...receipt, end: receipt.end + 1 }))
      })
    })

    test('package: manifest, sealed key, blocks', () => {
      const key = decodeHex(example.packageKey)
      const { document, blocks, manifest } = draftPackage(crypto, {
        manifest: {
          ...{ module: serial, resource: 1, version: 1, blockSize: 64 },
          package: decodeHex(example.packageId),
        },
        ...{ program: decodeHex(example.program), data: decodeHex(example.data), key },
        supplierPoint: supplier.publicPoint,
      })
      const bytes = document.finish(supplier.sign(document.toBeSigned))
      assert.equal(encodeHex(bytes), example.manifest)
      assert.deepEqual(parseManifest(decodeHex(example.manifest)).manifest, manifest)
      const manifestDigest = crypto.sha256(bytes)
      const sealed = sealPackageKey(crypto, {
        ...{ key, manifestDigest, modulePoint: operating.publicPoint },
        ephemeralScalar: decodeHex(example.ephemeralPrivateKey),
      })
      assert.equal(encodeHex(serializeLoadManifest(bytes, sealed)), example.loadManifest)
      const opened = openPackageKey(crypto, {
        ...{ sealed, manifestDigest, modulePoint: operating.publicPoint },
        agree: (peer) => operating.agree(peer),
      })
      assert.equal(encodeHex(opened), example.packageKey)
      const sent = loadBlocks(crypto, { blocks })
      assert.deepEqual(
        sent.map((block) => encodeHex(serializeLoadBlock(block))),
        example.loadBlocks,
      )
      assert.deepEqual(
        example.loadBlocks.map((hex) => parseLoadBlock(decodeHex(hex))),
        sent,
      )
    })

    test('receipt of the load, and what a program signs', () => {
      const digest = crypto.sha256(decodeHex(example.manifest))
      const outcome = { resource: 1, version: 1, number: example.eventNumber + 2, chain }
      const signature = operating.sign(...loadReceiptInput(serial, digest, outcome))
      assert.equal(encodeHex(serializeLoadReceipt({ ...outcome, signature })), example.loadReceipt)
      const receipt = parseLoadReceipt(decodeHex(example.loadReceipt))
      withHandle(crypto.ecPublicKey(operating.publicPoint), (key) => {
        assert.ok(verifyLoadReceipt(key, serial, digest, receipt))
        assert.ok(!verifyLoadReceipt(key, serial, digest, { ...receipt, version: 2 }))
      })
      const input = applicationInput(1, decodeHex(example.applicationSigned))
      assert.equal(encodeHex(operating.sign(...input)), example.applicationSignature)
      assert.deepEqual(concat(...input).subarray(0, 5), concat(ascii('APP1'), Uint8Array.of(1)))
    })
  })
}
