import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromAscii } from '@sealwright/core/bytes'
import { layOutRom, parseRom, parseVectors, romMap, serializeRom } from './index.ts'

function image(programs: readonly number[]) {
  return parseRom(
    serializeRom(
      layOutRom({
        test: false,
        eepromSize: 32_768,
        clientKey: new Uint8Array(65).fill(4),
        bootVectors: [
          { ins: 0x30, program: 0, function: 1 },
          { ins: 0x36, program: 0, function: 2 },
        ],
        nativeEntries: [1, 2, 7],
        programs: programs.map((length, i) => ({
          id: i + 1,
          name: `part ${i}`,
          code: new Uint8Array(length).fill(i + 1),
        })),
      }),
    ),
  )
}

test('every byte of ROM is attributed, in order and without a gap, to the end of its last page', () => {
  for (const programs of [[], [1], [256], [255, 257, 600], [100, 0, 3]]) {
    const rom = image(programs)
    const map = romMap(rom)
    let at = 0
    for (const { start, end } of map) {
      assert.equal(start, at)
      assert.ok(end > start)
      at = end
    }
    assert.equal(at % 256, 0)
    assert.ok(at >= rom.bytes.length && at < rom.bytes.length + 256)
  }
})

test('each piece holds what it is said to hold', () => {
  const rom = image([300, 20])
  const bytesOf = (kind: string): Uint8Array[] =>
    romMap(rom)
      .filter((one) => one.kind === kind)
      .map(({ start, end }) => rom.bytes.slice(start, end))
  assert.deepEqual(bytesOf('client-key'), [rom.clientKey])
  assert.deepEqual(parseVectors(bytesOf('vectors')[0]!.subarray(2)), rom.bootVectors)
  assert.deepEqual([...bytesOf('natives')[0]!.subarray(2)], rom.nativeEntries)
  assert.match(fromAscii(bytesOf('program-table')[0]!.slice(-6)), /^part 1$/)
  assert.deepEqual(
    bytesOf('program'),
    rom.programs.map(({ code }) => code),
  )
  for (const zeros of bytesOf('free')) assert.ok(zeros.every((byte) => byte === 0))
})
