import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '../bytes/index.ts'
import { commands } from '../catalog/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import { UsageError } from '../errors/index.ts'
import { type LaterChange, laterWriteLimit, laterWrites, parseSoftware, parseWriteRecords } from './index.ts'

const wasm = Uint8Array.from({ length: 20_000 }, (_, i) => i)
const whole: LaterChange = {
  name: 'next',
  suites: [0xa101],
  software: [{ program: 4, wasm: 'new', interfaces: ['io'], budget: 10, keyPlaces: [], dataSize: 3 }],
  data: [{ program: 1, bytes: Uint8Array.of(7) }],
  keyPlaces: [{ place: 0x0020_0901, kind: 'application', usage: 'M6', source: 0 }],
  keys: [{ place: 0x0020_0901, key: new Uint8Array(16).fill(0xa1) }],
  vectors: [{ ins: 0xd0, program: 4, function: 1 }],
  natives: ['SELF TEST'],
}

test('[D10a] a change is drafts, then one command that names the digest of each and everything short', () => {
  const writes = laterWrites(whole, { new: wasm }, crypto)
  assert.ok(writes.length >= 4)
  for (const data of writes) assert.ok(data.length <= laterWriteLimit)
  const drafts = new Map<string, Uint8Array>()
  for (const record of writes.slice(0, -1).flatMap(parseWriteRecords)) {
    if (record.kind !== 'put' && record.kind !== 'append') assert.fail(record.kind)
    const name = `${record.object} ${record.id}`
    assert.equal(drafts.has(name), record.kind === 'append')
    drafts.set(name, concat(drafts.get(name) ?? new Uint8Array(0), record.bytes))
  }
  const last = parseWriteRecords(writes.at(-1)!)
  const verified = last.filter((record) => record.kind === 'verify')
  assert.deepEqual(verified.map(({ object, id }) => `${object} ${id}`).sort(), [...drafts.keys()].sort())
  for (const { object, id, digest } of verified) {
    assert.deepEqual(digest, crypto.sha256(drafts.get(`${object} ${id}`)!))
  }
  assert.deepEqual(parseSoftware(drafts.get('software 4')!).program, wasm)
  assert.deepEqual(drafts.get('product-data 260'), new Uint8Array(3))
  assert.deepEqual(
    last.slice(verified.length).map((record) => ('object' in record ? record.object : record.kind)),
    ['key-place', 'key', 'vectors', 'activate'],
  )
  const activated = last.at(-1)!
  assert.ok(activated.kind === 'activate' && activated.entry === commands['SELF TEST'].entry)
})

test('software without a size keeps the data area that is there', () => {
  const { dataSize: _, ...software } = whole.software![0]!
  const records = laterWrites({ software: [software] }, { new: wasm }, crypto).flatMap(parseWriteRecords)
  assert.ok(records.every((record) => !('object' in record) || record.object === 'software'))
})

test('a change of nothing, of a program that is not there, or too large for one moment is refused before anything is sent', () => {
  assert.throws(() => laterWrites({}, {}, crypto), UsageError)
  assert.throws(() => laterWrites(whole, {}, crypto), UsageError)
  const vectors = Array.from({ length: 3000 }, (_, i) => ({ ins: i & 0xff, program: 4, function: 1 }))
  assert.throws(() => laterWrites({ vectors }, {}, crypto), UsageError)
})
