import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { concat, equal } from '../bytes/index.ts'
import { type ResourceState, resourceStates } from '../catalog/index.ts'
import { signDocument } from '../cbor/index.ts'
import { portableCrypto as crypto, privateScalar } from '../crypto/index.ts'
import { AuthError, DecodeError, UsageError } from '../errors/index.ts'
import { scriptedEntropy } from '../testing/index.ts'
import {
  agreementNumber,
  agreements,
  blockBelongs,
  blockCount,
  callBudget,
  contentLength,
  defaultAgreement,
  draftPackage,
  inCatalogOrder,
  interfacesOf,
  loadBlocks,
  type Manifest,
  mostBlocks,
  type OperatorDocument,
  openBlock,
  openPackageKey,
  openRequest,
  parseLoadBlock,
  parseLoadManifest,
  parseLoadProgress,
  parseLoadReceipt,
  parseManifest,
  parseOperatorDocument,
  parsePackage,
  parseResourceReceipt,
  parseResourceRoom,
  parseResourceSummaries,
  prepareManifest,
  prepareOperatorDocument,
  prepareRequest,
  type Reservation,
  type ResourceRequest,
  resourceInterfaces,
  rightsOf,
  sealedKeyLength,
  sealPackageKey,
  serializeLoadBlock,
  serializeLoadManifest,
  serializeLoadProgress,
  serializeLoadReceipt,
  serializePackage,
  serializeResourceReceipt,
  serializeResourceRoom,
  serializeResourceSummaries,
} from './index.ts'

const entropy = scriptedEntropy('resources')
const operator = crypto.ecPrivateKey(privateScalar(crypto, entropy.bytes(48)))
const supplier = crypto.ecPrivateKey(privateScalar(crypto, entropy.bytes(48)))
const module = crypto.ecPrivateKey(privateScalar(crypto, entropy.bytes(48)))

const reservation: Reservation = {
  type: 'reservation',
  module: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  number: 7,
  time: 1_800_000_000,
  resource: 3,
  aid: Uint8Array.of(0xf0, 1, 2, 3, 4),
  supplier: supplier.publicPoint,
  start: 131_072,
  size: 4096,
  interfaces: ['io', 'data', 'mac'],
  places: [0x0020_0101],
  budget: callBudget.usual,
  agreement: defaultAgreement,
}

const request: ResourceRequest = {
  name: 'bank',
  key: supplier.publicPoint,
  aid: Uint8Array.of(0xf0, 1, 2, 3, 4),
  size: 4096,
  interfaces: ['io', 'data'],
  places: [],
  agreement: defaultAgreement,
}

const manifest: Manifest = {
  module: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  resource: 3,
  package: new Uint8Array(16).fill(5),
  version: 2,
  program: 1000,
  data: { size: 96, load: true },
  blockSize: 256,
  root: new Uint8Array(32).fill(6),
}

function signedBy(key: typeof operator, document: OperatorDocument): Uint8Array {
  const unsigned = prepareOperatorDocument(document, key.publicPoint, crypto)
  return unsigned.finish(key.sign(unsigned.toBeSigned))
}

/** A reservation with other fields than the codec would write. */
function forged(fields: Record<string, unknown>): Uint8Array {
  const { type: _, agreement, ...rest } = reservation
  const all = { ...rest, agreement: agreements[agreement], ...fields } as Parameters<typeof signDocument>[1]
  return signDocument('reservation', all, operator, crypto)
}

/** Round trip, canonical form, every prefix and one extra byte refused. */
function laws<T>(
  bytes: Uint8Array,
  parse: (bytes: Uint8Array) => T,
  serialize: (value: T) => Uint8Array,
): void {
  assert.deepEqual(serialize(parse(bytes)), bytes)
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => parse(bytes.subarray(0, length)), DecodeError, `${length} bytes`)
  }
  assert.throws(() => parse(concat(bytes, Uint8Array.of(0))), DecodeError)
}

suite('documents of operators', () => {
  test('a reservation comes back as it was written, with and without a place', () => {
    assert.deepEqual(parseOperatorDocument(signedBy(operator, reservation)).document, reservation)
    const { start: _, ...open } = reservation
    assert.deepEqual(parseOperatorDocument(signedBy(operator, open)).document, open)
    for (const type of ['block', 'release', 'deletion'] as const) {
      const { module: serial, number, time, resource } = reservation
      const order = { type, module: serial, number, time, resource }
      assert.deepEqual(parseOperatorDocument(signedBy(operator, order)).document, order)
    }
  })

  test('prefixes and extra bytes are refused', () => {
    const bytes = signedBy(operator, reservation)
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parseOperatorDocument(bytes.subarray(0, length)), DecodeError)
    }
    assert.throws(() => parseOperatorDocument(concat(bytes, Uint8Array.of(0))), DecodeError)
  })

  for (const [what, fields] of [
    ['a limit that is not built yet', { notAfter: 1_900_000_000 }],
    ['a number of executions', { executions: 5 }],
    ['number 0', { number: 0 }],
    ['resource 0', { resource: 0 }],
    ['resource 256', { resource: 256 }],
    ['an AID of 4 bytes', { aid: new Uint8Array(4) }],
    ['an AID of 17 bytes', { aid: new Uint8Array(17) }],
    ["the issuer security domain's AID", { aid: Uint8Array.of(0xa0, 0, 0, 1, 0x51, 0, 0, 0) }],
    ['a compressed point', { supplier: new Uint8Array(33) }],
    ['size 0', { size: 0 }],
    ['the interface of customization', { interfaces: ['io', 'chip'] }],
    ['interfaces in another order', { interfaces: ['data', 'io', 'mac'] }],
    ['an interface twice', { interfaces: ['io', 'io', 'mac'] }],
    ['places in another order', { places: [2, 1] }],
    ['nine places', { places: [1, 2, 3, 4, 5, 6, 7, 8, 9] }],
    ['places without mac or cipher', { interfaces: ['io', 'data'] }],
    ['no budget', { budget: 0 }],
    ['a budget above the highest', { budget: callBudget.highest + 1 }],
    ['a serial number of 7 bytes', { module: new Uint8Array(7) }],
    ['a start that is text', { start: 'module' }],
  ] as const) {
    test(`${what} is refused`, () => {
      assert.throws(() => parseOperatorDocument(forged(fields)), DecodeError)
    })
  }

  test('a document of another kind is refused', () => {
    const { module: serial, number, time, resource } = reservation
    const bytes = signDocument('token', { module: serial, number, time, resource }, operator, crypto)
    assert.throws(() => parseOperatorDocument(bytes), DecodeError)
  })
})

suite('requests', () => {
  function signed(fields: ResourceRequest, key = supplier): Uint8Array {
    const unsigned = prepareRequest(fields, crypto)
    return unsigned.finish(key.sign(unsigned.toBeSigned))
  }

  test('[C3a] a request carries the key, what it needs and its key-agreement parameters', () => {
    assert.deepEqual(openRequest(signed(request), crypto), request)
    const certified = { ...request, certificate: new Uint8Array(300).fill(1) }
    assert.deepEqual(openRequest(signed(certified), crypto), certified)
  })

  test('[C3b] a request signed with another key than the one it names is refused', () => {
    assert.throws(() => openRequest(signed(request, operator), crypto), AuthError)
  })

  test('[C3b] a request changed at any byte is refused', () => {
    const bytes = signed(request)
    for (let i = 0; i < bytes.length; i++) {
      const changed = bytes.slice()
      changed[i]! ^= 0x01
      assert.throws(
        () => openRequest(changed, crypto),
        (error) => error instanceof AuthError || error instanceof DecodeError,
        `byte ${i}`,
      )
    }
  })

  test('[C5c] weak parameters in a request are refused', () => {
    for (const weak of [
      { curve: 'P-192', kdf: 'X9.63-SHA-256', cipher: 'AES-128' },
      { curve: 'P-256', kdf: 'X9.63-SHA-1', cipher: 'AES-128' },
      { curve: 'P-256', kdf: 'X9.63-SHA-256', cipher: 'DES' },
      { curve: 'MODP-768', kdf: 'X9.63-SHA-256', cipher: 'AES-128' },
    ]) {
      assert.equal(agreementNumber(weak), undefined)
      const bytes = signDocument('request', { ...request, agreement: weak }, supplier, crypto)
      assert.throws(() => openRequest(bytes, crypto), /weak or not known/)
    }
  })
})

suite('rights', () => {
  test('interfaces and the byte of rights are one to one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xff }), (rights) => {
        const names = interfacesOf(rights)
        if (names === undefined) assert.ok(rights > 0x7f)
        else assert.equal(rightsOf(names), rights)
      }),
    )
    assert.deepEqual(inCatalogOrder(['sign', 'io', 'sign']), ['io', 'sign'])
    assert.ok(!resourceInterfaces.includes('chip'))
    assert.throws(() => rightsOf(['chip']), UsageError)
  })
})

suite('receipts and answers', () => {
  const states = Object.keys(resourceStates) as ResourceState[]

  test('a receipt of OPERATE keeps the laws of codecs', () => {
    for (const state of states) {
      const receipt = { resource: 1, state, start: 5, end: 9, number: 4, chain: new Uint8Array(32).fill(1) }
      laws(
        serializeResourceReceipt({ ...receipt, signature: new Uint8Array(64).fill(2) }),
        parseResourceReceipt,
        serializeResourceReceipt,
      )
    }
  })

  test('a receipt of an unknown state or an empty area is refused', () => {
    const receipt = {
      ...{ resource: 1, state: 'active' as const, start: 5, end: 9, number: 4 },
      chain: new Uint8Array(32),
      signature: new Uint8Array(64),
    }
    const bytes = serializeResourceReceipt(receipt)
    bytes[1] = 0x05
    assert.throws(() => parseResourceReceipt(bytes), DecodeError)
    assert.throws(() => parseResourceReceipt(serializeResourceReceipt({ ...receipt, end: 5 })), DecodeError)
  })

  test('receipts, room, summaries, manifests and blocks on the way keep the laws of codecs', () => {
    const chain = new Uint8Array(32).fill(1)
    const signature = new Uint8Array(64).fill(2)
    laws(
      serializeLoadReceipt({ resource: 1, version: 2, number: 3, chain, signature }),
      parseLoadReceipt,
      serializeLoadReceipt,
    )
    laws(
      serializeResourceRoom({ start: 1, end: 9, entries: 4, free: 2 }),
      parseResourceRoom,
      serializeResourceRoom,
    )
    laws(
      serializeLoadManifest(new Uint8Array(9).fill(3), new Uint8Array(sealedKeyLength)),
      parseLoadManifest,
      (parts) => serializeLoadManifest(parts.manifest, parts.sealedKey),
    )
    const list = [
      { id: 1, state: 2, start: 3, end: 4, aid: new Uint8Array(5).fill(1) },
      { id: 2, state: 1, start: 8, end: 9, aid: new Uint8Array(16).fill(2) },
    ]
    assert.deepEqual(parseResourceSummaries(serializeResourceSummaries(list)), list)
    const block = { index: 3, proof: [chain, chain], block: new Uint8Array(30).fill(4) }
    assert.deepEqual(parseLoadBlock(serializeLoadBlock(block)), block)
    assert.throws(
      () => parseLoadBlock(serializeLoadBlock({ ...block, block: new Uint8Array(16) })),
      DecodeError,
    )
  })

  test('progress of a load round-trips for every set of blocks; bits behind the last are refused', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: mostBlocks }), (have) => {
        const progress = { blocks: have.length, have }
        assert.deepEqual(parseLoadProgress(serializeLoadProgress(progress)), progress)
      }),
    )
    const bytes = serializeLoadProgress({ blocks: 9, have: [] })
    bytes[3] = 0x02
    assert.throws(() => parseLoadProgress(bytes), DecodeError)
  })
})

suite('packages', () => {
  test('a manifest comes back as it was written', () => {
    const unsigned = prepareManifest(manifest, supplier.publicPoint, crypto)
    const bytes = unsigned.finish(supplier.sign(unsigned.toBeSigned))
    assert.deepEqual(parseManifest(bytes).manifest, manifest)
    assert.equal(contentLength(manifest), 1096)
    assert.equal(blockCount(manifest), 5)
  })

  test('manifests with too many, too small or too large blocks are refused', () => {
    for (const wrong of [
      { blockSize: 63 },
      { blockSize: 8193 },
      { program: 0 },
      { program: 512 * 256 + 1, data: { size: 0, load: false } },
    ]) {
      const unsigned = prepareManifest({ ...manifest, ...wrong }, supplier.publicPoint, crypto)
      assert.throws(() => parseManifest(unsigned.finish(new Uint8Array(64).fill(1))), DecodeError)
    }
  })

  const program = scriptedEntropy('program').bytes(1000)
  const data = scriptedEntropy('data').bytes(96)
  const key = scriptedEntropy('key').bytes(16)

  function made(content: Uint8Array | { readonly size: number } = data) {
    const { root: _, program: __, data: ___, ...sizes } = manifest
    return draftPackage(crypto, {
      manifest: sizes,
      program,
      data: content,
      key,
      supplierPoint: supplier.publicPoint,
    })
  }

  test('the blocks of a package give its content back, each only in its place', () => {
    const { manifest: plan, blocks } = made()
    const aes = crypto.aes(key)
    const opened = blocks.map((block, i) => openBlock(aes, plan, i, block)!)
    assert.deepEqual(concat(...opened), concat(program, data))
    assert.equal(openBlock(aes, plan, 1, blocks[0]!), undefined)
    assert.equal(openBlock(aes, { package: new Uint8Array(16) }, 0, blocks[0]!), undefined)
    assert.equal(made({ size: 96 }).blocks.length, 4)
  })

  test('every block stands in the tree of the manifest, and nowhere else', () => {
    const { manifest: plan, blocks } = made()
    const tree = { blocks: blocks.length, root: plan.root }
    for (const block of loadBlocks(crypto, { blocks })) {
      assert.ok(blockBelongs(crypto, block, tree))
      assert.ok(!blockBelongs(crypto, { ...block, index: block.index ^ 1 }, tree))
      const changed = { ...block, block: block.block.slice() }
      changed.block[0]! ^= 1
      assert.ok(!blockBelongs(crypto, changed, tree))
      assert.ok(!blockBelongs(crypto, { ...block, proof: block.proof.slice(1) }, tree))
    }
  })

  test('a package file keeps the laws of codecs, and holds only the blocks of its manifest', () => {
    const { document, blocks } = made()
    const file = {
      manifest: document.finish(supplier.sign(document.toBeSigned)),
      sealedKey: new Uint8Array(sealedKeyLength),
      blocks,
    }
    const bytes = serializePackage(file)
    const { plan: _, ...parsed } = parsePackage(bytes, crypto)
    assert.deepEqual(parsed, file)
    assert.throws(() => parsePackage(bytes.subarray(0, -1), crypto), DecodeError)
    assert.throws(() => parsePackage(concat(bytes, Uint8Array.of(0)), crypto), DecodeError)
    const swapped = [blocks[1]!, blocks[0]!, ...blocks.slice(2)]
    assert.throws(() => parsePackage(serializePackage({ ...file, blocks: swapped }), crypto), DecodeError)
  })

  test("a package's key opens for one module and one manifest", () => {
    const manifestDigest = crypto.sha256(Uint8Array.of(1))
    const scalar = () => privateScalar(crypto, scriptedEntropy('ephemeral').bytes(48))
    const sealed = sealPackageKey(crypto, {
      ...{ key, manifestDigest, modulePoint: module.publicPoint },
      ephemeralScalar: scalar(),
    })
    assert.equal(sealed.length, sealedKeyLength)
    const open = (by: typeof module, digest: Uint8Array, box: Uint8Array) =>
      openPackageKey(crypto, {
        ...{ sealed: box, manifestDigest: digest, modulePoint: by.publicPoint },
        agree: (peer) => by.agree(peer),
      })
    assert.ok(equal(open(module, manifestDigest, sealed), key))
    assert.throws(() => open(supplier, manifestDigest, sealed), AuthError)
    assert.throws(() => open(module, crypto.sha256(), sealed), AuthError)
    for (let i = 65; i < sealed.length; i++) {
      const changed = sealed.slice()
      changed[i]! ^= 0x80
      assert.throws(() => open(module, manifestDigest, changed), AuthError)
    }
    assert.throws(() => open(module, manifestDigest, sealed.subarray(1)), DecodeError)
  })
})
