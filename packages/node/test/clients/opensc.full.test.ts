import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { readerName } from '../readers/index.ts'
import { needClients, PlainCard, tellWhyNoClients } from './plain-card.ts'

const missing = tellWhyNoClients(import.meta.url, { programs: ['opensc-tool', 'pcsc_scan'] })

test('opensc-tool and pcsc_scan are here, or this is not CI', () => needClients(missing))

if (missing === undefined) {
  let card: PlainCard
  before(async () => {
    card = await PlainCard.insert()
  })
  after(() => card?.stop())

  test('[E1a] opensc-tool lists the reader, shows the ATR and reads a plain card', async () => {
    const { run } = card.readers
    const tool = (...words: string[]) => run.call(card.readers, 'opensc-tool', words)
    assert.match((await tool('--list-readers')).stdout, /^0 +Yes +Virtual PCD 00 00$/m)
    assert.equal((await tool('--reader', readerName(), '--atr')).stdout.trim(), '3b:80:01:81')
    const [selected, keys, data, absent, unknown] = await card.send(
      '00A4040000',
      '80CA00E000',
      '80CA006600',
      '80CA00FE00',
      '00A4040006A0B0C0D0E0F000',
    )
    assert.match(selected!, /^6F..8408A000000151000000A5.*9000$/)
    assert.match(keys!, /^E01A.*9000$/)
    for (const entry of ['C00401FF8810', 'C00402FF8810', 'C00403FF8810', 'C0061301B120F000'])
      assert.ok(keys!.includes(entry))
    assert.match(data!, /^66..73..06072A864886FC6B01.*9000$/)
    assert.equal(absent, '6A88')
    assert.equal(unknown, '6A82')
  })

  test('[E1a] pcsc_scan shows the card by its ATR', async () => {
    const { status, stdout } = await card.readers.run('pcsc_scan', ['-c'])
    assert.equal(status, 0)
    assert.match(stdout, /Virtual PCD 00 00/)
    assert.match(stdout, /3B 80 01 81/)
  })

  test('nothing that needs a session is done without one', async () => {
    const commands = [
      '80D8000101FF',
      '80E4000003D20101',
      '80E62000060000000000 00',
      '80F0800700',
      '80F28002024F0000',
      '80E290000200FF',
      '80F100130401F00100',
    ]
    const keys = ['00A4040000', '80CA00E000']
    const before = await card.send(...keys)
    for (const answer of await card.send(...commands.map((text) => text.replaceAll(' ', ''))))
      assert.match(answer, /^6[9A]..$/)
    assert.deepEqual(await card.send(...keys), before)
  })
}
