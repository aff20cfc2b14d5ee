import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { command, exchange } from '@sealwright/core/apdu'
import { concat, decodeHex, equal } from '@sealwright/core/bytes'
import { SealwrightError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import { personalize } from '@sealwright/roles/unit'
import type { CardOnLine } from '../../src/transport/index.ts'
import { memoryOf, personalizationWorld, personalized, requireOne } from '../personalization-world.ts'
import { asked, ExercisedCard, exactLength, pattern } from './exercised-card.ts'

/** One way from the host side to a card: what a transport has to offer to be tested as every other one. */
export interface Road {
  readonly name: string
  /** The longest command or answer that it carries, in bytes. */
  readonly longest: number
  /** What becomes of a second host while one is there. */
  readonly second: 'turned away' | 'impossible'
  /** What can break: nothing, the connection as a whole, or the connection and at a byte of an answer. */
  readonly breaks: 'nothing' | 'whole' | 'at a byte'
  lay(card: CardOnLine): Promise<LaidRoad>
}

export interface LaidRoad {
  connect(): Promise<Transport>
  /** The connection breaks now, as when a cable is pulled; `connect` finds it mended. There unless nothing can break. */
  cut?(): Promise<void>
  /** It breaks after so many bytes more of what comes towards the host. There if it can break at a byte. */
  cutAfter?(bytesToHost: number): Promise<void>
  /** Bytes towards the host so far. */
  bytesToHost?(): number
  end(): Promise<void>
}

/** The suite that every transport passes. Called at the top of a file of tests. */
export function conformance(road: Road): void {
  const travelling = async (work: (laid: LaidRoad, card: ExercisedCard) => Promise<void>): Promise<void> => {
    const card = new ExercisedCard()
    const laid = await road.lay(card)
    try {
      await work(laid, card)
    } finally {
      await laid.end()
    }
  }
  const connected = (work: (transport: Transport, card: ExercisedCard) => Promise<void>): Promise<void> =>
    travelling(async (laid, card) => {
      const transport = await laid.connect()
      try {
        await work(transport, card)
      } finally {
        await transport.close()
      }
    })

  suite(`${road.name} as every transport`, () => {
    test('[B4a] carries commands and answers of every length, whole and in order', async () => {
      await connected(async (transport, card) => {
        const most = Math.min(road.longest, 0x1_0002) - 9
        const lengths = [0, 1, 2, 127, 128, 254, 255, 256, 257, 1000, 4096, 32_767, 32_768, most]
        for (const length of lengths) {
          const sent = asked('echo', pattern(length))
          const answer = await transport.transmit(sent)
          assert.ok(equal(answer, concat(pattern(length).reverse(), decodeHex('9000'))), `${length} up`)
          assert.ok(equal(card.executed.at(-1)!, sent))
        }
        for (const length of [...lengths.slice(1), Math.min(0xffff, road.longest - 2)]) {
          const answer = await transport.transmit(asked('answer', undefined, length))
          assert.ok(equal(answer, concat(pattern(length), decodeHex('9000'))), `${length} down`)
        }
        assert.equal(card.executed.length, 2 * lengths.length)
      })
    })

    test('[B4a] 61XX and 6CXX reach the host side, which follows them', async () => {
      await connected(async (transport, card) => {
        const exact = await exchange(transport, command({ cla: 0x80, ins: 0x18, le: 256 }))
        assert.deepEqual(exact, { data: pattern(exactLength), sw: 0x9000 })
        const more = await exchange(transport, command({ cla: 0x80, ins: 0x1a, le: 256 }))
        assert.deepEqual(more, { data: concat(pattern(0x100), pattern(exactLength)), sw: 0x9000 })
        assert.equal(card.executed.length, 4)
      })
    })

    test('[B4a] each connection begins with a card that was reset, and leaves nothing of its session', async () => {
      await travelling(async (laid, card) => {
        for (let i = 0; i < 3; i++) {
          const transport = await laid.connect()
          assert.deepEqual(await transport.transmit(asked('recall')), decodeHex('6985'))
          await transport.transmit(asked('remember', pattern(8)))
          assert.deepEqual(await transport.transmit(asked('recall')), concat(pattern(8), decodeHex('9000')))
          const { resets } = card
          await transport.close()
          await until(() => card.resets > resets)
        }
      })
    })

    test('[B4a] closed twice is closed, and then carries nothing', async () => {
      await travelling(async (laid, card) => {
        const transport = await laid.connect()
        await transport.transmit(asked('echo', pattern(3)))
        await transport.close()
        await transport.close()
        await assert.rejects(transport.transmit(asked('echo', pattern(4))), unreachable)
        assert.equal(card.executed.length, 1)
      })
    })

    test('[B4a][B4b] a whole personalization in its channel; another serial number stops the run before anything is signed', async () => {
      const world = await personalizationWorld()
      const { module } = world.fixture
      const laid = await road.lay({
        transmit: (bytes) => module.transmit(bytes),
        reset: () => module.reset(),
      })
      try {
        let signed = 0
        const vault = { ...world.unit.vault, sign: async () => assert.fail(`signature ${++signed}`) }
        const before = memoryOf(world.fixture.medium)
        const wrong = await laid.connect()
        await assert.rejects(
          personalize({ ...world.unit, vault }, wrong, {
            ...world.order,
            serial: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9),
          }),
          { code: 'wrong-module' },
        )
        await wrong.close()
        assert.equal(signed, 0)
        assert.deepEqual(memoryOf(world.fixture.medium), before)
        const transport = await laid.connect()
        await personalized(world, transport)
        await transport.close()
        await requireOne(world)
      } finally {
        await laid.end()
      }
    })

    if (road.second === 'turned away')
      test('[B4a] a second host is turned away, and the first one does not notice', async () => {
        await withFirst(road, async (first, laid, card) => {
          await assert.rejects(async () => {
            const second = await laid.connect()
            await second.transmit(asked('echo', pattern(4)))
          }, unreachable)
          assert.deepEqual(await first.transmit(asked('recall')), concat(pattern(8), decodeHex('9000')))
          assert.equal(card.executed.length, 2)
        })
      })

    for (const when of road.breaks === 'nothing' ? [] : (['before', 'after'] as const)) {
      const moment = when === 'before' ? 'in the middle of a command' : 'before the answer comes'
      test(`[B4a] a connection lost ${moment} fails clearly; nothing is carried out twice`, async () => {
        await travelling(async (laid, card) => {
          const transport = await laid.connect()
          const held = hold(card, when)
          const waiting = assert.rejects(transport.transmit(asked('echo', pattern(300))), unreachable)
          await held.reached
          await laid.cut!()
          await waiting
          held.release()
          await assert.rejects(transport.transmit(asked('echo', pattern(5))), unreachable)
          await transport.close()
          const again = await laid.connect()
          assert.deepEqual(await again.transmit(asked('echo', pattern(2))), decodeHex('05009000'))
          await again.close()
          assert.deepEqual(card.executed, [asked('echo', pattern(300)), asked('echo', pattern(2))])
        })
      })
    }

    if (road.breaks !== 'at a byte') return
    test('[B4a] a connection lost in the middle of an answer fails clearly, at whatever byte', async () => {
      await travelling(async (laid, card) => {
        const bytesToHost = laid.bytesToHost!
        const whole = await laid.connect()
        const before = bytesToHost()
        const sent = asked('answer', undefined, 300)
        await whole.transmit(sent)
        const length = bytesToHost() - before
        await whole.close()
        assert.ok(length > 302)
        for (const at of [0, 4, length - 1]) {
          const transport = await laid.connect()
          const { length: executed } = card.executed
          await laid.cutAfter!(at)
          await assert.rejects(transport.transmit(sent), unreachable, `cut after ${at} of ${length}`)
          assert.ok(card.executed.length <= executed + 1)
          await transport.close()
        }
      })
    })
  })
}

async function withFirst(
  road: Road,
  work: (first: Transport, laid: LaidRoad, card: ExercisedCard) => Promise<void>,
): Promise<void> {
  const card = new ExercisedCard()
  const laid = await road.lay(card)
  try {
    const first = await laid.connect()
    await first.transmit(asked('remember', pattern(8)))
    await work(first, laid, card)
    await first.close()
  } finally {
    await laid.end()
  }
}

function hold(card: ExercisedCard, when: 'before' | 'after') {
  let release = (): void => {}
  let tell = (): void => {}
  const until = new Promise<void>((done) => {
    release = done
  })
  const reached = new Promise<void>((done) => {
    tell = done
  })
  card.hold = { when, until, reached: () => tell() }
  return { reached, release: () => release() }
}

/** An error of the environment with a code of its own and a next step, as `sealwright` ends with 8. */
function unreachable(error: unknown): boolean {
  assert.ok(error instanceof SealwrightError, String(error))
  assert.match(error.code, /^(transport-failed|line-|pcsc-|card-|reader-)/)
  return true
}

async function until(condition: () => boolean): Promise<void> {
  const limit = Date.now() + 10_000
  while (!condition()) {
    assert.ok(Date.now() < limit, 'not within 10 s')
    await new Promise((done) => setTimeout(done, 5))
  }
}
