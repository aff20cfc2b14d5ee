import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireTime, timeText } from './time-argument.ts'

test('a day lasts until its last second, a moment is itself, and back', () => {
  assert.equal(requireTime('2027-06-30'), Date.UTC(2027, 5, 30, 23, 59, 59) / 1000)
  assert.equal(requireTime('2028-02-29T12:00:00Z'), Date.UTC(2028, 1, 29, 12) / 1000)
  assert.equal(timeText(requireTime('2028-02-29T12:00:00Z')), '2028-02-29T12:00:00Z')
})

test('what no calendar or clock has is refused', () => {
  const wrong = [
    '',
    '2027',
    '2027-6-30',
    '2027-06-31',
    '2027-13-01',
    '2027-02-29',
    '2027-06-30T24:00:01Z',
    '2027-06-30T12:00:00',
    '2027-06-30T12:00:00+02:00',
    ' 2027-06-30',
  ]
  for (const text of wrong) assert.throws(() => requireTime(text), { code: 'usage' }, text)
})
