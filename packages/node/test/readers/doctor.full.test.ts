import assert from 'node:assert/strict'
import { after, afterEach, beforeEach, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { finishedChip, needReaders, Readers, tellWhyNoReaders } from './index.ts'

const missing = tellWhyNoReaders(import.meta.url)

test('readers can be had here, or this is not CI', () => needReaders(missing))

interface Told {
  readonly ok: boolean
  readonly findings: readonly { name: string; state: string; what: string; why: string; next: string }[]
  readonly roundTripMs?: number
  readonly [name: string]: unknown
}

if (missing === undefined) {
  suite('doctor', () => {
    let readers: Readers
    beforeEach(async () => {
      readers = await Readers.start({ cure: false })
    })
    afterEach(() => readers.stop())
    after(() => readers?.stop())

    const doctor = async (...words: string[]): Promise<Told & { status: number | null; stderr: string }> => {
      const { status, stdout, stderr } = await readers.sealwright(['doctor', '--json', ...words])
      return { ...JSON.parse(stdout), status, stderr }
    }
    const route = async (): Promise<string> => {
      const { stdout } = await readers.run('ip', ['route', 'show', 'table', 'local'])
      return stdout
    }
    const state = ({ findings }: Told, name: string) => findings.find((one) => one.name === name)?.state

    test('it tells of all that is there, changes nothing, and ends with 8 for the delay or 0 without it', async () => {
      const before = await route()
      const found = await doctor()
      assert.equal(await route(), before)
      for (const name of ['pcscd', 'readers', 'vpcd', 'opensc-tool'])
        assert.equal(state(found, name), 'ok', name)
      const delay = found.findings.find(({ name }) => name === 'vpcd-delay')!
      // A vpcd of 0.9 or newer has no delay; Debian 12's has.
      const slow = found.roundTripMs! > 15
      assert.deepEqual([delay.state, found.status, found.ok], slow ? ['fault', 8, false] : ['ok', 0, true])
      if (slow) assert.match(delay.next, /ip route change local 127\.0\.0\.1 dev lo .*quickack 1/)
      for (const { state: is, why, next } of found.findings)
        assert.ok(why.length > 10 && (is === 'ok') === (next === ''))
    })

    test('--fix cures the delay, --undo takes it back exactly as it was, both say what they do and can be repeated', async () => {
      const before = await route()
      assert.deepEqual([(await doctor('--undo'))['changed'], await route()], [false, before])
      const fixed = await doctor('--fix')
      if (fixed['changed'] !== true) return assert.ok(fixed.roundTripMs! < 15)
      assert.equal(fixed.status, 0)
      assert.ok(fixed.roundTripMs! < 5, `${fixed.roundTripMs} ms`)
      assert.equal(await route(), before.replace(/^(local 127\.0\.0\.1 dev lo .*?) *$/m, '$1 quickack 1 '))
      assert.match(fixed.stderr, /changed: local 127\.0\.0\.1/)
      assert.equal((await doctor('--fix'))['changed'], false)
      assert.equal((await doctor()).status, 0)
      const undone = await doctor('--undo')
      assert.deepEqual([undone.status, undone['changed']], [0, true])
      assert.equal(await route(), before)
      assert.equal((await doctor('--undo'))['changed'], false)
    })

    test('a route that others changed since is left alone', async () => {
      if ((await doctor('--fix'))['changed'] !== true) return
      await readers.run(
        'ip',
        'route change local 127.0.0.1 dev lo table local scope host src 127.0.0.1 mtu 9000'.split(' '),
      )
      const others = await route()
      const { status, error } = (await doctor('--undo')) as unknown as {
        status: number
        error: { code: string }
      }
      assert.deepEqual([status, error.code], [7, 'route-changed'])
      assert.equal(await route(), others)
    })

    test('an ordinary user is told that --fix and --undo need root, and changes nothing', async () => {
      const before = await route()
      const launcher = fileURLToPath(new URL('../../../cli/bin/sealwright.js', import.meta.url))
      const words = [process.execPath, launcher, 'doctor', '--undo', '--json']
      // In a user namespace of its own without any user mapped, it is nobody.
      const ran = await readers.run('unshare', ['-U', ...words], { env: { NODE_OPTIONS: '' } })
      assert.equal(ran.status, 8, ran.stderr)
      assert.equal(JSON.parse(ran.stdout).error.code, 'root-needed')
      assert.equal(await route(), before)
    })

    test('with a module in the first reader it measures in the second, and does not disturb it', async () => {
      const card = await readers.insert(finishedChip(`${readers.folder}/life`))
      const found = await doctor()
      assert.ok(found.roundTripMs! > 0)
      assert.deepEqual(
        card.events.map(({ event }) => event),
        ['started', 'inserted'],
      )
      await card.stop()
    })

    test('without pcscd it says so, and that nothing could be measured', async () => {
      await readers.stopPcscd()
      const found = await doctor()
      assert.equal(found.status, 8)
      assert.deepEqual(
        [state(found, 'pcscd'), state(found, 'vpcd-delay'), found.roundTripMs],
        ['missing', 'unknown', undefined],
      )
      const fixed = (await doctor('--fix')) as unknown as { status: number; error: { code: string } }
      assert.deepEqual([fixed.status, fixed.error.code], [8, 'readers-incomplete'])
    })
  })
}
