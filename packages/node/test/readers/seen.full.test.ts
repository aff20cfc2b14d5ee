import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  finishedChip,
  type InsertedCard,
  needReaders,
  Readers,
  readerName,
  tellWhyNoReaders,
} from './index.ts'

const missing = tellWhyNoReaders(import.meta.url, ['pcsc_scan'])

test('readers can be had here, or this is not CI', () => needReaders(missing))

if (missing === undefined) {
  let readers: Readers
  let card: InsertedCard

  before(async () => {
    readers = await Readers.start()
    card = await readers.insert(finishedChip(join(readers.folder, 'life')))
  })
  after(() => readers?.stop())

  test('[E1a] opensc-tool sees the card and talks to it', async () => {
    const listed = await readers.run('opensc-tool', ['--list-readers'])
    assert.match(listed.stdout, /^0 +Yes +Virtual PCD 00 00$/m)
    assert.match(listed.stdout, /^1 +No +Virtual PCD 00 01$/m)
    const words = ['--reader', readerName(), '--send-apdu', '00A4040000', '--send-apdu', '00CA004500']
    const { status, stdout } = await readers.run('opensc-tool', words)
    assert.equal(status, 0)
    const answers = stdout.split('Sending:').slice(1)
    assert.match(answers[0]!, /SW1=0x90, SW2=0x00[\s\S]*6F [\s\S]*A0 00 00 01 51 00 00 00/)
    assert.match(answers[1]!, /SW1=0x90, SW2=0x00[\s\S]*00 00 00 00 00 00 00 01/)
  })

  test('[E1a] pcsc_scan sees the card and its ATR', async () => {
    const { stdout } = await readers.run('pcsc_scan', ['-n'], { timeoutMs: 1000 })
    assert.match(stdout, /Reader 0: .*Virtual PCD 00 00/)
    assert.match(stdout, /Card inserted/)
    assert.match(stdout, /ATR: .*3B 80 01 81/)
  })

  test('[E2a] the host side reaches the module through the reader, by a part of its name', async () => {
    const listed = await readers.sealwright(['reader', 'list', '--json'])
    assert.deepEqual(
      JSON.parse(listed.stdout).readers.map(({ name, card, atr }: Record<string, string>) => [
        name,
        card,
        atr,
      ]),
      [
        [readerName(0), 'present', '3B800181'],
        [readerName(1), 'absent', undefined],
      ],
    )
    const { status, stdout } = await readers.sealwright(['module', 'show', '--reader', 'PCD 00 00', '--json'])
    assert.deepEqual([status, JSON.parse(stdout).product], [0, 'cash'])
  })

  test('a module that is told to stop takes its card out, gives the file back and ends with 0', async () => {
    assert.equal(await card.stop(), 0)
    assert.deepEqual(
      card.events.map(({ event }) => event),
      ['started', 'inserted', 'stopped'],
    )
    const file = join(readers.folder, 'life/chips/cash.chip')
    assert.equal((await readers.sealwright(['module', 'show', '--module', file])).status, 0)
    // pcscd polls its readers.
    await new Promise((done) => setTimeout(done, 600))
    assert.match((await readers.run('opensc-tool', ['--list-readers'])).stdout, /^0 +No +Virtual PCD 00 00$/m)
  })
}
