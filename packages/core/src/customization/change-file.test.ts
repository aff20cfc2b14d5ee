import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../errors/index.ts'
import { parseChangeFile } from './index.ts'

const whole = {
  format: 1,
  name: 'next',
  suites: ['A101'],
  software: [
    {
      program: 4,
      wasm: 'new.wasm',
      interfaces: ['io', 'mac'],
      budget: 10,
      keyPlaces: ['00200901'],
      dataSize: 3,
    },
    { program: 5, wasm: 'other.wasm', budget: 10 },
  ],
  data: [{ program: 1, hex: '07ff' }],
  keyPlaces: [
    { place: '00200901', kind: 'application', usage: 'M6', source: '00010a01' },
    { place: '00200902', kind: 'data', usage: '**' },
  ],
  vectors: [{ ins: 'D0', program: 4, function: 1 }],
  natives: ['SELF TEST'],
}
const parsed = (value: unknown) => parseChangeFile(new TextEncoder().encode(JSON.stringify(value)))

test('a change file says what a change is, in numbers of the module', () => {
  assert.deepEqual(parsed(whole), {
    name: 'next',
    suites: [0xa101],
    software: [
      {
        program: 4,
        wasm: 'new.wasm',
        interfaces: ['io', 'mac'],
        budget: 10,
        keyPlaces: [0x0020_0901],
        dataSize: 3,
      },
      { program: 5, wasm: 'other.wasm', interfaces: [], budget: 10, keyPlaces: [] },
    ],
    data: [{ program: 1, bytes: Uint8Array.of(7, 255) }],
    keyPlaces: [
      { place: 0x0020_0901, kind: 'application', usage: 'M6', source: 0x0001_0a01 },
      { place: 0x0020_0902, kind: 'data', usage: '**', source: 0 },
    ],
    vectors: [{ ins: 0xd0, program: 4, function: 1 }],
    natives: ['SELF TEST'],
  })
  assert.deepEqual(parsed({ format: 1 }), {})
})

test('a newer change file is refused by name', () => {
  assert.throws(() => parsed({ ...whole, format: 2, news: 1 }), { code: 'format-newer' })
})

test('what a change file does not have is refused, wherever it stands', () => {
  const first = whole.software[0]
  const wrong: unknown[] = [
    null,
    [],
    1,
    { ...whole, format: undefined },
    { ...whole, format: '1' },
    { ...whole, format: 0 },
    { ...whole, more: 1 },
    { ...whole, name: '' },
    { ...whole, name: 'x'.repeat(33) },
    { ...whole, name: 'ü' },
    { ...whole, suites: ['A1'] },
    { ...whole, software: first },
    { ...whole, software: [{ ...first, program: 256 }] },
    { ...whole, software: [{ ...first, program: 1.5 }] },
    { ...whole, software: [{ ...first, wasm: undefined }] },
    { ...whole, software: [{ ...first, interfaces: ['chip'] }] },
    { ...whole, software: [{ ...first, interfaces: 'io' }] },
    { ...whole, software: [{ ...first, budget: undefined }] },
    { ...whole, software: [{ ...first, keyPlaces: [0x0020_0901] }] },
    { ...whole, software: [{ ...first, dataSize: -1 }] },
    { ...whole, software: [{ ...first, rights: 1 }] },
    { ...whole, data: [{ program: 1, hex: '0' }] },
    { ...whole, data: [{ program: 1 }] },
    { ...whole, keyPlaces: [{ ...whole.keyPlaces[0], kind: 'toString' }] },
    { ...whole, keyPlaces: [{ ...whole.keyPlaces[0], usage: 'm6' }] },
    { ...whole, keyPlaces: [{ ...whole.keyPlaces[0], place: '200901' }] },
    { ...whole, keyPlaces: [{ ...whole.keyPlaces[0], key: '00' }] },
    { ...whole, vectors: [{ ins: 'D', program: 4, function: 1 }] },
    { ...whole, vectors: [{ ins: 'D0', program: 4 }] },
    { ...whole, natives: ['toString'] },
    { ...whole, natives: [1] },
    { ...whole, keys: [] },
  ]
  for (const value of wrong) assert.throws(() => parsed(value), DecodeError, JSON.stringify(value))
  for (const text of ['', '{', '\u00ff']) {
    assert.throws(() => parseChangeFile(Uint8Array.from(text, (c) => c.charCodeAt(0))), DecodeError)
  }
})
