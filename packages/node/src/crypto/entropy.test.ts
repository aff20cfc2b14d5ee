import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '@sealwright/core/bytes'
import { scriptedEntropy } from '@sealwright/core/testing'
import { drawnAhead, nodeEntropy } from './index.ts'

test('bytes drawn ahead are those of the source, each handed out once', () => {
  const source = scriptedEntropy('ahead')
  const all = source.bytes(96)
  const again = scriptedEntropy('ahead')
  const blocks: Uint8Array[] = []
  const entropy = drawnAhead(
    {
      bytes(length) {
        const block = again.bytes(length)
        blocks.push(block)
        return block
      },
    },
    96,
  )
  const got = Array.from({ length: 8 }, () => entropy.bytes(12))
  assert.deepEqual(concat(...got), all)
  // What was handed out stays in no other place.
  assert.deepEqual(blocks, [new Uint8Array(96)])
  assert.equal(entropy.bytes(40).length, 40)
  assert.deepEqual(
    blocks.map(({ length }) => length),
    [96, 40],
  )
})

test('many draws from the operating system differ', () => {
  const entropy = drawnAhead(nodeEntropy, 64)
  const seen = new Set(Array.from({ length: 2000 }, () => Buffer.from(entropy.bytes(8)).toString('hex')))
  assert.equal(seen.size, 2000)
})
