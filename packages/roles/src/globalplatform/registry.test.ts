import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decodeHex, encodeHex } from '@sealwright/core/bytes'
import { portableCrypto } from '@sealwright/core/crypto'
import { PeerError } from '@sealwright/core/errors'
import { parseKeySet, privilegesOf, testOnlyScp03Key } from '@sealwright/core/globalplatform'
import { scriptedEntropy } from '@sealwright/core/testing'
import {
  openScp03Session,
  plainLine,
  readCardInformation,
  readKeys,
  readRegistry,
  readStatus,
  selectDomain,
} from './index.ts'
import { type ForeignDialect, TestOnlyForeignCard } from './testing/index.ts'

const crypto = portableCrypto
const ports = { crypto, entropy: scriptedEntropy('host'), clock: { now: () => 0 }, progress: () => {} }
const keys = () => parseKeySet(testOnlyScp03Key())

function cardWith(dialect: ForeignDialect = {}) {
  const card = new TestOnlyForeignCard({
    crypto,
    entropy: scriptedEntropy('card'),
    keySets: [[0xff, keys()]],
    ...dialect,
  })
  for (let i = 0; i < 5; i++) {
    card.applications.push({
      aid: decodeHex(`A00000006200${i}0`.padEnd(14, '0')),
      state: 0x07,
      privileges: i === 0 ? privilegesOf('security-domain') : privilegesOf('card-lock'),
      securityDomain: card.aid,
    })
  }
  return card
}

async function registryOf(card: TestOnlyForeignCard) {
  await selectDomain(card.transport())
  return readRegistry(await openScp03Session(card.transport(), ports, { keys, keyVersion: 0, level: 'best' }))
}

suite('the registry of any card', () => {
  test('[E2b] it is read in the TLV form and in the old one, whole or page by page, with empty lists of both kinds', async () => {
    for (const dialect of [
      {},
      { page: 1 },
      { page: 2, emptyList: 0x9000 },
      { status: 'old' },
      { status: 'old', emptyList: 0x9000, page: 2 },
      { i: 0x00, status: 'old' },
    ] satisfies ForeignDialect[]) {
      const { issuerDomain, domains, applications, loadFiles } = await registryOf(cardWith(dialect))
      const name = JSON.stringify(dialect)
      assert.equal(issuerDomain && encodeHex(issuerDomain.aid), 'A000000151000000', name)
      assert.equal(domains.length, 1, name)
      assert.equal(applications.length, 4, name)
      assert.deepEqual(
        loadFiles.map(({ aid }) => encodeHex(aid)),
        ['A0000001515350'],
        name,
      )
    }
  })

  test('an empty card has empty lists', async () => {
    for (const emptyList of [0x6a88, 0x9000] as const) {
      const card = cardWith({ emptyList })
      card.applications.splice(0)
      card.loadFiles.splice(0)
      const { applications, domains, loadFiles } = await registryOf(card)
      assert.deepEqual([applications, domains, loadFiles], [[], [], []])
    }
  })

  test('a card that knows no list is not taken for an empty one', async () => {
    const mute = {
      kind: 'scp03',
      exchange: async () => ({ data: new Uint8Array(0), sw: 0x6d00 }),
    } as unknown as Parameters<typeof readRegistry>[0]
    await assert.rejects(readRegistry(mute), /does not list what is on it/)
  })

  test('a card that never stops saying that more follows is left', async () => {
    const endless = {
      kind: 'scp03',
      exchange: async () => ({ data: new Uint8Array(0), sw: 0x6310 }),
    } as unknown as Parameters<typeof readStatus>[0]
    await assert.rejects(readStatus(endless, 'applications'), PeerError)
  })

  test('[E2b] keys are read whole or as a value, whatever the class byte', async () => {
    for (const getData of ['by-class', 'whole', 'value'] as const) {
      const listed = await readKeys(plainLine(cardWith({ getData }).transport()))
      assert.deepEqual(
        listed?.map(({ keyId, keyVersion }) => [keyId, keyVersion]),
        [
          [1, 0xff],
          [2, 0xff],
          [3, 0xff],
        ],
        getData,
      )
    }
    assert.equal(await readKeys(plainLine(cardWith({ getData: 'none' }).transport())), undefined)
  })

  test('what a card tells everybody is read as far as it tells it', async () => {
    const told = await readCardInformation(cardWith().transport())
    assert.equal(told.recognition?.version, '2.3.1')
    assert.deepEqual(told.recognition?.protocols, [{ protocol: 3, parameter: [0x70] }])
    assert.equal(told.cplc, undefined)
    const mute = await readCardInformation(cardWith({ getData: 'none', information: 'none' }).transport())
    assert.deepEqual([mute.recognition, mute.keys, mute.domain.aid], [undefined, undefined, undefined])
  })
})
