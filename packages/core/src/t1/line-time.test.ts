import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SimulatedLine } from '../../test/simulated-line.ts'
import { exchangeBytes, lineMs, resetBytes } from './index.ts'

test('the bytes of an exchange are those that both ends say on a clean line', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1500 }),
      fc.integer({ min: 0, max: 1500 }),
      fc.constantFrom(7, 32, 254),
      fc.constantFrom('lrc' as const, 'crc' as const),
      (command, answer, ifs, detection) => {
        const settings = { ifs, detection }
        const line = new SimulatedLine(() => new Uint8Array(answer), { settings })
        line.reset(new Uint8Array(8))
        assert.equal(line.bytes, resetBytes(settings))
        const before = line.bytes
        assert.equal(line.transmit(new Uint8Array(command)).kind, 'answer')
        assert.equal(line.bytes - before, exchangeBytes(command, answer, settings))
      },
    ),
    { numRuns: 100 },
  )
})

test('a byte is ten bits', () => {
  assert.equal(lineMs(960, 9600), 1000)
  assert.equal(lineMs(11_520, 115_200), 1000)
})

test('the time of a simulated line is that of its bytes', () => {
  const byteMs = lineMs(1, 9600)
  const line = new SimulatedLine(() => new Uint8Array(300), { settings: { byteMs }, workMs: () => 0 })
  line.reset(new Uint8Array(8))
  const before = line.now
  line.transmit(new Uint8Array(600))
  const ms = lineMs(exchangeBytes(600, 300), 9600)
  assert.ok(Math.abs(line.now - before - ms) < 1, `${line.now - before} ms, computed ${ms} ms`)
})
