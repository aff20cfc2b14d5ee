import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeHex, encodeHex } from '../bytes/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import { UsageError } from '../errors/index.ts'
import { leafHash, MerkleTree, verifyConsistency, verifyInclusion } from './index.ts'

const vectors = JSON.parse(
  readFileSync(new URL('../../../../vectors/merkle.json', import.meta.url), 'utf8'),
) as {
  leaves: string[]
  cases: { size: number; root: string }[]
  inclusion: { index: number; size: number; proof: string[] }[]
  consistency: { oldSize: number; size: number; proof: string[] }[]
}
const reference = new MerkleTree(
  crypto,
  vectors.leaves.map((leaf) => leafHash(decodeHex(leaf), crypto)),
)
const rootOf = (size: number): Uint8Array => decodeHex(vectors.cases.find((one) => one.size === size)!.root)
const hex = (list: readonly Uint8Array[]): string[] => list.map((one) => encodeHex(one).toLowerCase())

/** The root by the definition of RFC 6962 section 2.1, from the leaves alone. */
function rootByDefinition(leaves: readonly Uint8Array[]): Uint8Array {
  const hash = (...parts: Uint8Array[]): Uint8Array => {
    const state = createHash('sha256')
    for (const part of parts) state.update(part)
    return new Uint8Array(state.digest())
  }
  if (leaves.length <= 1) return leaves[0] ?? hash()
  const k = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1)
  return hash(Uint8Array.of(1), rootByDefinition(leaves.slice(0, k)), rootByDefinition(leaves.slice(k)))
}

test('[X1c] roots and proofs of the eight reference leaves of Certificate Transparency', () => {
  for (const { size, root } of vectors.cases) assert.equal(hex([reference.root(size)])[0], root)
  for (const { index, size, proof } of vectors.inclusion) {
    assert.deepEqual(hex(reference.inclusionProof(index, size)), proof)
    const leaf = leafHash(decodeHex(vectors.leaves[index]!), crypto)
    const claim = { leafHash: leaf, index, size, root: rootOf(size), proof: proof.map(decodeHex) }
    assert.ok(verifyInclusion(claim, crypto))
  }
  for (const { oldSize, size, proof } of vectors.consistency) {
    assert.deepEqual(hex(reference.consistencyProof(oldSize, size)), proof)
    const claim = { oldSize, oldRoot: rootOf(oldSize), size, root: rootOf(size), proof: proof.map(decodeHex) }
    assert.ok(verifyConsistency(claim, crypto))
  }
})

const count = 21
const hashes = Array.from({ length: count }, (_, i) => leafHash(Uint8Array.of(i), crypto))
const tree = new MerkleTree(crypto, hashes)
const other = decodeHex('AB'.repeat(32))

test('roots of every size are those of the definition', () => {
  for (let size = 0; size <= count; size++) {
    assert.deepEqual(tree.root(size), rootByDefinition(hashes.slice(0, size)), `size ${size}`)
  }
})

/** The proof with one hash changed, left out, added or moved. */
function broken(proof: readonly Uint8Array[]): Uint8Array[][] {
  const changed = proof.map((_, at) => proof.map((one, i) => (i === at ? other : one)))
  const shorter = proof.map((_, at) => proof.filter((_one, i) => i !== at))
  const swapped = proof.length > 1 ? [[proof[1]!, proof[0]!, ...proof.slice(2)]] : []
  return [...changed, ...shorter, ...swapped, [...proof, other], [other, ...proof]]
}

test('[X1c] every inclusion proof holds for its leaf at its place, and in no other way', () => {
  for (let size = 1; size <= count; size++) {
    const root = tree.root(size)
    for (let index = 0; index < size; index++) {
      const proof = tree.inclusionProof(index, size)
      const claim = { leafHash: hashes[index]!, index, size, root, proof }
      assert.ok(verifyInclusion(claim, crypto), `${index} of ${size}`)
      assert.equal(verifyInclusion({ ...claim, leafHash: other }, crypto), false)
      assert.equal(verifyInclusion({ ...claim, root: other }, crypto), false)
      for (let place = 0; place < size; place++) {
        if (place !== index) assert.equal(verifyInclusion({ ...claim, index: place }, crypto), false)
      }
      if (size % 5 === 0) {
        for (const wrong of broken(proof))
          assert.equal(verifyInclusion({ ...claim, proof: wrong }, crypto), false)
      }
    }
    for (const [index, claimed] of [
      [size, size],
      [-1, size],
      [0, 0],
      [0.5, size],
      [0, Number.NaN],
    ] as const) {
      const claim = { leafHash: hashes[0]!, index, size: claimed, root, proof: [] }
      assert.equal(verifyInclusion(claim, crypto), index === 0 && claimed === 1)
    }
  }
})

test('[X1c] every consistency proof holds for its two trees, and in no other way', () => {
  for (let size = 1; size <= count; size++) {
    for (let oldSize = 0; oldSize <= size; oldSize++) {
      const proof = tree.consistencyProof(oldSize, size)
      const claim = { oldSize, oldRoot: tree.root(oldSize), size, root: tree.root(size), proof }
      assert.ok(verifyConsistency(claim, crypto), `${oldSize} of ${size}`)
      assert.equal(verifyConsistency({ ...claim, oldRoot: other }, crypto), false)
      if (oldSize > 0) assert.equal(verifyConsistency({ ...claim, root: other }, crypto), false)
      if (oldSize > 0 && size % 4 === 3) {
        for (const wrong of broken(proof)) {
          assert.equal(verifyConsistency({ ...claim, proof: wrong }, crypto), false, `${oldSize} of ${size}`)
        }
      }
      if (oldSize < size) {
        const swapped = { ...claim, oldSize: size, size: oldSize }
        assert.equal(verifyConsistency(swapped, crypto), false)
      }
    }
  }
})

test('a tree that was rewritten is not consistent with what it was', () => {
  const rewritten = new MerkleTree(crypto, [...hashes.slice(0, 3), other, ...hashes.slice(4)])
  const claim = {
    oldSize: 7,
    oldRoot: tree.root(7),
    size: count,
    root: rewritten.root(),
    proof: rewritten.consistencyProof(7),
  }
  assert.equal(verifyConsistency(claim, crypto), false)
})

test('places and sizes that do not exist are a UsageError', () => {
  for (const ask of [
    () => tree.root(count + 1),
    () => tree.root(-1),
    () => tree.root(0.5),
    () => tree.inclusionProof(count),
    () => tree.inclusionProof(3, 3),
    () => tree.inclusionProof(-1),
    () => tree.consistencyProof(5, 4),
    () => tree.consistencyProof(-1, 4),
    () => tree.append(new Uint8Array(31)),
  ]) {
    assert.throws(ask, UsageError)
  }
})

test('a tree keeps its hashes apart from the caller', () => {
  const hash = hashes[0]!.slice()
  const own = new MerkleTree(crypto, [hash])
  hash.fill(0)
  assert.deepEqual(own.root(), hashes[0])
  own.root().fill(0)
  assert.deepEqual(own.root(), hashes[0])
})
