import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answeringProgram } from '@sealwright/module/testing'
import fc from 'fast-check'
import { readDictionary } from './dictionary.ts'
import { Random } from './random.ts'
import { readStructure, writeStructure } from './structure.ts'
import { mutateStructured } from './structure-mutation.ts'
import { vectorSeeds } from './vector-seeds.ts'

const seeds = vectorSeeds()

test('[R3a] what was read as a structure is written as it was, where its lengths are the shortest', () => {
  let structured = 0
  let same = 0
  for (const bytes of seeds) {
    const tree = readStructure(bytes)
    if (tree.length === 1 && tree[0]!.kind === 'leaf') continue
    structured++
    if (Buffer.compare(writeStructure(tree), bytes) === 0) same++
  }
  assert.ok(structured > 40)
  // A few random bytes look like a structure with longer lengths than they need.
  assert.ok(same > 0.95 * structured, `${same} of ${structured}`)
})

test('[R3a] any bytes can be read, changed and written', () => {
  const dictionary = readDictionary()
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.string(),
      (bytes, other, seed) => {
        const before = bytes.slice()
        const random = new Random(seed)
        for (let n = 0; n < 20; n++)
          assert.ok(mutateStructured(bytes, { random, dictionary }, other) instanceof Uint8Array)
        assert.deepEqual(bytes, before)
      },
    ),
    { numRuns: 200 },
  )
})

test('[R3a] certificates and documents are read to their leaves', () => {
  const depth = (nodes: ReturnType<typeof readStructure>): number =>
    Math.max(0, ...nodes.map((node) => (node.kind === 'leaf' ? 0 : 1 + depth(node.content))))
  assert.ok(seeds.some((bytes) => bytes[0] === 0x30 && depth(readStructure(bytes)) >= 5))
  assert.ok(seeds.some((bytes) => bytes[0] === 0xd2 && depth(readStructure(bytes)) >= 4))
})

test('[R3a] a program is read to its sections and the bodies of its functions', () => {
  const program = answeringProgram('text')
  const tree = readStructure(program)
  assert.deepEqual(
    tree.map((node) => (node.kind === 'section' ? node.id : node.kind)),
    ['leaf', 1, 2, 3, 5, 7, 10, 11],
  )
  const code = tree.find((node) => node.kind === 'section' && node.id === 10)
  assert.ok(code?.kind === 'section' && code.content.length === 3)
  assert.deepEqual(writeStructure(tree), program)
})
