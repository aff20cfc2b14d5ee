import { ascii, concat, equal, Reader, u16, u32, Writer } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import { encodeCanonical, MapReader, type UnsignedDocument } from '../cbor/index.ts'
import { withHandle } from '../crypto/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { leafHash, MerkleTree, verifyInclusion } from '../log/index.ts'
import type { AesKey, Crypto } from '../ports/index.ts'
import { blockCount, type Manifest, parseManifest, prepareManifest } from './manifest.ts'
import { sealedKeyLength } from './package-key.ts'

/** A package as its supplier keeps and sends it. Nothing in it is secret. */
export interface Package {
  /** The signed manifest. */
  readonly manifest: Uint8Array
  /** The package's key, sealed to the module. */
  readonly sealedKey: Uint8Array
  /** Encrypted blocks: content ‖ tag(16). */
  readonly blocks: readonly Uint8Array[]
}

/** A package before its manifest is signed. */
export interface PackageDraft {
  readonly manifest: Manifest
  readonly document: UnsignedDocument
  readonly blocks: readonly Uint8Array[]
}

/** Encrypts the content of a package under its key (16 bytes, for this package alone) and lays out its manifest. */
export function draftPackage(
  crypto: Crypto,
  input: {
    readonly manifest: Omit<Manifest, 'root' | 'program' | 'data'>
    readonly program: Uint8Array
    readonly data: Uint8Array | { readonly size: number }
    readonly key: Uint8Array
    readonly supplierPoint: Uint8Array
  },
): PackageDraft {
  const { program, data } = input
  const load = data instanceof Uint8Array
  const content = load ? concat(program, data) : program
  const sizes = {
    ...input.manifest,
    program: program.length,
    data: { size: load ? data.length : data.size, load },
  }
  const count = blockCount(sizes)
  const blocks = withHandle(crypto.aes(input.key), (key) =>
    Array.from({ length: count }, (_, index) => {
      const part = content.subarray(index * sizes.blockSize, (index + 1) * sizes.blockSize)
      return key.gcmSeal(blockNonce(index), part, blockContext(sizes.package, index))
    }),
  )
  const tree = new MerkleTree(
    crypto,
    blocks.map((block) => leafHash(block, crypto)),
  )
  const manifest = { ...sizes, root: tree.root() }
  return { manifest, document: prepareManifest(manifest, input.supplierPoint, crypto), blocks }
}

/** The content of an encrypted block, or undefined when it is not the one of this package and place. */
export function openBlock(
  key: AesKey,
  manifest: Pick<Manifest, 'package'>,
  index: number,
  block: Uint8Array,
): Uint8Array | undefined {
  return key.gcmOpen(blockNonce(index), block, blockContext(manifest.package, index))
}

/** LOAD MANIFEST: length(2) ‖ manifest ‖ sealed key(97). */
export function serializeLoadManifest(manifest: Uint8Array, sealedKey: Uint8Array): Uint8Array {
  return new Writer().u16(manifest.length).bytes(manifest).bytes(sealedKey).finish()
}

export function parseLoadManifest(bytes: Uint8Array): { manifest: Uint8Array; sealedKey: Uint8Array } {
  const r = new Reader(bytes, 'LOAD MANIFEST')
  const parts = {
    manifest: r.take(r.u16('length'), 'manifest'),
    sealedKey: r.take(sealedKeyLength, 'sealed key'),
  }
  r.end()
  return parts
}

/** What LOAD MANIFEST answers: which blocks the module has already. */
export interface LoadProgress {
  readonly blocks: number
  /** Whether block i is there. */
  readonly have: readonly boolean[]
}

/** blocks(2) ‖ bitmap: block i is bit i mod 8 of byte i div 8; bits behind the last are zero. */
export function serializeLoadProgress({ blocks, have }: LoadProgress): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(blocks / 8))
  for (let i = 0; i < blocks; i++) if (have[i] === true) bitmap[i >> 3]! |= 1 << (i & 7)
  return concat(u16(blocks), bitmap)
}

export function parseLoadProgress(bytes: Uint8Array): LoadProgress {
  const r = new Reader(bytes, 'answer of LOAD MANIFEST')
  const blocks = r.u16('blocks')
  const bitmap = r.take(Math.ceil(blocks / 8), 'bitmap')
  r.end()
  const have = Array.from({ length: blocks }, (_, i) => (bitmap[i >> 3]! & (1 << (i & 7))) !== 0)
  const progress = { blocks, have }
  if (!equal(serializeLoadProgress(progress), bytes)) throw r.fail('bits behind the last block')
  return progress
}

/** One block on its way, with the hashes beside its path to the root. */
export interface LoadBlock {
  readonly index: number
  readonly proof: readonly Uint8Array[]
  readonly block: Uint8Array
}

/** LOAD BLOCK: index(2) ‖ number of hashes(1) ‖ hashes(32 each), lowest first ‖ encrypted block. */
export function serializeLoadBlock({ index, proof, block }: LoadBlock): Uint8Array {
  return concat(u16(index), Uint8Array.of(proof.length), ...proof, block)
}

export function parseLoadBlock(bytes: Uint8Array): LoadBlock {
  const r = new Reader(bytes, 'LOAD BLOCK')
  const index = r.u16('index')
  const proof = Array.from({ length: r.u8('number of hashes') }, () => r.take(32, 'hash'))
  const block = r.rest()
  if (block.length <= 16) throw r.fail('block expected content and a tag')
  return { index, proof, block }
}

/** Whether the block stands at its place in the tree of the manifest. */
export function blockBelongs(
  crypto: Crypto,
  { index, proof, block }: LoadBlock,
  tree: { readonly blocks: number; readonly root: Uint8Array },
): boolean {
  return verifyInclusion(
    { leafHash: leafHash(block, crypto), index, size: tree.blocks, root: tree.root, proof },
    crypto,
  )
}

/** LOAD BLOCK for every block of a package. */
export function loadBlocks(crypto: Crypto, { blocks }: Pick<Package, 'blocks'>): LoadBlock[] {
  const tree = new MerkleTree(
    crypto,
    blocks.map((block) => leafHash(block, crypto)),
  )
  return blocks.map((block, index) => ({ index, block, proof: tree.inclusionProof(index) }))
}

/** A package file: deterministic CBOR of a map `v`, `format`, `manifest`, `key`, `blocks`. */
export function serializePackage({ manifest, sealedKey, blocks }: Package): Uint8Array {
  return encodeCanonical({ v: 1, format: packageFormat, manifest, key: sealedKey, blocks })
}

/** Parses a package file; blocks that are not those of its manifest are a DecodeError. The signature is not checked. */
export function parsePackage(bytes: Uint8Array, crypto: Crypto): Package & { readonly plan: Manifest } {
  const r = MapReader.of(bytes, 'package')
  r.begin('package')
  const parsed = {
    manifest: r.bytes('manifest'),
    sealedKey: r.bytes('key', sealedKeyLength),
    blocks: r.array('blocks', (block) => {
      if (!(block instanceof Uint8Array)) throw r.fail('blocks expected byte strings')
      return block
    }),
  }
  r.end()
  const { manifest: plan } = parseManifest(parsed.manifest)
  const tree = new MerkleTree(
    crypto,
    parsed.blocks.map((block) => leafHash(block, crypto)),
  )
  if (parsed.blocks.length !== blockCount(plan) || !equal(tree.root(), plan.root)) {
    throw new DecodeError('package: its blocks are not those of its manifest')
  }
  return { ...parsed, plan }
}

const packageFormat = 'sealwright package'

/** The key serves one package, so that the index makes the nonce unique. */
function blockNonce(index: number): Uint8Array {
  if (!Number.isInteger(index) || index < 0) throw new UsageError(`there is no block ${index}`)
  return concat(new Uint8Array(8), u32(index))
}

/** "PBK1" ‖ package(16) ‖ index(4). */
function blockContext(id: Uint8Array, index: number): Uint8Array {
  return concat(ascii(labels.packageBlock.text), id, u32(index))
}
