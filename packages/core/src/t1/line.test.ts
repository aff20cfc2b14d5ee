import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { SimulatedLine, type SimulationOptions } from '../../test/simulated-line.ts'
import { ascii, concat, decodeHex, encodeHex } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import { parseAnswerToReset, parseBlock, serializeBlock, T1Host, T1Module } from './index.ts'

const pattern = (length: number, seed = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 0xff)
/** Says the command backwards, behind a status word's length more. */
const echo = (command: Uint8Array): Uint8Array => concat(command.slice().reverse(), decodeHex('9000'))

function open(options: SimulationOptions = {}): SimulatedLine {
  const line = new SimulatedLine(echo, options)
  assert.equal(line.reset().kind, 'reset')
  return line
}

function ask(line: SimulatedLine, command: Uint8Array): Uint8Array {
  const event = line.transmit(command)
  assert.ok(event.kind === 'answer', JSON.stringify(event))
  return event.apdu
}

suite('a clean line', () => {
  for (const detection of ['lrc', 'crc'] as const) {
    test(`[B4a][E2c] with ${detection} carries commands and answers of every length, chained both ways`, () => {
      for (const ifs of [1, 32, 254]) {
        const line = open({ settings: { detection, ifs } })
        const lengths = [
          0,
          1,
          4,
          31,
          32,
          33,
          253,
          254,
          255,
          256,
          508,
          1000,
          ...(ifs > 1 ? [4096, 65_544] : []),
        ]
        const commands = lengths.map((length) => pattern(length))
        for (const command of commands) assert.deepEqual(ask(line, command), echo(command))
        assert.deepEqual(line.executed, commands)
      }
    })
  }

  test('every length around the borders of blocks', () => {
    const line = open({ settings: { ifs: 16 } })
    for (let length = 0; length < 70; length++) {
      const command = pattern(length, length)
      assert.deepEqual(ask(line, command), echo(command))
    }
  })

  test('the reset says how the module is spoken to, and begins a conversation anew', () => {
    const line = new SimulatedLine(echo, { settings: { ifs: 100 } })
    const event = line.reset()
    assert.ok(event.kind === 'reset')
    assert.deepEqual(parseAnswerToReset(event.answer), {
      ifs: 100,
      detection: 'crc',
      historical: new Uint8Array(0),
    })
    ask(line, pattern(5))
    line.reset()
    assert.equal(line.resets, 2)
    ask(line, pattern(5))
    assert.equal(line.executed.length, 2)
  })

  test('both sizes of information fields are kept to', () => {
    const host = new T1Host({ ifs: 20, detection: 'lrc' })
    const module = new T1Module({ ifs: 50, detection: 'lrc' })
    const lengths = { up: 0, down: 0 }
    const run = (): void => {
      for (let turn = 0; turn < 1000; turn++) {
        const up = host.takeOutput()
        for (const bytes of up) {
          lengths.up = Math.max(lengths.up, bytes[2]!)
          module.receive(bytes, 0)
        }
        for (let event = module.takeEvent(); event !== undefined; event = module.takeEvent()) {
          if (event.kind === 'reset') module.wasReset()
          else module.answer(echo(event.apdu))
        }
        const down = module.takeOutput()
        for (const bytes of down) {
          lengths.down = Math.max(lengths.down, bytes[2]!)
          host.receive(bytes, 0)
        }
        if (up.length === 0 && down.length === 0) return
      }
    }
    host.reset(new Uint8Array(0), 0)
    run()
    host.takeEvent()
    host.send(pattern(300), 0)
    run()
    assert.equal(host.takeEvent()?.kind, 'answer')
    assert.deepEqual(lengths, { up: 50, down: 20 })
  })

  test('a module that works long asks for time, and the host waits', () => {
    const line = open({ workMs: () => 20_000 })
    assert.deepEqual(ask(line, pattern(10)), echo(pattern(10)))
    assert.ok(line.now >= 20_000)
    assert.equal(line.executed.length, 1)
  })

  test('a module that asks for time for ever is given up', () => {
    const line = open({ workMs: () => 1_000_000, settings: { answerMs: 10_000 } })
    assert.deepEqual(line.transmit(pattern(10)), { kind: 'failed', failure: 'too-slow' })
    assert.ok(line.now < 20_000)
    assert.throws(() => line.transmit(pattern(1)), UsageError)
  })

  test('a line of 300 baud does not time out for its slowness', () => {
    const line = open({ settings: { byteMs: 33 } })
    assert.deepEqual(ask(line, pattern(2000)), echo(pattern(2000)))
    assert.equal(line.executed.length, 1)
  })
})

suite('nobody there', () => {
  test('silence is told as silence', () => {
    const line = new SimulatedLine(echo, { cutAtByte: 0 })
    assert.deepEqual(line.reset(), { kind: 'failed', failure: 'silent' })
  })

  test('a module that lost its power carries nothing out for the old conversation', () => {
    const line = open()
    ask(line, pattern(9))
    line.restartModule()
    assert.deepEqual(line.transmit(pattern(10)), { kind: 'failed', failure: 'unknown-outcome' })
    assert.equal(line.executed.length, 1)
  })

  test('[E2c] a line cut at any byte fails clearly, and what was carried out was carried out once', () => {
    const whole = open({ settings: { ifs: 40 } })
    const start = whole.bytes
    const command = pattern(100)
    ask(whole, command)
    for (let cut = start; cut < whole.bytes; cut++) {
      const line = open({ settings: { ifs: 40 }, cutAtByte: cut })
      const event = line.transmit(command)
      assert.ok(event.kind === 'failed', `cut at ${cut}`)
      assert.ok(line.executed.length <= 1)
      // Only what cannot have happened is said not to have happened.
      if (line.executed.length === 1) assert.equal(event.failure, 'unknown-outcome')
      if (event.failure === 'noisy') assert.equal(line.executed.length, 0)
    }
  })
})

suite('a bad line', () => {
  const kinds = {
    'bytes lost': { lose: 0.004 },
    'bits flipped': { flip: 0.004 },
    'bytes doubled': { double: 0.004 },
    'bytes from nowhere': { insert: 0.004 },
    'bytes late': { delay: 0.003, longestDelayMs: 5000 },
    'all of it': {
      lose: 0.001,
      flip: 0.001,
      double: 0.001,
      insert: 0.001,
      delay: 0.001,
      longestDelayMs: 3000,
    },
  }
  for (const [name, noise] of Object.entries(kinds)) {
    test(`[E2c] ${name}: every command is carried out once and in order, or the line fails clearly`, () => {
      let [arrived, failed, disturbed] = [0, 0, 0]
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 1_000_000 }),
          fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 8 }),
          fc.constantFrom(20, 64, 254),
          (seed, lengths, ifs) => {
            const settings = { ifs, attempts: 12 }
            const line = new SimulatedLine(echo, { settings, noise, seed, workMs: (c) => c.length * 3 })
            if (line.reset().kind !== 'reset') return
            const sent: Uint8Array[] = []
            for (const [i, length] of lengths.entries()) {
              const command = pattern(length, seed + i)
              const event = line.transmit(command)
              sent.push(command)
              if (event.kind === 'failed') {
                failed++
                const done = event.failure === 'unknown-outcome' ? line.executed.length : sent.length - 1
                assert.ok(done >= sent.length - 1)
                assert.deepEqual(line.executed, sent.slice(0, done))
                return
              }
              assert.ok(event.kind === 'answer')
              assert.deepEqual(event.apdu, echo(command))
              assert.deepEqual(line.executed, sent)
              arrived++
            }
            disturbed += line.disturbances
          },
        ),
        { numRuns: 80, seed: 7816 },
      )
      assert.ok(arrived > 10 * failed && arrived > 200, `${arrived} arrived, ${failed} lines failed`)
      assert.ok(disturbed > 200, `${disturbed} disturbances`)
    })
  }

  test('64 KB each way over a bad line', () => {
    const noise = { lose: 0.0004, flip: 0.0004, double: 0.0004, delay: 0.0004, longestDelayMs: 4000 }
    const line = open({ noise, seed: 3, settings: { attempts: 12 } })
    const command = pattern(65_544)
    assert.deepEqual(ask(line, command), echo(command))
    assert.ok(line.disturbances > 50)
    assert.equal(line.executed.length, 1)
  })

  test('a line that never falls silent is given up', () => {
    const host = new T1Host()
    host.reset(new Uint8Array(0), 0)
    let now = 0
    for (let i = 0; i < 100_000 && host.takeEvent() === undefined; i++) {
      now += 1
      host.receive(pattern(20, i), now)
      if (host.deadline !== undefined && now >= host.deadline) host.tick(now)
    }
    assert.ok(now < 10_000)
  })
})

suite('blocks of another conversation', () => {
  test('the answer to an earlier reset does not stand for this one', () => {
    const host = new T1Host({ detection: 'lrc' })
    host.reset(decodeHex('AABBCCDD'), 0)
    const stale = { kind: 'S', about: 'reset', response: true, information: decodeHex('11223344') } as const
    host.receive(serializeBlock(stale, 'lrc'), 1)
    assert.equal(host.takeOutput().length, 1)
    host.receive(serializeBlock({ ...stale, information: decodeHex('AABBCCDD') }, 'lrc'), 2)
    assert.equal(host.takeOutput().map(encodeHex).join(), '00C101FE3E')
  })

  test('a block said again is not carried out again, however often', () => {
    const module = new T1Module({ detection: 'lrc' })
    const say = (block: Parameters<typeof serializeBlock>[0]): string[] => {
      module.receive(serializeBlock(block, 'lrc'), 0)
      const event = module.takeEvent()
      if (event?.kind === 'reset') module.wasReset()
      if (event?.kind === 'command') {
        executed.push(encodeHex(event.apdu))
        module.answer(event.apdu)
      }
      return module.takeOutput().map(encodeHex)
    }
    const executed: string[] = []
    say({ kind: 'S', about: 'reset', response: false, information: new Uint8Array(0) })
    const first = { kind: 'I', number: 0, more: false, information: decodeHex('00A4') } as const
    const answer = say(first)
    for (let i = 0; i < 5; i++) assert.deepEqual(say(first), answer)
    for (let i = 0; i < 5; i++) assert.deepEqual(say({ kind: 'R', expected: 0, fault: 'other' }), answer)
    assert.deepEqual(executed, ['00A4'])
    say({ ...first, number: 1 })
    assert.deepEqual(executed, ['00A4', '00A4'])
  })

  test('before its first reset a module carries nothing out', () => {
    const module = new T1Module({ detection: 'lrc' })
    module.receive(
      serializeBlock({ kind: 'I', number: 0, more: false, information: decodeHex('00A4') }, 'lrc'),
      0,
    )
    assert.equal(module.takeEvent(), undefined)
    assert.deepEqual(module.takeOutput().map(encodeHex), ['00820082'])
  })
})

suite('rules of ISO/IEC 7816-3, 11.6', () => {
  /** A card as the test says it: what the host sends is looked at, what the card says is given. */
  class Played {
    readonly host = new T1Host({ detection: 'lrc', attempts: 3 })
    now = 0

    constructor() {
      this.host.reset(new Uint8Array(0), 0)
      this.card('00EF00EF')
      assert.equal(this.sent(), '00CF00CF 00C101FE3E')
      this.card('00E101FE1E')
      assert.equal(this.host.takeEvent()?.kind, 'reset')
    }

    card(hex: string): void {
      this.host.receive(decodeHex(hex), this.now)
    }

    sent(): string {
      return this.host.takeOutput().map(encodeHex).join(' ')
    }

    timeout(): void {
      this.now = this.host.deadline!
      this.host.tick(this.now)
    }
  }
  const block = (block: Parameters<typeof serializeBlock>[0]): string =>
    encodeHex(serializeBlock(block, 'lrc'))
  const information = (number: 0 | 1, hex: string, more = false): string =>
    block({ kind: 'I', number, more, information: decodeHex(hex) })
  const ready = (expected: 0 | 1, fault: 'none' | 'epilogue' | 'other' = 'none'): string =>
    block({ kind: 'R', expected, fault })

  test('rule 2: an I-block answers an I-block, and the numbers go up in each direction', () => {
    const played = new Played()
    for (const number of [0, 1, 0] as const) {
      played.host.send(decodeHex('AABB'), played.now)
      assert.equal(played.sent(), information(number, 'AABB'))
      played.card(information(number, '9000'))
      assert.deepEqual(played.host.takeEvent(), { kind: 'answer', apdu: decodeHex('9000') })
    }
  })

  test('rules 3 and 4: more time and another field size are granted', () => {
    const played = new Played()
    played.host.send(new Uint8Array(40), played.now)
    assert.equal(played.sent(), information(0, '00'.repeat(32), true))
    played.card(block({ kind: 'S', about: 'ifs', response: false, information: Uint8Array.of(10) }))
    assert.equal(played.sent(), '00E1010AEA')
    played.card(ready(1))
    assert.equal(played.sent(), information(1, '00'.repeat(8)))
    played.card('00C30105C7')
    assert.equal(played.sent(), '00E30105E7')
    assert.equal(played.host.deadline, played.now + 5000)
    played.card(information(0, '9000'))
    played.host.send(new Uint8Array(11), played.now)
    assert.equal(played.sent(), information(0, '00'.repeat(10), true))
  })

  test('rule 5: a chain from the card is asked for piece by piece', () => {
    const played = new Played()
    played.host.send(decodeHex('AA'), 0)
    played.sent()
    played.card(information(0, '0102', true))
    assert.equal(played.sent(), ready(1))
    played.card(information(1, '03', true))
    assert.equal(played.sent(), ready(0))
    played.card(information(0, '9000'))
    assert.deepEqual(played.host.takeEvent(), { kind: 'answer', apdu: decodeHex('0102039000') })
  })

  test('rule 6: a chain that the card breaks off ends the line, and the host says that it knows', () => {
    const played = new Played()
    played.host.send(new Uint8Array(40), 0)
    played.sent()
    played.card('00C200C2')
    assert.equal(played.sent(), '00E200E2')
    assert.deepEqual(played.host.takeEvent(), { kind: 'failed', failure: 'broken-rules' })
  })

  test('rule 7.1: a broken block is asked for again, with what was wrong', () => {
    const played = new Played()
    played.host.send(decodeHex('AA'), 0)
    played.sent()
    played.card('0000029000FF')
    played.timeout()
    assert.equal(played.sent(), ready(0, 'epilogue'))
    played.timeout()
    assert.equal(played.sent(), ready(0, 'other'))
    played.card(information(0, '9000'))
    assert.equal(played.host.takeEvent()?.kind, 'answer')
  })

  test('rule 7.1: a block that the card did not get is sent again', () => {
    const played = new Played()
    played.host.send(decodeHex('AA'), 0)
    const first = played.sent()
    played.card(ready(0, 'epilogue'))
    assert.equal(played.sent(), first)
  })

  test('rules 7.3 and 7.4: three attempts, then a resynchronization, three times, then the end', () => {
    const played = new Played()
    played.host.send(new Uint8Array(300), 0)
    played.sent()
    for (let i = 0; i < 2; i++) {
      played.timeout()
      assert.equal(played.sent(), ready(0, 'other'))
    }
    for (let i = 0; i < 3; i++) {
      played.timeout()
      assert.equal(played.sent(), '00C000C0')
    }
    played.timeout()
    assert.deepEqual(played.host.takeEvent(), { kind: 'failed', failure: 'noisy' })
  })

  test('a command that cannot have been carried out begins again after a resynchronization', () => {
    const played = new Played()
    played.host.send(new Uint8Array(40), 0)
    const first = played.sent()
    for (let i = 0; i < 3; i++) played.timeout()
    assert.match(played.sent(), /00C000C0$/)
    played.card('00E000E0')
    assert.equal(played.sent(), '00C101FE3E')
    played.card('00E101FE1E')
    assert.equal(played.sent(), first)
  })

  test('a command that may have been carried out is never said again', () => {
    const played = new Played()
    played.host.send(decodeHex('AA'), 0)
    played.sent()
    for (let i = 0; i < 3; i++) played.timeout()
    assert.deepEqual(played.host.takeEvent(), { kind: 'failed', failure: 'unknown-outcome' })
    assert.ok(!played.sent().includes(information(0, 'AA')))
  })

  test('a chain of the card without end is broken off', () => {
    const played = new Played()
    played.host.send(decodeHex('AA'), 0)
    for (let i = 0; i < 300; i++) {
      if (played.sent().endsWith('00C200C2')) break
      played.card(information((i % 2) as 0 | 1, '00'.repeat(254), true))
    }
    played.card('00E200E2')
    assert.deepEqual(played.host.takeEvent(), { kind: 'failed', failure: 'broken-rules' })
  })

  test('[E2c] a chain of empty blocks without end is broken off like any other, at either end', () => {
    const played = new Played()
    played.host.send(decodeHex('AA'), 0)
    const module = new T1Module({ detection: 'lrc' })
    const say = (hex: string): string => {
      module.receive(decodeHex(hex), 0)
      if (module.takeEvent()?.kind === 'reset') module.wasReset()
      return module.takeOutput().map(encodeHex).join(' ')
    }
    say('00CF00CF')
    const ends = { host: false, module: false }
    for (let i = 0; i < 70_000; i++) {
      const empty = information((i % 2) as 0 | 1, '', true)
      ends.host ||= played.sent().endsWith('00C200C2')
      if (!ends.host) played.card(empty)
      ends.module ||= say(empty) === '00C200C2'
    }
    assert.deepEqual(ends, { host: true, module: true })
  })

  test('a block that is longer than agreed is asked for again', () => {
    const host = new T1Host({ detection: 'lrc', ifs: 10 })
    host.reset(new Uint8Array(0), 0)
    host.receive(decodeHex('00EF00EF'), 0)
    host.receive(decodeHex('00E1010AEA'), 0)
    host.send(decodeHex('AA'), 0)
    host.takeOutput()
    host.receive(decodeHex(information(0, '00'.repeat(11))), 0)
    assert.equal(host.takeOutput().map(encodeHex).join(), ready(0, 'other'))
    host.receive(decodeHex(information(0, '00'.repeat(10))), 0)
    host.takeEvent()
    assert.equal(host.takeEvent()?.kind, 'answer')
  })

  test('rule 5: an answer in the middle of a command breaks the rules', () => {
    const played = new Played()
    played.host.send(new Uint8Array(40), 0)
    played.card(information(0, '9000'))
    assert.deepEqual(played.host.takeEvent(), { kind: 'failed', failure: 'broken-rules' })
  })

  test('responses to what was not asked are passed over', () => {
    const host = new T1Host({ detection: 'lrc' })
    host.reset(new Uint8Array(0), 0)
    for (const hex of ['00E200E2', '00E000E0', '00E101FE1E', '00E30101E3']) host.receive(decodeHex(hex), 0)
    assert.equal(host.takeOutput().length, 1)
    host.receive(decodeHex('00EF00EF'), 0)
    host.takeOutput()
    // The field size must come back as it was told.
    host.receive(decodeHex('00E1010AEA'), 0)
    assert.equal(host.takeEvent(), undefined)
    host.receive(decodeHex('00E101FE1E'), 0)
    assert.equal(host.takeEvent()?.kind, 'reset')
  })

  test('time is granted for a command that is complete, and for no other', () => {
    const played = new Played()
    played.host.send(new Uint8Array(40), 0)
    played.sent()
    played.card('00C30105C7')
    assert.equal(played.sent(), '')
    played.card(ready(1))
    played.sent()
    played.card('00C30105C7')
    assert.equal(played.sent(), '00E30105E7')
  })

  test('after one resynchronization in vain the host gives up', () => {
    const played = new Played()
    played.host.send(new Uint8Array(40), 0)
    for (let i = 0; i < 3; i++) played.timeout()
    played.sent()
    played.card('00E000E0')
    played.card('00E101FE1E')
    played.sent()
    for (let i = 0; i < 3; i++) played.timeout()
    assert.ok(!played.sent().includes('00C000C0'))
    assert.deepEqual(played.host.takeEvent(), { kind: 'failed', failure: 'noisy' })
  })

  test('a tick that comes early changes nothing, not even in the middle of a block', () => {
    const played = new Played()
    played.host.send(decodeHex('AA'), 0)
    played.sent()
    const { deadline } = played.host
    played.host.tick(deadline! - 1)
    assert.equal(played.sent(), '')
    played.now = deadline! - 1
    played.card('000002')
    played.host.tick(deadline! + 50)
    assert.equal(played.sent(), '')
    played.card('909002')
    assert.deepEqual(played.host.takeEvent(), { kind: 'answer', apdu: decodeHex('9090') })
  })

  test('the module breaks off a command without end, and goes on', () => {
    const module = new T1Module({ detection: 'lrc' })
    const say = (hex: string): string => {
      module.receive(decodeHex(hex), 0)
      if (module.takeEvent()?.kind === 'reset') module.wasReset()
      return module.takeOutput().map(encodeHex).join(' ')
    }
    say('00CF00CF')
    let said = ''
    for (let i = 0; i < 300 && said !== '00C200C2'; i++)
      said = say(information((i % 2) as 0 | 1, '00'.repeat(254), true))
    assert.equal(said, '00C200C2')
    const after = parseBlock(decodeHex(say('00E200E2')), 'lrc')
    assert.ok(after.kind === 'R')
    module.receive(decodeHex(information(after.expected, 'AA')), 0)
    assert.deepEqual(module.takeEvent(), { kind: 'command', apdu: decodeHex('AA') })
  })

  test('the module says three times that a block was broken, and then waits', () => {
    const module = new T1Module({ detection: 'lrc' })
    module.receive(decodeHex('00CF00CF'), 0)
    module.takeEvent()
    module.wasReset()
    module.takeOutput()
    const said: string[] = []
    for (let i = 0; i < 6; i++) {
      module.receive(decodeHex('000002AABBFF'), i * 1000)
      module.tick(module.deadline!)
      said.push(module.takeOutput().map(encodeHex).join(' '))
    }
    assert.deepEqual(said, [...Array.from({ length: 3 }, () => ready(0, 'epilogue')), '', '', ''])
    module.receive(decodeHex(information(0, 'AA')), 9000)
    assert.equal(module.takeEvent()?.kind, 'command')
  })

  test('a reset while the module works waits for the work, and drops its answer', () => {
    const module = new T1Module({ detection: 'lrc' })
    module.receive(decodeHex('00CF00CF'), 0)
    module.takeEvent()
    module.wasReset()
    module.receive(decodeHex(information(0, 'AA')), 0)
    assert.equal(module.takeEvent()?.kind, 'command')
    module.takeOutput()
    module.receive(decodeHex(`00CF0201${'02'}CE`), 1)
    assert.equal(module.takeEvent(), undefined)
    module.answer(ascii('late'))
    assert.deepEqual(module.takeEvent(), { kind: 'reset' })
    module.wasReset()
    const [answer, ...more] = module.takeOutput().map((bytes) => parseBlock(bytes, 'lrc'))
    assert.ok(answer?.kind === 'S' && answer.about === 'reset')
    assert.equal(encodeHex(answer.information.subarray(0, 2)), '0102')
    assert.deepEqual(more, [])
  })
})

suite('the module, block by block', () => {
  /** A module that was reset, unless told otherwise; the test is its host. */
  class Asked {
    readonly module: T1Module
    readonly commands: string[] = []
    resets = 0

    constructor({ ifs = 254, isReset = true } = {}) {
      this.module = new T1Module({ detection: 'lrc', ifs })
      if (isReset) this.say('00CF00CF')
    }

    say(hex: string, now = 0): string {
      this.module.receive(decodeHex(hex), now)
      for (let event = this.module.takeEvent(); event !== undefined; event = this.module.takeEvent()) {
        if (event.kind === 'command') this.commands.push(encodeHex(event.apdu))
        else {
          this.resets++
          this.module.wasReset()
        }
      }
      return this.said()
    }

    said(): string {
      return this.module.takeOutput().map(encodeHex).join(' ')
    }
  }
  const block = (block: Parameters<typeof serializeBlock>[0]): string =>
    encodeHex(serializeBlock(block, 'lrc'))
  const information = (number: 0 | 1, hex: string, more = false): string =>
    block({ kind: 'I', number, more, information: decodeHex(hex) })
  const ready = (expected: 0 | 1, fault: 'none' | 'epilogue' | 'other' = 'none'): string =>
    block({ kind: 'R', expected, fault })
  const wtx = '00C30102C0'
  const granted = '00E30102E0'

  test('before its first reset it says that nothing is right, and to noise nothing', () => {
    const asked = new Asked({ isReset: false })
    for (const hex of ['00C000C0', '00C101FE3E', '00C200C2', ready(0), information(0, '00A4')])
      assert.equal(asked.say(hex), ready(0, 'other'), hex)
    asked.module.receive(decodeHex('FFFFFF'), 0)
    asked.module.tick(asked.module.deadline!)
    assert.equal(asked.said(), '')
    assert.deepEqual(asked.commands, [])
  })

  test('a block that is longer than it takes is not taken', () => {
    const asked = new Asked({ ifs: 4 })
    assert.equal(asked.say(information(0, '0102030405')), ready(0, 'other'))
    asked.say(information(0, '01020304'))
    assert.deepEqual(asked.commands, ['01020304'])
  })

  test('while it works it takes no other command, and asks for time instead', () => {
    const asked = new Asked()
    asked.say(information(0, 'AA'))
    for (const hex of [information(1, 'BB'), information(0, 'AA'), ready(0), '00C101FE3E'])
      assert.equal(asked.say(hex), wtx, hex)
    asked.module.receive(decodeHex('FFFFFF'), 0)
    asked.module.tick(asked.module.deadline!)
    assert.equal(asked.said(), '')
    assert.deepEqual(asked.commands, ['AA'])
  })

  test('asked for time it says the answer after the grant, or when it is asked again', () => {
    for (const next of [granted, ready(0, 'other')]) {
      const asked = new Asked()
      asked.say(information(0, 'AA'))
      asked.module.tick(asked.module.deadline!)
      assert.equal(asked.said(), wtx)
      asked.module.answer(decodeHex('9000'))
      assert.equal(asked.said(), '')
      assert.equal(asked.say(next), information(0, '9000'))
    }
  })

  test('a grant that it has not asked for gives it no time', () => {
    const asked = new Asked()
    asked.say(information(0, 'AA'))
    const { deadline } = asked.module
    assert.equal(
      asked.say(block({ kind: 'S', about: 'wtx', response: true, information: Uint8Array.of(255) })),
      '',
    )
    assert.equal(asked.module.deadline, deadline)
  })

  test('a resynchronization drops what has come of a command, and the field size', () => {
    const asked = new Asked()
    asked.say('00C101FE3E')
    asked.say(information(0, 'AAAA', true))
    assert.equal(asked.say('00C000C0'), '00E000E0')
    asked.say(information(0, 'BB'))
    assert.deepEqual(asked.commands, ['BB'])
    asked.module.answer(new Uint8Array(40))
    assert.equal(asked.said(), information(0, '00'.repeat(32), true))
  })

  test('a resynchronization while it works waits for the work, and drops its answer', () => {
    const asked = new Asked()
    asked.say(information(0, 'AA'))
    assert.equal(asked.say('00C000C0'), '')
    asked.module.answer(decodeHex('9000'))
    assert.equal(asked.said(), '00E000E0')
    assert.equal(asked.say(ready(0)), ready(0))
  })

  test('a chain that it breaks off does not go on', () => {
    const asked = new Asked()
    let said = ''
    let number: 0 | 1 = 1
    for (let i = 0; i < 300 && said !== '00C200C2'; i++) {
      number = number === 0 ? 1 : 0
      said = asked.say(information(number, '00'.repeat(254), true))
    }
    assert.equal(asked.say(information(number === 0 ? 1 : 0, 'AA')), '00C200C2')
    assert.deepEqual(asked.commands, [])
  })

  test('a host that breaks off an answer gets no more of it', () => {
    const asked = new Asked()
    asked.say(information(0, 'AA'))
    asked.module.answer(new Uint8Array(40))
    asked.said()
    assert.equal(asked.say('00C200C2'), '00E200E2')
    assert.equal(asked.say(ready(1)), ready(1))
    asked.say(information(1, 'BB'))
    asked.module.answer(decodeHex('9000'))
    assert.equal(asked.said(), information(1, '9000'))
  })

  test('resets that come while it is being reset are one', () => {
    const module = new T1Module({ detection: 'lrc' })
    for (let i = 0; i < 3; i++) module.receive(decodeHex('00CF00CF'), 0)
    assert.equal(module.takeEvent()?.kind, 'reset')
    assert.equal(module.takeEvent(), undefined)
    module.wasReset()
    assert.equal(module.takeOutput().length, 1)
    assert.throws(() => module.wasReset(), UsageError)
    assert.throws(() => module.answer(decodeHex('9000')), UsageError)
  })

  test('a whole block within bytes that are thrown away is none', () => {
    const hidden = information(0, '00A4')
    for (const around of [`01${hidden}`, `01000001${hidden}`, `0000FF${hidden}`, `000002FFFF00${hidden}`]) {
      const asked = new Asked()
      asked.say(around)
      assert.deepEqual(asked.commands, [], around)
      asked.module.tick(asked.module.deadline!)
      assert.match(asked.said(), /^008[12]00/)
      asked.say(hidden, 10_000)
      assert.deepEqual(asked.commands, ['00A4'])
    }
  })
})
