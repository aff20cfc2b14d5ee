import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { encodeHex } from '@sealwright/core/bytes'
import { parseModulePapers, serializeModulePapers } from '@sealwright/core/customization'
import { commandLine, commandLineJson } from './run.ts'

const serials = { a: '0000000000000001', b: '0000000000000002' }
let folder: string

async function done(...args: string[]): Promise<void> {
  const ran = await commandLine(folder, args)
  assert.equal(ran.status, 0, `${args.join(' ')}\n${ran.stderr}`)
}

const file = (name: string) => join(folder, name)

function personalize(name: keyof typeof serials, ...more: string[]): string[] {
  return [
    ...['unit', 'personalize', '--module', `${name}.chip`, '--serial', serials[name]],
    ...['--certificate', 'unit.pem', '--root', 'root.pem', '--central', 'central.request'],
    ...['--central-fingerprint-file', 'central.print', ...more],
  ]
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealwright-papers-'))
  await done('init', '.')
  await done('issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '65536')
  await done('manufacturer', 'init-root', '--out', 'root.pem')
  await done('manufacturer', 'produce', 'fleet.mask', 'a.chip', 'b.chip', '--delivery-note', 'fleet.note')
  for (const name of ['a', 'b'] as const) {
    const chip = ['--module', `${name}.chip`]
    await done('mounter', 'mount', ...chip, '--serial', serials[name], '--delivery-note', 'fleet.note')
    await done('issuer', 'unlock', ...chip, '--mask', 'fleet')
    const customize = ['issuer', 'customize', ...chip, '--mask', 'fleet', '--product', 'cash']
    const files = ['--manufacturer-root', 'root.pem', '--request', `${name}.request`]
    const { status, json } = await commandLineJson(folder, [...customize, ...files])
    assert.deepEqual([status, json['error'].code], [2, 'usage'])
    // The first module's key travels in its papers, the second's by itself.
    const key = name === 'a' ? ['--papers', 'a.papers'] : ['--document-key', 'b.key']
    await done(...customize, ...files, ...key)
    await done('manufacturer', 'certify-module', `${name}.request`, '--out', `${name}.pem`)
    await done(
      'issuer',
      'finish',
      ...chip,
      '--mask',
      'fleet',
      '--certificate',
      `${name}.pem`,
      '--irreversible',
    )
  }
  await done(
    ...['unit', 'request', '--customer', 'Example Bank', '--out', 'unit.request'],
    ...['--fingerprint-out', 'unit.print'],
  )
  await done(
    ...[
      'manufacturer',
      'certify-unit',
      'unit.request',
      '--fingerprint-file',
      'unit.print',
      '--out',
      'unit.pem',
    ],
  )
  await done('central', 'key', '--out', 'central.request', '--fingerprint-out', 'central.print')
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('[B11b] unit personalize with wrong papers or a wrong key stops and tells whose proof failed; the right ones personalize after', async () => {
  const { product, documentKey } = parseModulePapers(new Uint8Array(readFileSync(file('a.papers'))))
  const serial = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1)
  const wrongKey = documentKey.map((byte, i) => (i === 5 ? byte ^ 1 : byte))
  writeFileSync(
    file('wrong.papers'),
    serializeModulePapers({ version: 1, serial, product, documentKey: wrongKey }),
  )
  writeFileSync(file('wrong.key'), `${encodeHex(wrongKey)}\n`)
  const chip = readFileSync(file('a.chip'))
  for (const wrong of [
    ['--papers', 'wrong.papers'],
    ['--document-key', 'wrong.key'],
    ['--document-key', 'b.key'],
  ]) {
    const { status, json, stderr } = await commandLineJson(folder, personalize('a', ...wrong))
    assert.equal(status, 5)
    const { code, culprit, remedy, details } = json['error']
    assert.deepEqual([code, culprit, details], ['document-key-unproven', 'peer', { proof: "the module's" }])
    assert.match(remedy, /was told nothing/)
    assert.match(stderr, /proof: the module's/)
    for (const key of [documentKey, wrongKey]) assert.ok(!stderr.includes(encodeHex(key).slice(0, 16)))
  }
  const other = await commandLineJson(folder, personalize('b', '--papers', 'a.papers'))
  assert.deepEqual([other.status, other.json['error'].code], [7, 'wrong-module'])
  assert.deepEqual(readFileSync(file('a.chip')), chip)

  const both = await commandLineJson(
    folder,
    personalize('a', '--papers', 'a.papers', '--document-key', 'b.key'),
  )
  assert.deepEqual([both.status, both.json['error'].code], [2, 'usage'])
})

test('[B11a] unit personalize with the papers, and with the key that was sent by itself, in a channel under that key', async () => {
  const [papers, key] = [
    ['--papers', 'a.papers'],
    ['--document-key', '-'],
  ]
  const first = await commandLineJson(folder, personalize('a', ...papers, '--trace', 'a.trace'))
  assert.deepEqual([first.status, first.json['proof']], [0, 'identity and document key'], first.stderr)
  assert.equal(statSync(file('b.key')).mode & 0o777, 0o600)
  const input = readFileSync(file('b.key'), 'utf8')
  assert.match(input, /^[0-9A-F]{64}\n$/)
  const ran = await commandLine(folder, personalize('b', ...key, '--trace', 'b.trace'), input)
  assert.equal(ran.status, 0, ran.stderr)
  for (const name of ['a', 'b'] as const) {
    const trace = readFileSync(file(`${name}.trace`), 'utf8')
    assert.match(trace, /INITIALIZE UPDATE/)
    assert.ok(!trace.includes('INTERNAL AUTHENTICATE'))
    const shown = await commandLineJson(folder, ['module', 'show', '--module', `${name}.chip`])
    assert.equal(shown.json['state'], 'operating')
  }
  assert.ok(!readFileSync(file('b.trace'), 'utf8').includes(input.slice(0, 16)))
  // The unit keeps no document key.
  const keys = await commandLineJson(folder, ['keys', 'unit'])
  assert.ok(!JSON.stringify(keys.json).includes('document'))
  const again = await commandLineJson(folder, personalize('a', ...papers))
  assert.deepEqual([again.status, again.json['already']], [0, true])
})
