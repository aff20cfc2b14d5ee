import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeHex, encodeHex } from '@sealwright/core/bytes'
import { openReader } from '../../src/transport/index.ts'
import {
  finishedChip,
  type InsertedCard,
  needReaders,
  Readers,
  readerName,
  tellWhyNoReaders,
} from './index.ts'

const missing = tellWhyNoReaders(import.meta.url, ['perl'])

test('readers can be had here, or this is not CI', () => needReaders(missing))

const selectIssuerDomain = decodeHex('00A4040000')
/** All of them take minutes. */
const stride = 6
const getSerial = decodeHex('00CA004500')

if (missing === undefined) {
  suite('bad luck with readers', () => {
    let readers: Readers
    let life: string
    let chip: string

    before(async () => {
      readers = await Readers.start()
      life = join(readers.folder, 'life')
      chip = finishedChip(life)
    })
    after(() => readers?.stop())

    const inserted = async (work: (card: InsertedCard) => Promise<void>): Promise<void> => {
      const card = await readers.insert(chip)
      try {
        await work(card)
      } finally {
        await card.stop()
      }
    }
    const show = () => readers.sealwright(['module', 'show', '--reader', readerName(), '--json'])
    const open = (patienceMs = 10_000) => openReader(readerName(), { socket: readers.socket, patienceMs })
    const names = (card: InsertedCard): string[] => card.events.map(({ event }) => event)

    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      test(`[E1f] pcscd that is restarted after ${signal} has the card again, without anybody's doing`, async () => {
        await inserted(async (card) => {
          assert.equal((await show()).status, 0)
          await readers.stopPcscd(signal)
          await card.until('removed')
          await card.until('waiting')
          const without = await show()
          assert.equal(without.status, 8)
          assert.match(without.stdout, /"code":"pcsc-missing"/)
          await sleep(2500)
          await readers.startPcscd()
          await card.until('inserted')
          await readers.untilSeen()
          assert.equal((await show()).status, 0)
          assert.deepEqual(names(card), ['started', 'inserted', 'removed', 'waiting', 'inserted'])
        })
      })
    }

    test('[E1f] a module that was there before pcscd waits for it', async () => {
      await readers.stopPcscd()
      const running = readers.startModule(chip)
      try {
        await running.until('waiting')
        await readers.startPcscd()
        await running.until('inserted')
        await readers.untilSeen()
      } finally {
        assert.equal(await running.stop(), 0)
      }
    })

    test('[E1f] pcscd that dies in the middle of a program is told of as that, and the module is reset', async () => {
      await inserted(async (card) => {
        const transport = await open()
        await transport.transmit(selectIssuerDomain)
        await readers.stopPcscd('SIGKILL')
        await assert.rejects(transport.transmit(getSerial), { code: 'pcsc-lost' })
        await transport.close()
        await readers.startPcscd()
        await card.until('removed')
        await card.until('inserted')
        await readers.untilSeen()
      })
    })

    for (const [what, code] of [
      ['pcscd dies', 'pcsc-lost'],
      ['the card is pulled', 'card-removed'],
    ] as const) {
      test(`[E1f] while a command runs ${what}: that is ${code}, told at once, and the card is there again`, async () => {
        const card = await readers.insertToBePulled(chip, 2, 'never')
        const transport = await open()
        await transport.transmit(selectIssuerDomain)
        const running = transport.transmit(getSerial)
        const refused = assert.rejects(running, { code })
        await sleep(300)
        const since = performance.now()
        if (code === 'pcsc-lost') await readers.stopPcscd('SIGKILL')
        else card.kill('SIGKILL')
        await refused
        assert.ok(performance.now() - since < 1600)
        await transport.close()
        if (code === 'pcsc-lost') await readers.startPcscd()
        else {
          await sleep(500)
          await inserted(async () => assert.equal((await show()).status, 0))
          return
        }
        await readers.untilSeen()
        assert.equal((await show()).status, 0)
        card.kill('SIGKILL')
        await sleep(500)
      })
    }

    test('[E1f] two programs on one card: the second waits for the first, finds the card reset, and is told who waits too long', async () => {
      await inserted(async () => {
        const first = await open()
        assert.match(encodeHex(await first.transmit(getSerial)), /9000$/)
        await assert.rejects(open(700), { code: 'card-in-use' })
        const second = open()
        const stranger = readers.run('opensc-tool', ['--reader', readerName(), '--send-apdu', '00CA004500'])
        for (let i = 0; i < 20; i++) {
          await sleep(30)
          assert.match(encodeHex(await first.transmit(getSerial)), /9000$/)
        }
        await first.close()
        const transport = await second
        assert.match(encodeHex(await transport.transmit(getSerial)), /9000$/)
        await transport.close()
        const { status, stdout } = await stranger
        assert.equal(status, 0)
        assert.match(stdout, /SW1=0x90, SW2=0x00/)
      })
    })

    test('[E1f] a channel of one program is never broken by another that comes and goes', async () => {
      await inserted(async () => {
        const commands = [1, 2, 3, 4].map(() => show())
        const strangers = [1, 2, 3].map(() =>
          readers.run('opensc-tool', ['--reader', readerName(), '--send-apdu', '00A4040000']),
        )
        for (const { status, stderr } of await Promise.all([...commands, ...strangers]))
          assert.equal(status, 0, stderr)
      })
    })

    test('a program that has the card for itself is told of', async () => {
      await inserted(async () => {
        const script = [
          'use Chipcard::PCSC; use Chipcard::PCSC::Card; $| = 1;',
          'my $context = Chipcard::PCSC->new() or die;',
          'my $card = Chipcard::PCSC::Card->new($context, $ARGV[0], $Chipcard::PCSC::SCARD_SHARE_EXCLUSIVE) or die $Chipcard::PCSC::errno;',
          'print "held\\n"; <STDIN>;',
        ].join(' ')
        const holder = readers.spawn('perl', ['-e', script, readerName()])
        const talk: string[] = []
        holder.stdout!.on('data', (chunk) => talk.push(String(chunk)))
        holder.stderr!.on('data', (chunk) => talk.push(String(chunk)))
        while (!talk.join('').includes('held')) {
          assert.equal(holder.exitCode, null, talk.join(''))
          await sleep(20)
        }
        const { status, stdout } = await show()
        assert.equal(status, 8)
        assert.match(stdout, /"code":"card-in-use"/)
        const list = JSON.parse((await readers.sealwright(['reader', 'list', '--json'])).stdout)
        assert.equal(list.readers[0].connections, 'exclusive')
        holder.kill('SIGKILL')
        await sleep(200)
        assert.equal((await show()).status, 0)
      })
    })

    test('[E1f] a program that dies leaves the card reset and free for the next one', async () => {
      await inserted(async () => {
        const script = [
          `import { openReader } from ${JSON.stringify(new URL('../../src/transport/index.ts', import.meta.url).href)}`,
          `const card = await openReader(${JSON.stringify(readerName())})`,
          "await card.transmit(Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 0x00)); console.log('held'); setInterval(() => {}, 1000)",
        ].join('\n')
        const program = readers.spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
          env: { NODE_OPTIONS: '' },
        })
        await new Promise((done) => program.stdout!.once('data', done))
        await assert.rejects(open(500), { code: 'card-in-use' })
        program.kill('SIGKILL')
        const next = await open()
        assert.match(encodeHex(await next.transmit(getSerial)), /9000$/)
        await next.close()
      })
    })

    test('[E1f] a card that is pulled between two commands is told of as that', async () => {
      const card = await readers.insert(chip)
      const transport = await open()
      await transport.transmit(getSerial)
      await card.stop('SIGKILL')
      await assert.rejects(transport.transmit(getSerial), { code: 'card-removed' })
      await transport.close()
      await sleep(600)
      const { status, stdout } = await show()
      assert.equal(status, 8)
      assert.match(stdout, /"code":"card-missing"/)
    })

    test('a second card for a reader that has one waits until that is out, and says so', async () => {
      const other = join(life, 'chips/loader.chip')
      const first = await readers.insert(chip)
      const second = readers.startModule(other)
      try {
        await second.until('unheard')
        await first.stop()
        await second.until('inserted')
        await readers.untilSeen()
        assert.match((await show()).stdout, /"product":"loader"/)
      } finally {
        await second.stop()
      }
    })

    test('a chip file that runs is held against everybody else', async () => {
      await inserted(async () => {
        for (const words of [
          ['show', '--module', chip],
          ['run', chip, '--vpcd'],
          ['run', chip, '--tcp'],
        ]) {
          const { status, stderr } = await readers.sealwright(['module', ...words])
          assert.equal(status, 8)
          assert.match(stderr, /held by sealwright module run/)
        }
      })
    })

    suite('a card is pulled in the middle of PUT KEY and what leads to it', () => {
      for (const when of ['before', 'after'] as const) {
        test(`[E1f] ${when} it works on a command: old keys or new ones, and the same line again ends with the new ones`, async (t) => {
          // The eighth is PUT KEY.
          let at = 2
          const met = new Set<'old' | 'new'>()
          for (let whole = false; !whole; at += 3) {
            const folder = mkdtempSync(join(readers.folder, 'keys-'))
            const gp = (...words: string[]) =>
              readers.sealwright(['gp', ...words, '--reader', readerName(), '--json'], { cwd: folder })
            const made = ['module', 'new', '--profile', 'globalplatform', '--test', '--out', 'card.chip']
            const { status, stderr } = await readers.sealwright(made, { cwd: folder })
            assert.equal(status, 0, stderr)
            const doomed = await readers.insertToBePulled(join(folder, 'card.chip'), at, when)
            const put = ['put-keys', '--test-keys', '--new-keys', 'new.keys']
            const first = await gp(...put)
            whole = first.status === 0
            if (!whole) assert.match(first.stdout, /"code":"card-removed"/, `command ${at}: ${first.stderr}`)
            doomed.kill('SIGKILL')
            await sleep(500)
            const card = await readers.insert(join(folder, 'card.chip'))
            const opens = async (...keys: string[]): Promise<boolean> =>
              (await gp('list', ...keys)).status === 0
            const old = await opens('--test-keys')
            const taken = existsSync(join(folder, 'new.keys')) && (await opens('--keys', 'new.keys'))
            assert.ok(old !== taken, `command ${at}: old ${old}, new ${taken}`)
            met.add(old ? 'old' : 'new')
            assert.equal(old, at < 8 || (at === 8 && when === 'before'), `command ${at}`)
            const again = await gp(...put)
            assert.equal(again.status, 0, `command ${at}: ${again.stderr}`)
            assert.deepEqual([await opens('--test-keys'), await opens('--keys', 'new.keys')], [false, true])
            await card.stop()
            rmSync(folder, { recursive: true })
          }
          t.diagnostic(`pulled at every third command, to the ${at - 6}th`)
          assert.deepEqual([...met], ['old', 'new'])
        })
      }
    })

    suite('a card is pulled in the middle of personalization', () => {
      const personalize = (folder: string) => {
        const words = [
          ...['unit', 'personalize', '--reader', readerName(), '--serial', '0000000000000001'],
          ...['--certificate', 'certs/unit.pem', '--root', 'certs/manufacturer-root.pem'],
          ...[
            '--central',
            'exchange/central.request',
            '--central-fingerprint-file',
            'exchange/central.fingerprint',
          ],
          ...['--out', 'certs/cash-operating.pem', '--json'],
        ]
        return readers.sealwright(words, { cwd: folder })
      }

      before(async () => {
        const steps = [
          [
            'unit',
            'request',
            '--customer',
            'Example Bank',
            '--out',
            'exchange/unit.request',
            '--fingerprint-out',
            'exchange/unit.fingerprint',
          ],
          [
            'manufacturer',
            'certify-unit',
            'exchange/unit.request',
            '--fingerprint-file',
            'exchange/unit.fingerprint',
            '--out',
            'certs/unit.pem',
          ],
          [
            'central',
            'key',
            '--out',
            'exchange/central.request',
            '--fingerprint-out',
            'exchange/central.fingerprint',
          ],
        ]
        for (const step of steps) {
          const { status, stderr } = await readers.sealwright(step, { cwd: life })
          assert.equal(status, 0, stderr)
        }
      })

      for (const when of ['before', 'after'] as const) {
        test(`[E1f] ${when} it works on a command: the module is as it was or personalized, and the step done again ends well`, async (t) => {
          let at = when === 'before' ? 1 : 3
          for (let whole = false; !whole; at += stride) {
            const folder = mkdtempSync(join(readers.folder, 'pulled-'))
            cpSync(life, folder, { recursive: true })
            const file = join(folder, 'chips/cash.chip')
            const doomed = await readers.insertToBePulled(file, at, when)
            const first = await personalize(folder)
            whole = first.status === 0
            if (!whole) {
              assert.match(
                first.stdout,
                /"code":"card-removed"/,
                `command ${at}: ${first.stdout}${first.stderr}`,
              )
              assert.equal(doomed.signalCode, 'SIGKILL')
            }
            doomed.kill('SIGKILL')
            await sleep(500)
            const card = await readers.insert(file)
            const state = JSON.parse((await show()).stdout).state
            assert.ok(state === 'awaiting-personalization' || state === 'operating', state)
            const again = await personalize(folder)
            assert.equal(again.status, 0, `command ${at}: ${again.stderr}`)
            assert.equal(JSON.parse((await show()).stdout).state, 'operating')
            await card.stop()
            rmSync(folder, { recursive: true })
          }
          t.diagnostic(`pulled at every ${stride}th command, to the ${at - 2 * stride}th`)
          assert.ok(at > 3 * stride)
        })
      }
    })
  })
}
