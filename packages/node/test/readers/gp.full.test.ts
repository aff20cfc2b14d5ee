import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { PlainCard } from '../clients/plain-card.ts'
import { needReaders, readerName, tellWhyNoReaders } from './index.ts'

const missing = tellWhyNoReaders(import.meta.url)

test('readers can be had here for sealwright gp, or this is not CI', () => needReaders(missing))

if (missing === undefined) {
  suite('sealwright gp with a card in a reader', () => {
    let card: PlainCard
    let folder: string
    before(async () => {
      card = await PlainCard.insert()
      folder = card.folder()
    })
    after(() => card?.stop())

    const gp = async (...words: string[]) => {
      const ran = await card.readers.sealwright(['gp', ...words, '--reader', readerName(), '--json'], {
        cwd: folder,
      })
      assert.equal(ran.status, 0, ran.stderr)
      return JSON.parse(ran.stdout) as Record<string, unknown>
    }

    test('[E2a][E2b] it is looked at, gets keys, a domain and back its test keys', async () => {
      assert.equal((await gp('info'))['domain'], 'A000000151000000')
      assert.equal((await gp('put-keys', '--test-keys', '--new-keys', 'card.keys'))['outcome'], 'put')
      assert.equal((await gp('put-keys', '--test-keys', '--new-keys', 'card.keys'))['outcome'], 'there')
      const keys = ['--keys', 'card.keys']
      assert.equal((await gp('domain', 'A00000015153504102', ...keys))['outcome'], 'created')
      assert.equal((await gp('domain', 'A00000015153504102', ...keys))['outcome'], 'there')
      const { entries } = (await gp('list', ...keys)) as { entries: { aid: string }[] }
      assert.ok(entries.some(({ aid }) => aid === 'A00000015153504102'))
      await gp('delete', 'A00000015153504102', ...keys)
      await gp('put-keys', ...keys, '--back-to-test-keys')
      await gp('list', '--test-keys')
    })

    for (const when of ['before', 'after'] as const) {
      test(`[E2a] a card that is pulled ${when} it works on PUT KEY has the old set or the new one, and the next run ends it`, async () => {
        const file = `pulled-${when}.keys`
        const line = ['gp', 'put-keys', '--test-keys', '--new-keys', file, '--reader', readerName(), '--json']
        const put = () => card.readers.sealwright(line, { cwd: folder })
        await card.remove()
        const doomed = await card.readers.insertToBePulled(card.chip, 'ins:D8', when)
        const first = await put()
        assert.match(first.stdout, /"code":"card-removed"/, first.stderr)
        assert.equal(doomed.signalCode, 'SIGKILL')
        await card.insertAgain()
        const again = await put()
        assert.equal(again.status, 0, again.stderr)
        assert.equal(JSON.parse(again.stdout).outcome, when === 'before' ? 'put' : 'there')
        await gp('put-keys', '--keys', file, '--back-to-test-keys')
      })
    }
  })
}
