import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { driverFindings, parseReaderConfiguration, vpcdConfigurations } from './vpcd-driver.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-doctor-'))
after(() => rmSync(folder, { recursive: true }))

const shipped = [
  'FRIENDLYNAME "Virtual PCD"',
  'DEVICENAME   /dev/null:0x8C7B',
  'LIBPATH      /usr/lib/pcsc/drivers/serial/libifdvpcd.so',
  'CHANNELID    0x8C7B',
].join('\n')

test('the entry that Debian ships is read, others and comments are left out', () => {
  const other =
    '#FRIENDLYNAME "x"\nFRIENDLYNAME "GemPCTwin serial"\nLIBPATH /usr/lib/pcsc/drivers/serial/libccidtwin.so\n'
  assert.deepEqual(parseReaderConfiguration('f', `${other}\n${shipped}\n${other}`), [
    { file: 'f', friendlyName: 'Virtual PCD', port: 35_963 },
  ])
  assert.deepEqual(parseReaderConfiguration('f', other), [])
  assert.deepEqual(parseReaderConfiguration('f', ''), [])
})

test('a decimal port and a device to be called are told apart', () => {
  const port = (device: string) =>
    parseReaderConfiguration('f', shipped.replace('/dev/null:0x8C7B', device))[0]?.port
  assert.equal(port('/dev/null:4000'), 4000)
  assert.equal(port('127.0.0.1:0x8C7B'), undefined)
  assert.equal(port('/dev/null'), undefined)
})

test('every file of the folder counts, as for pcscd; two entries and a reversed one are faults', () => {
  assert.deepEqual(vpcdConfigurations(join(folder, 'none')), [])
  writeFileSync(join(folder, 'vpcd'), shipped)
  writeFileSync(join(folder, 'vpcd~'), shipped.replace('/dev/null', 'localhost'))
  mkdirSync(join(folder, 'folder'))
  const found = vpcdConfigurations(folder)
  assert.deepEqual(
    found.map(({ port }) => port),
    [35_963, undefined],
  )
  const named = (configurations: typeof found) =>
    driverFindings(configurations).map(({ name, state }) => `${name} ${state}`)
  assert.deepEqual(named(found), ['vpcd ok', 'vpcd-configured-twice fault', 'vpcd-reversed fault'])
  assert.deepEqual(named(found.slice(0, 1)), ['vpcd ok'])
  assert.deepEqual(named([]), ['vpcd missing'])
})
