import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { needReaders, Readers, readerName, tellWhyNoReaders } from './index.ts'

const missing = tellWhyNoReaders(import.meta.url)

test('readers can be had here for module and signing card, or this is not CI', () => needReaders(missing))

if (missing === undefined) {
  const serials = { card: 'CA00000000000001', cash: '0000000000000001' } as const
  let readers: Readers
  let folder: string

  async function told(...words: string[]): Promise<Record<string, unknown>> {
    const { status, stdout, stderr } = await readers.sealwright([...words, '--json'], { cwd: folder })
    assert.equal(status, 0, `${words.join(' ')}\n${stderr}`)
    return JSON.parse(stdout) as Record<string, unknown>
  }

  async function finished(name: keyof typeof serials, product: string): Promise<void> {
    const module = ['--module', `${name}.chip`]
    const chip = [...module, '--mask', 'fleet']
    await told('mounter', 'mount', ...module, '--serial', serials[name], '--delivery-note', 'note')
    await told('issuer', 'unlock', ...chip)
    const files = ['--papers', `${name}.papers`, '--request', `${name}.request`]
    const how = ['--product', product, '--manufacturer-root', 'root.pem']
    await told('issuer', 'customize', ...chip, ...files, ...how)
    await told('manufacturer', 'certify-module', `${name}.request`, '--out', `${name}.pem`)
    await told('issuer', 'finish', ...chip, '--certificate', `${name}.pem`, '--irreversible')
  }

  async function enrolled(id: string, duty: string): Promise<void> {
    await told('init', `device-of-${id}`, '--party', 'person')
    const out = ['--out', `${id}.enrolment`, '--fingerprint-out', `${id}.print`]
    await told('person', 'init', '--id', id, '--workspace', `device-of-${id}`, ...out)
    const print = ['--fingerprint-file', `${id}.print`, '--duty', duty, '--out', 'people.roster']
    await told('central', 'enrol', `${id}.enrolment`, ...print)
  }

  before(async () => {
    readers = await Readers.start()
    folder = join(readers.folder, 'work')
    mkdirSync(folder)
    await told('init', '.')
    await told('issuer', 'mask', 'fleet', '--out', 'mask', '--eeprom', '65536')
    await told('manufacturer', 'init-root', '--out', 'root.pem')
    await told('manufacturer', 'produce', 'mask', 'card.chip', 'cash.chip', '--delivery-note', 'note')
    await finished('card', 'signing-card')
    await finished('cash', 'cash')
    await told('central', 'key', '--out', 'central.request', '--fingerprint-out', 'central.print')
    await enrolled('anna', 'request')
    await enrolled('berta', 'approve')
    await readers.insert(join(folder, 'cash.chip'), 0)
    await readers.insert(join(folder, 'card.chip'), 1)
  })
  after(() => readers?.stop())

  test('[B3a] the signing card lies in one reader, the module in another: issued, ordered from, approved, signed, and its log read', async () => {
    const card = ['--reader', readerName(1)]
    const trust = [...card, '--root', 'root.pem']
    const print = ['--fingerprint-file', 'unit.print', '--out', 'unit.pem']
    const issue = ['--customer', 'Example Bank', '--papers', 'card.papers', '--out', 'unit.request']
    await told('central', 'issue-card', ...trust, ...issue, '--fingerprint-out', 'unit.print')
    await told('manufacturer', 'certify-unit', 'unit.request', ...print)
    await told('unit', 'card', 'init', ...trust, '--certificate', 'unit.pem')
    await told(
      ...['central', 'ticket', 'issue', '--unit', 'unit.pem', '--unit-fingerprint-file', 'unit.print'],
      ...['--count', '3', '--until', '2099-12-31', '--out', 'unit.ticket'],
    )
    await told('unit', 'card', 'take', 'people.roster', 'unit.ticket', ...trust)
    await told('unit', 'card', 'order', ...card, '--serial', serials.cash, '--out', 'cash.ask')
    await told('person', 'request', 'cash.ask', '--out', 'cash.asked', '--workspace', 'device-of-anna')
    const source = ['--roster', 'people.roster', '--central', 'central.request']
    const known = ['--central-fingerprint-file', 'central.print', '--workspace', 'device-of-berta']
    await told('person', 'approve', 'cash.asked', '--out', 'cash.approved', ...source, ...known)
    const approvals = ['--approval', 'cash.asked', '--approval', 'cash.approved', '--out', 'operating.pem']
    const order = ['--serial', serials.cash, '--root', 'root.pem', '--card', `reader:${readerName(1)}`]
    const done = await told('unit', 'personalize', '--reader', readerName(0), ...order, ...approvals)
    assert.deepEqual([done['serial'], done['enforcedBy']], [serials.cash, 'card'])
    await told('unit', 'card', 'log', ...trust, '--rebuild', 'rebuilt')
    const file = (name: string) => readFileSync(join(folder, name), 'utf8')
    assert.equal(file(`rebuilt/${serials.cash}-00005.pem`), file('operating.pem'))
  })
}
