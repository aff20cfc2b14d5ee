import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { encodeHex } from '@sealwright/core/bytes'
import { portableCrypto } from '@sealwright/core/crypto'
import { AuthError, RefusedError, SealwrightError, UsageError } from '@sealwright/core/errors'
import { diversifyScp03Keys, parseKeySet, testOnlyScp03Key } from '@sealwright/core/globalplatform'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import {
  type CardPorts,
  openScp03Session,
  readRegistry,
  type Scp03SessionInput,
  selectDomain,
} from './index.ts'
import { type ForeignCardOptions, TestOnlyForeignCard, testOnlyTappedLine } from './testing/index.ts'

const testKeys = () => parseKeySet(testOnlyScp03Key())
const ports = (said: string[] = []): CardPorts => ({
  crypto: portableCrypto,
  entropy: scriptedEntropy('host'),
  clock: { now: () => 1_780_000_000 },
  progress: (text) => said.push(text),
})
const card = (dialect: Partial<ForeignCardOptions> = {}, keys = testKeys(), version = 0xff) =>
  new TestOnlyForeignCard({
    crypto: portableCrypto,
    entropy: scriptedEntropy('card'),
    keySets: [[version, keys]],
    ...dialect,
  })
const best: Scp03SessionInput = { keys: testKeys, keyVersion: 0, level: 'best' }
const failsWith = (code: string) => (error: unknown) =>
  error instanceof SealwrightError && error.code === code

async function open(transport: Transport, input: Partial<Scp03SessionInput> = {}, said: string[] = []) {
  await selectDomain(transport)
  return openScp03Session(transport, ports(said), { ...best, ...input })
}

suite('sessions of SCP03 with any card', () => {
  test('[E2b] the level is the best that the card offers, and what is said of less', async () => {
    for (const [i, level, warned] of [
      [0x70, 0x33, 0],
      [0x60, 0x33, 0],
      [0x20, 0x13, 0],
      [0x30, 0x13, 0],
      [0x00, 0x03, 1],
      [0x10, 0x03, 1],
    ] as const) {
      const said: string[] = []
      const session = await open(card({ i }).transport(), {}, said)
      assert.equal(session.level, level, `i = ${i}`)
      assert.equal(session.answersProtected, level > 0x03)
      assert.equal(said.length, warned)
      assert.equal((await readRegistry(session)).loadFiles.length, 1)
      session.close()
    }
  })

  test('a level that is named is taken exactly, or refused before the host proves anything', async () => {
    for (const level of [0x01, 0x03, 0x11, 0x13, 0x33] as const) {
      const session = await open(card().transport(), { level })
      assert.equal(session.level, level)
      assert.equal((await readRegistry(session)).loadFiles.length, 1)
    }
    const { line, sent } = testOnlyTappedLine(card({ i: 0x20 }).transport(), (answer) => answer)
    await assert.rejects(open(line, { level: 0x33 }), failsWith('card-exposed'))
    await assert.rejects(open(line, { level: 0x00 }), UsageError)
    assert.ok(sent.every((command) => command[1] !== 0x82))
  })

  test('i that somebody changes cannot lower a level that is named, and is told of otherwise', async () => {
    const lowered = (answer: Uint8Array, command: Uint8Array) => {
      if (command[1] !== 0x50) return answer
      const changed = answer.slice()
      changed[12] = 0x00
      return changed
    }
    const tapped = () => testOnlyTappedLine(card().transport(), lowered).line
    await assert.rejects(open(tapped(), { level: 0x33 }), failsWith('card-exposed'))
    const said: string[] = []
    const session = await open(tapped(), {}, said)
    assert.equal(session.level, 0x03)
    assert.equal(session.answersProtected, false)
    assert.match(said[0]!, /does not protect its answers/)
  })

  test('S16 is spoken where it is wanted; a card that wants the other says so', async () => {
    const session = await open(card({ s16: 'only' }).transport(), { s16: true })
    assert.equal((await readRegistry(session)).loadFiles.length, 1)
    await assert.rejects(open(card({ s16: 'only' }).transport()), /--s16/)
    await assert.rejects(open(card().transport(), { s16: true }), /leave --s16 out/)
  })

  test('other keys are found out by the host: nothing is sent that proves it, and the error says so', async () => {
    const strange = card({}, parseKeySet(new Uint8Array(16).fill(9)))
    const { line, sent } = testOnlyTappedLine(strange.transport(), (answer) => answer)
    await assert.rejects(open(line), (error) => {
      assert.ok(failsWith('card-keys-differ')(error))
      assert.match(String(error), /EXTERNAL AUTHENTICATE was not sent/)
      return true
    })
    assert.deepEqual(
      sent.map((command) => command[1]),
      [0xa4, 0x50],
    )
    assert.equal(strange.badTries, 1)
  })

  test('a cryptogram that is changed on the way, or is of an earlier session, is found out', async () => {
    for (const at of [13, 21]) {
      const changed = (answer: Uint8Array, command: Uint8Array) => {
        if (command[1] !== 0x50) return answer
        const other = answer.slice()
        other[at]! ^= 1
        return other
      }
      await assert.rejects(
        open(testOnlyTappedLine(card().transport(), changed).line),
        failsWith('card-keys-differ'),
      )
    }
    let recorded: Uint8Array | undefined
    const replayed = (answer: Uint8Array, command: Uint8Array) => {
      if (command[1] !== 0x50) return answer
      recorded ??= answer
      return recorded
    }
    const { line } = testOnlyTappedLine(card().transport(), replayed)
    const first = await open(line)
    first.close()
    await selectDomain(line)
    const later = { ...ports(), entropy: scriptedEntropy('another challenge') }
    await assert.rejects(openScp03Session(line, later, best), failsWith('card-keys-differ'))
  })

  test('an answer that is changed, replayed or stripped of its MAC ends the session', async () => {
    const attacks: Record<string, (answer: Uint8Array, earlier: Uint8Array) => Uint8Array> = {
      changed: (answer) => answer.map((byte, i) => (i === 0 ? byte ^ 1 : byte)),
      replayed: (_, earlier) => earlier,
      stripped: (answer) => answer.slice(-2),
      'made a warning': (answer) => Uint8Array.of(...answer.slice(0, -2), 0x63, 0x10),
    }
    for (const [name, attack] of Object.entries(attacks)) {
      let earlier: Uint8Array | undefined
      let armed = false
      const { line } = testOnlyTappedLine(card().transport(), (answer, command) => {
        if (command[1] !== 0xf2) return answer
        const result = armed ? attack(answer, earlier ?? answer) : answer
        earlier ??= answer
        return result
      })
      const session = await open(line)
      const ask = () =>
        session.exchange({ cla: 0x80, ins: 0xf2, p1: 0x80, p2: 0x02, data: Uint8Array.of(0x4f, 0) })
      await ask()
      armed = true
      await assert.rejects(ask(), AuthError, name)
      await assert.rejects(ask(), UsageError, `${name}: the session is over`)
    }
  })

  test('SCP02 is told apart and not tried', async () => {
    const { line, sent } = testOnlyTappedLine(card({ protocol: 0x02 }).transport(), (answer) => answer)
    await assert.rejects(open(line), (error) => {
      assert.ok(failsWith('card-unsupported')(error))
      assert.match(String(error), /SCP02/)
      return true
    })
    assert.equal(sent.length, 2)
  })

  test('a key set that is not there, or another one than asked for, is refused', async () => {
    await assert.rejects(open(card().transport(), { keyVersion: 0x21 }), /no key set of version 21/)
    const swapped = (answer: Uint8Array, command: Uint8Array) => {
      if (command[1] !== 0x50) return answer
      const other = answer.slice()
      other[10] = 0x05
      return other
    }
    const { line } = testOnlyTappedLine(card().transport(), swapped)
    await assert.rejects(open(line, { keyVersion: 0xff }), failsWith('peer-broke-protocol'))
  })

  test('[E2b] keys of their own are made for each card from a master key', async () => {
    for (const method of ['kdf3', 'an10922'] as const) {
      const diversificationData = Uint8Array.of(9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
      const master = new Uint8Array(32).fill(0x5a)
      const own = diversifyScp03Keys(method, master, diversificationData, portableCrypto)
      const seen: string[] = []
      const session = await open(card({ diversificationData }, own).transport(), {
        keys: (told) => {
          seen.push(encodeHex(told.diversificationData))
          return diversifyScp03Keys(method, master, told.diversificationData, portableCrypto)
        },
      })
      assert.equal(session.keyVersion, 0xff)
      assert.deepEqual(seen, ['09080706050403020100'])
    }
  })

  test('a refused proof of the host is told as what it is', async () => {
    const refused = (answer: Uint8Array, command: Uint8Array) =>
      command[1] === 0x82 ? Uint8Array.of(0x63, 0x00) : answer
    await assert.rejects(open(testOnlyTappedLine(card().transport(), refused).line), (error) => {
      assert.ok(error instanceof RefusedError && error.code === 'card-refused')
      assert.match(String(error), /EXTERNAL AUTHENTICATE with 6300/)
      return true
    })
  })

  test('a card without file control information, or locked, is taken all the same', async () => {
    const mute = card({ information: 'none' })
    assert.deepEqual(await selectDomain(mute.transport()), {
      aid: undefined,
      information: undefined,
      locked: false,
      longestData: 0xff,
    })
    const named = await selectDomain(card({ selectsWithoutAid: false }).transport())
    assert.equal(named.aid && encodeHex(named.aid), 'A000000151000000')
    mute.state = 'card-locked'
    assert.equal((await selectDomain(mute.transport())).locked, true)
    await assert.rejects(selectDomain(mute.transport(), new Uint8Array(7).fill(1)), failsWith('card-refused'))
  })
})
