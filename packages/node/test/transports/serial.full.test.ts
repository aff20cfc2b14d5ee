import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { concat, decodeHex, encodeHex } from '@sealwright/core/bytes'
import type { StateError } from '@sealwright/core/errors'
import { parseAnswerToReset } from '@sealwright/core/t1'
import { PtyLine } from '../../src/testing/index.ts'
import { openLine, openSerialPort, serialSettings, serveLine } from '../../src/transport/index.ts'
import { asked, ExercisedCard, pattern } from './exercised-card.ts'
import { tellWhyNoTtys } from './ttys.ts'

/** A source file as a program of its own imports it. */
const source = (name: string): string =>
  JSON.stringify(new URL(`../../src/transport/${name}.ts`, import.meta.url).href)
const quick = { blockMs: 150, characterMs: 40, attempts: 3 }

test('what is no serial line is told of with its name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-serial-'))
  const file = join(folder, 'file')
  writeFileSync(file, '')
  await assert.rejects(openSerialPort(join(folder, 'ttyUSB7')), {
    code: 'line-missing',
    message: /ttyUSB7: there is no such device/,
  })
  await assert.rejects(openSerialPort(file), { code: 'line-missing', message: /file is no serial line/ })
  await assert.rejects(openSerialPort('/dev/null'), { code: 'line-missing', message: /\/dev\/null: / })
  for (const baud of [0, 49, 1.5, Number.NaN, 4_000_001])
    await assert.rejects(openSerialPort('/dev/null', { baud }), { code: 'usage' })
  rmSync(folder, { recursive: true })
})

if (tellWhyNoTtys(import.meta.url) === undefined) {
  suite('a serial line over real ttys', () => {
    const withLine = async (work: (line: PtyLine) => Promise<void>): Promise<void> => {
      const line = await PtyLine.open()
      try {
        await work(line)
      } finally {
        await line.unplug()
      }
    }

    test('[E2c] every byte passes as it is, both ways, at any speed', async () => {
      await withLine(async (line) => {
        for (const baud of [9600, 115_200, 230_400]) {
          const host = await openSerialPort(line.hostPath, { baud })
          const module = await openSerialPort(line.modulePath, { baud })
          const all = Uint8Array.from({ length: 256 }, (_, i) => i)
          for (const [from, to] of [
            [host, module],
            [module, host],
          ] as const) {
            let came: Uint8Array = new Uint8Array(0)
            const arrived = new Promise<void>((done) => {
              to.listen({
                bytes: (bytes) => {
                  came = concat(came, bytes)
                  if (came.length >= all.length) done()
                },
                ended: () => {},
              })
            })
            from.write(all)
            await arrived
            assert.equal(encodeHex(came), encodeHex(all))
          }
          await Promise.all([host.close(), module.close(), host.close()])
        }
      })
    })

    test('[E2c] a command and its answer, and what the module says of itself', async () => {
      await withLine(async (line) => {
        const card = new ExercisedCard()
        const stop = new AbortController()
        const settings = serialSettings(9600)
        const historical = decodeHex('AABB')
        const served = serveLine(await openSerialPort(line.modulePath, { baud: 9600 }), card, {
          ...{ settings, historical, signal: stop.signal },
        })
        const transport = await openLine(await openSerialPort(line.hostPath, { baud: 9600 }), settings)
        assert.deepEqual(parseAnswerToReset(transport.answerToReset), {
          ...{ ifs: 254, detection: 'crc', historical },
        })
        assert.deepEqual(await transport.transmit(asked('echo', pattern(2))), decodeHex('05009000'))
        await transport.close()
        assert.equal(card.resets, 2)
        stop.abort()
        assert.equal(await served, undefined)
        assert.equal(card.resets, 3)
      })
    })

    test('a line is held by one program, on either end', async () => {
      await withLine(async (line) => {
        const held = await openSerialPort(line.hostPath)
        await assert.rejects(openSerialPort(line.hostPath), {
          code: 'line-in-use',
          message: `${line.hostPath}: another program holds the line`,
        })
        await held.close()
        const free = await openSerialPort(line.hostPath)
        await free.close()
      })
    })

    test('nobody at the other end, and another checksum there, are told as silence', async () => {
      await withLine(async (line) => {
        const silent = { code: 'line-silent', message: `${line.hostPath}: nothing answers` }
        await assert.rejects(openLine(await openSerialPort(line.hostPath), quick), silent)
        const card = new ExercisedCard()
        const stop = new AbortController()
        const served = serveLine(await openSerialPort(line.modulePath), card, {
          settings: { ...quick, detection: 'lrc' },
          signal: stop.signal,
        })
        await assert.rejects(openLine(await openSerialPort(line.hostPath), quick), silent)
        // Given back, whatever went wrong.
        const transport = await openLine(await openSerialPort(line.hostPath), { ...quick, detection: 'lrc' })
        await transport.close()
        stop.abort()
        await served
      })
    })

    test('a device that is unplugged is told to both ends, also to one that waits', async () => {
      await withLine(async (line) => {
        const card = new ExercisedCard()
        const served = serveLine(await openSerialPort(line.modulePath), card, { settings: quick })
        const transport = await openLine(await openSerialPort(line.hostPath), quick)
        let reached = (): void => {}
        const begun = new Promise<void>((done) => {
          reached = done
        })
        card.hold = { when: 'after', until: new Promise((done) => setTimeout(done, 100)), reached }
        const waiting = assert.rejects(transport.transmit(asked('echo', pattern(3))), { code: 'line-lost' })
        await begun
        await line.unplug()
        await waiting
        const reason = (await served) as StateError
        assert.deepEqual([reason.code, card.executed.length], ['line-lost', 1])
        await transport.close()
      })
    })

    test('a host that was killed leaves nothing behind: the next one begins anew', async () => {
      await withLine(async (line) => {
        const card = new ExercisedCard()
        const stop = new AbortController()
        const served = serveLine(await openSerialPort(line.modulePath), card, { signal: stop.signal })
        const code = `
          const { openLine } = await import(${source('line')})
          const { openSerialPort } = await import(${source('serial-port')})
          const transport = await openLine(await openSerialPort(process.argv[1]))
          await transport.transmit(Buffer.from('8014000003AABBCC', 'hex'))
          await transport.transmit(Buffer.from('80160000', 'hex'))
          process.kill(process.pid, 'SIGKILL')`
        const killed = spawn(process.execPath, ['--input-type=module', '-e', code, line.hostPath], {
          env: { ...process.env, NODE_OPTIONS: '' },
          stdio: ['ignore', 'ignore', 'inherit'],
        })
        await once(killed, 'close')
        assert.equal(killed.signalCode, 'SIGKILL')
        assert.equal(card.executed.length, 2)
        const transport = await openLine(await openSerialPort(line.hostPath))
        assert.deepEqual(await transport.transmit(asked('recall')), decodeHex('6985'))
        await transport.close()
        stop.abort()
        await served
      })
    })

    test('a device that this user may not use is told of', async () => {
      await withLine(async (line) => {
        if (process.getuid?.() === 0) {
          // Root may everything: another user is asked.
          const code = `
            const { openSerialPort } = await import(${source('serial-port')})
            process.setuid(65534)
            try { await openSerialPort(process.argv[1]) } catch (error) { console.log(error.code) }`
          const asking = spawn(process.execPath, ['--input-type=module', '-e', code, line.hostPath], {
            env: { ...process.env, NODE_OPTIONS: '' },
            stdio: ['ignore', 'pipe', 'inherit'],
          })
          chmodSync(line.hostPath, 0o600)
          let said = ''
          asking.stdout!.on('data', (text) => (said += String(text)))
          await once(asking, 'close')
          assert.equal(said.trim(), 'line-denied')
        } else {
          chmodSync(line.hostPath, 0)
          await assert.rejects(openSerialPort(line.hostPath), { code: 'line-denied' })
        }
      })
    })
  })
}
