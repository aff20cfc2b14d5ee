import assert from 'node:assert/strict'
import { test } from 'node:test'
import { moduleAddress } from './module-address.ts'

test('[E2a][E2c] a module is a file, or behind a port, a serial line or a reader', () => {
  assert.deepEqual(moduleAddress('chips/cash.chip'), { kind: 'file', path: 'chips/cash.chip' })
  assert.deepEqual(moduleAddress('tcp:::1:7816'), { kind: 'tcp', host: '::1', port: 7816 })
  assert.deepEqual(moduleAddress('reader:ACS: 00 00'), { kind: 'reader', name: 'ACS: 00 00' })
  const line = { kind: 'serial', device: '/dev/ttyUSB0', baud: 115_200, checksum: 'crc' }
  assert.deepEqual(moduleAddress('serial:/dev/ttyUSB0'), line)
  assert.deepEqual(moduleAddress('serial:/dev/ttyUSB0?baud=9600'), { ...line, baud: 9600 })
  assert.deepEqual(moduleAddress('serial:COM3?checksum=lrc&baud=300'), {
    ...line,
    device: 'COM3',
    baud: 300,
    checksum: 'lrc',
  })
})

test('a place that is none is refused, not taken for a file', () => {
  for (const text of [
    'tcp:localhost',
    'tcp:localhost:65536',
    'serial:?baud=9600',
    'serial:/dev/ttyS0?baud',
    'serial:/dev/ttyS0?baud=fast',
    'serial:/dev/ttyS0?baud=9600&baud=300',
    'serial:/dev/ttyS0?checksum=md5',
    'serial:/dev/ttyS0?parity=even',
  ]) {
    assert.throws(() => moduleAddress(text), { code: 'usage' }, text)
  }
})
