import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { equal } from '@sealwright/core/bytes'
import { kcvGlobalPlatform, portableCrypto, withHandle } from '@sealwright/core/crypto'
import { PeerError, SealwrightError, UsageError } from '@sealwright/core/errors'
import {
  diversifyScp03Keys,
  parseKeySet,
  type Scp03KeyBytes,
  testOnlyScp03Key,
} from '@sealwright/core/globalplatform'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { type CardPorts, openScp03Session, type PutKeysInput, putKeys, selectDomain } from './index.ts'
import {
  type ForeignCardOptions,
  TestOnlyForeignCard,
  testOnlyEveryCut,
  testOnlyTappedLine,
} from './testing/index.ts'

const crypto = portableCrypto
const ports: CardPorts = {
  crypto,
  entropy: scriptedEntropy('host'),
  clock: { now: () => 0 },
  progress: () => {},
}
const testKeys = () => parseKeySet(testOnlyScp03Key())
const set = (fill: number, length = 16): Scp03KeyBytes => {
  const key = (add: number) => new Uint8Array(length).fill(fill + add)
  return { enc: key(0), mac: key(1), dek: key(2) }
}
const card = (options: Partial<ForeignCardOptions> = {}) =>
  new TestOnlyForeignCard({
    crypto,
    entropy: scriptedEntropy('card'),
    keySets: [[0xff, testKeys()]],
    ...options,
  })
const failsWith = (code: string) => (error: unknown) =>
  error instanceof SealwrightError && error.code === code

function put(transport: Transport, input: Partial<PutKeysInput> = {}, old = testKeys, keyVersion = 0) {
  return putKeys(transport, ports, {
    newKeys: () => set(0x10),
    async openSession() {
      await selectDomain(transport)
      return openScp03Session(transport, ports, { keys: old, keyVersion, level: 'best' })
    },
    ...input,
  })
}

/** The sets that a card has, by the first byte of ENC. */
const setsOf = ({ keySets }: TestOnlyForeignCard) =>
  [...keySets].map(([version, { enc }]) => `${version.toString(16)}: ${enc[0]!.toString(16)}`)
const old = () => set(0x30)
const own = (options: Partial<ForeignCardOptions> = {}) => card({ keySets: [[0x07, old()]], ...options })

suite('new keys for any card', () => {
  test('[E2b] after the factory’s keys the new ones are version 1, and open a session', async () => {
    const fresh = card()
    const { checkValues, ...rest } = await put(fresh.transport())
    assert.deepEqual(rest, { outcome: 'put', keyVersion: 1 })
    assert.deepEqual(
      checkValues,
      [0x10, 0x11, 0x12].map((fill) =>
        withHandle(crypto.aes(new Uint8Array(16).fill(fill)), kcvGlobalPlatform),
      ),
    )
    assert.deepEqual(setsOf(fresh), ['1: 10'])
  })

  test('[E2b] either form of key block does, at cards that know one of them only', async () => {
    for (const keyBlock of ['inner', 'short', 'both'] as const) {
      for (const length of [16, 32]) {
        const one = card({ keyBlock })
        await put(one.transport(), { newKeys: () => set(0x40, length) })
        assert.deepEqual(setsOf(one), ['1: 40'])
      }
    }
    const inner = card({ keyBlock: 'inner' })
    await put(inner.transport(), { newKeys: () => set(0x40, 24) })
    await assert.rejects(
      put(card({ keyBlock: 'short' }).transport(), { newKeys: () => set(0x40, 24) }),
      failsWith('card-refused'),
    )
  })

  test('a set takes the place of the session’s, stands beside it, or takes the place of another version', async () => {
    const cases: [Partial<PutKeysInput>, string[]][] = [
      [{}, ['7: 10']],
      [{ newKeyVersion: 7 }, ['7: 10']],
      [{ newKeyVersion: 8 }, ['7: 30', '8: 10']],
      [{ newKeyVersion: 8, replaceSession: true }, ['8: 10']],
    ]
    for (const [input, expected] of cases) {
      const one = own()
      const done = await put(one.transport(), input, old)
      assert.equal(done.outcome, 'put')
      assert.deepEqual(setsOf(one), expected)
      assert.deepEqual(await put(one.transport(), input, old), { ...done, outcome: 'there' })
    }
  })

  test('[E2b] cut at every command, and run again, the card has the new keys and the host knows it', async () => {
    const scenes: [
      string,
      () => TestOnlyForeignCard,
      Partial<PutKeysInput>,
      () => Scp03KeyBytes,
      string[],
    ][] = [
      ['factory', card, {}, testKeys, ['1: 10']],
      ['factory, stays', () => card({ keepsFactoryKeys: true }), {}, testKeys, ['ff: 40', '1: 10']],
      ['in place', own, {}, old, ['7: 10']],
      ['in place, short form', () => own({ keyBlock: 'short' }), {}, old, ['7: 10']],
      ['beside', own, { newKeyVersion: 8 }, old, ['7: 30', '8: 10']],
      ['instead', own, { newKeyVersion: 8, replaceSession: true }, old, ['8: 10']],
      ['keys not listed', () => own({ getData: 'none' }), { newKeyVersion: 7 }, old, ['7: 10']],
    ]
    for (const [name, fresh, input, keys, expected] of scenes) {
      const commands = await testOnlyEveryCut(
        fresh,
        (transport) => put(transport, input, keys),
        (one, where) => assert.deepEqual(setsOf(one), expected, `${name}, ${where}`),
      )
      assert.ok(commands >= 8, `${name}: ${commands} commands`)
    }
  })

  test('cut at any command the card has the old set or the new one, never another', async () => {
    for (let at = 1; at < 12; at++) {
      const one = own()
      let count = 0
      const line: Transport = {
        async transmit(command) {
          if (++count === at) throw new Error('cut')
          return one.transmit(command)
        },
        close: async () => {},
      }
      await put(line, {}, old).catch(() => {})
      const [keys] = one.keySets.values()
      assert.ok(
        [old(), set(0x10)].some((whole) =>
          [whole.enc, whole.mac, whole.dek].every((key, i) =>
            equal(key, [keys!.enc, keys!.mac, keys!.dek][i]!),
          ),
        ),
      )
    }
  })

  test('a card of other keys keeps them, and the error says which were tried', async () => {
    const strange = card({ keySets: [[0x07, set(0x70)]] })
    await assert.rejects(put(strange.transport(), { newKeyVersion: 7 }, old), (error) => {
      assert.ok(failsWith('card-keys-differ')(error))
      assert.match(String(error), /neither the given keys nor the new ones/)
      return true
    })
    await assert.rejects(put(strange.transport(), {}, old), failsWith('card-keys-differ'))
    assert.deepEqual(setsOf(strange), ['7: 70'])
    await assert.rejects(put(own().transport(), {}, old, 0x21), /no key set of version 21/)
  })

  test('an answer that is not that of the new keys is not believed', async () => {
    // Without a MAC on answers, somebody in between may write them.
    const { line } = testOnlyTappedLine(own({ i: 0x00 }).transport(), (answer, command) =>
      command[1] === 0xd8 ? Uint8Array.of(0x07, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x90, 0x00) : answer,
    )
    await assert.rejects(put(line, {}, old), PeerError)
    const lost = own({ i: 0x00 })
    const answer = testOnlyTappedLine(lost.transport(), (real) => real)
    await put(answer.line, {}, old)
    const said = Uint8Array.of(0x07)
    const kcv = [0x10, 0x11, 0x12].map((fill) =>
      withHandle(crypto.aes(new Uint8Array(16).fill(fill)), kcvGlobalPlatform),
    )
    const swallowing = own({ i: 0x00 })
    const line2: Transport = {
      // PUT KEY never reaches the card, and somebody answers in its place.
      transmit: async (command) =>
        command[1] === 0xd8
          ? Uint8Array.from([...said, ...kcv.flatMap((value) => [...value]), 0x90, 0x00])
          : swallowing.transmit(command),
      close: async () => {},
    }
    await assert.rejects(put(line2, {}, old), /does not open a session with them/)
    assert.deepEqual(setsOf(swallowing), ['7: 30'])
  })

  test('a card that answers nothing is asked by a session, and what stays open is said', async () => {
    const said: string[] = []
    const silent = own({ answersCheckValues: false })
    const done = await putKeys(
      silent.transport(),
      { ...ports, progress: (text) => said.push(text) },
      {
        newKeys: () => set(0x10),
        async openSession() {
          await selectDomain(silent.transport())
          return openScp03Session(silent.transport(), ports, { keys: old, keyVersion: 0, level: 'best' })
        },
      },
    )
    assert.equal(done.outcome, 'put')
    assert.match(said.join(), /DEK is not proven/)
  })

  test('[E2b] keys from a master key are made for the card that is there', async () => {
    const master = new Uint8Array(16).fill(0x33)
    const diversificationData = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    for (const method of ['kdf3', 'an10922'] as const) {
      const one = own({ diversificationData })
      await put(
        one.transport(),
        {
          diversified: true,
          newKeys: (told) => diversifyScp03Keys(method, master, told.diversificationData, crypto),
        },
        old,
      )
      assert.deepEqual(one.keySets.get(7), diversifyScp03Keys(method, master, diversificationData, crypto))
    }
  })

  test('diversification data that somebody changes are found out before a key is put', async () => {
    const one = own()
    const { line } = testOnlyTappedLine(one.transport(), (answer, command) => {
      if (command[1] !== 0x50) return answer
      const other = answer.slice()
      other[0] = 0x99
      return other
    })
    const newKeys: PutKeysInput['newKeys'] = (told) =>
      diversifyScp03Keys('kdf3', new Uint8Array(16).fill(1), told.diversificationData, crypto)
    await assert.rejects(put(line, { diversified: true, newKeys }, old), PeerError)
    assert.deepEqual(setsOf(one), ['7: 30'])
  })

  test('versions that no card takes are refused before it is asked', async () => {
    for (const newKeyVersion of [0, 0x80, 0xff]) {
      const { line, sent } = testOnlyTappedLine(card().transport(), (answer) => answer)
      await assert.rejects(put(line, { newKeyVersion }), UsageError)
      assert.equal(sent.length, 0)
    }
    const both = card({
      keySets: [
        [0xff, testKeys()],
        [1, set(0x50)],
      ],
    })
    await assert.rejects(put(both.transport(), {}, testKeys, 0xff), /--new-version/)
  })
})
