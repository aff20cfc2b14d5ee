import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii } from '@sealwright/core/bytes'
import { areaOf, geometryFor, pageSize, RamMedium } from '../medium/index.ts'
import { Ram } from '../ram/index.ts'
import { MemoryImage, memoryImage } from './index.ts'

const geometry = geometryFor(32 * 1024)

test('a pattern is found in every part: EEPROM, OTP, journal, RAM and the memory of programs', () => {
  const pattern = ascii('planted')
  const medium = new RamMedium(geometry)
  const page = new Uint8Array(pageSize)
  page.set(pattern, 9)
  for (const name of ['eeprom', 'otp', 'journal'] as const) medium.program(areaOf(geometry, name).first, page)
  const ram = new Ram()
  ram.allocate('x', 50).set(pattern, 20)
  const memory = new Uint8Array(65_536)
  memory.set(pattern, 65_536 - pattern.length)
  const image = memoryImage({ medium, ram, programs: [{ name: 'bank', memory }] })
  assert.deepEqual(image.search(pattern), [
    { section: 'eeprom', offset: 9 },
    { section: 'otp', offset: 9 },
    { section: 'journal', offset: 9 },
    { section: 'ram', offset: 20 },
    { section: 'program bank', offset: 65_536 - pattern.length },
  ])
  assert.deepEqual(image.search(ascii('not there')), [])
  assert.equal(image.section('eeprom')!.length, 32 * 1024)
  assert.equal(image.section('nothing'), undefined)
})

test('a pattern across page borders is found, one across two parts is none', () => {
  const medium = new RamMedium(geometry)
  const { first } = areaOf(geometry, 'eeprom')
  const [left, right] = [new Uint8Array(pageSize), new Uint8Array(pageSize)]
  left.set(ascii('plan'), pageSize - 4)
  right.set(ascii('ted'))
  medium.program(first + 3, left)
  medium.program(first + 4, right)
  const image = memoryImage({ medium, ram: new Ram() })
  assert.deepEqual(image.search(ascii('planted')), [{ section: 'eeprom', offset: 4 * pageSize - 4 }])
  const split = new MemoryImage([
    { name: 'a', bytes: ascii('xplan') },
    { name: 'b', bytes: ascii('ted') },
  ])
  assert.deepEqual(split.search(ascii('planted')), [])
  assert.deepEqual(split.search(new Uint8Array()), [])
})

test('overlapping occurrences are all found', () => {
  const image = new MemoryImage([{ name: 'a', bytes: ascii('aaaa') }])
  assert.deepEqual(
    image.search(ascii('aa')).map(({ offset }) => offset),
    [0, 1, 2],
  )
})
