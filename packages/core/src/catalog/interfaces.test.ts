import assert from 'node:assert/strict'
import { test } from 'node:test'
import { functionExport, type InterfaceFunction, type InterfaceRow, interfaces } from './interfaces.ts'

const rows: Readonly<Record<string, InterfaceRow>> = interfaces
const functions: [string, InterfaceFunction][] = Object.entries(rows).flatMap(([from, row]) =>
  Object.entries(row.functions).map(([name, fn]): [string, InterfaceFunction] => [`${from}.${name}`, fn]),
)

test('every interface that a resource can be granted has a right of its own in one byte', () => {
  const rights = Object.values(rows)
    .map(({ right }) => right)
    .filter((right) => right !== 0)
  assert.equal(new Set(rights).size, rights.length)
  for (const right of rights) assert.ok(right < 0x100 && (right & (right - 1)) === 0)
  assert.equal(interfaces.chip.right, 0)
})

test('every pointer has a length beside it, or a room that is known', () => {
  for (const [name, { parameters, room }] of functions) {
    const pointers = parameters.filter(({ kind }) => kind === 'source' || kind === 'destination').length
    const lengths = parameters.filter(({ kind }) => kind === 'length').length
    const fixed = (room === undefined ? 0 : 1) + (name.startsWith('cipher.') ? 2 : 0)
    assert.equal(pointers, lengths + fixed, name)
  }
})

test('no function is free', () => {
  for (const [name, { charge }] of functions) assert.ok(charge.call > 0 && charge.byte >= 0, name)
})

test('function numbers are exports', () => {
  assert.deepEqual([0, 1, 255].map(functionExport), ['process', 'f1', 'f255'])
})
