import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InternalError } from '@sealwright/core/errors'
import { StorageFull } from '../medium/index.ts'
import { Ram, ramSize } from './index.ts'

test('an allocation is zeroed, part of the image and found by its name', () => {
  const ram = new Ram()
  const key = ram.allocate('session key', 16)
  assert.deepEqual(key, new Uint8Array(16))
  key.fill(0x42)
  assert.equal(ram.image().indexOf(0x42), 0)
  assert.deepEqual(ram.view('session key'), key)
  assert.deepEqual(ram.list(), [{ name: 'session key', start: 0, length: 16 }])
})

test('release and reset leave nothing in the image', () => {
  const ram = new Ram()
  ram.allocate('a', 100).fill(1)
  ram.allocate('b', 100).fill(2)
  ram.release('a')
  assert.ok(!ram.image().includes(1))
  assert.ok(ram.image().includes(2))
  ram.release('a')
  ram.reset()
  assert.ok(ram.image().every((byte) => byte === 0))
  assert.deepEqual(ram.list(), [])
})

test('the place of a released allocation is used again, and no two overlap', () => {
  const ram = new Ram()
  ram.allocate('a', 100)
  ram.allocate('b', 100)
  ram.release('a')
  ram.allocate('c', 40)
  ram.allocate('d', 60)
  ram.allocate('e', 1)
  assert.deepEqual(
    ram.list().map(({ name, start }) => [name, start]),
    [
      ['c', 0],
      ['d', 40],
      ['b', 100],
      ['e', 200],
    ],
  )
})

test('a name in use and more than there is are refused', () => {
  const ram = new Ram()
  ram.allocate('a', ramSize - 1)
  assert.throws(() => ram.allocate('a', 1), InternalError)
  assert.throws(() => ram.allocate('b', 2), StorageFull)
  ram.allocate('b', 1)
})
