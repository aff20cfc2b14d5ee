import assert from 'node:assert/strict'
import { decodeHex } from '@sealwright/core/bytes'
import { scriptedEntropy } from '@sealwright/core/testing'
import type { Medium, RamMedium } from '../../src/medium/index.ts'
import type { Module } from '../../src/module.ts'
import { everyPowerCut, fixtureKey } from '../../src/testing/index.ts'
import { Card, crypto, memoryOf } from './card.ts'
import { ownSet, realCard, testCard } from './fixture.ts'
import {
  deleteContent,
  deleteKeys,
  extradite,
  generateKey,
  install,
  installApplication,
  installDomain,
  load,
  loadBlocks,
  none,
  publicField,
  putKey,
  putSet,
  setStatus,
  storeAllowList,
  storeData,
  tlv,
} from './management.ts'
import { notebook } from './notebook.ts'
import { type KeySet, openScp03, type Session } from './session.ts'

const entropy = scriptedEntropy('power cuts')
const other: KeySet = [entropy.bytes(16), entropy.bytes(16), entropy.bytes(16)]
const file = decodeHex('F053504E01')
const app = decodeHex('F053504E0101')
const domain = decodeHex('A0000000A1')
const point = fixtureKey(crypto, 'authority').publicPoint

function done(answer: { sw: number }): void {
  assert.equal(answer.sw.toString(16), '9000')
}

interface Cut {
  readonly name: string
  /** Cut in `npm test` already. */
  readonly quick?: true
  /** A card that is no test card unless said. */
  readonly card?: () => Card<RamMedium>
  /** What is there before. */
  before?(card: Card): void
  /** What the power is cut in; no more than one transaction an APDU. */
  run(card: Card): void
}

const inSession = (work: (session: Session) => { sw: number }) => (card: Card) =>
  done(work(openScp03(card, { keys: ownSet })))

const withKeys = inSession((session) => {
  done(putKey(session, { id: 0x10 }, 3, publicField(point)))
  done(storeAllowList(session, 0x10, 3, [Uint8Array.of(1), Uint8Array.of(2, 3)]))
  return generateKey(session, 0x11, 3)
})
const withContent = inSession((session) => {
  done(load(session, file, notebook))
  done(installApplication(session, file, app))
  done(installDomain(session, domain))
  return putKey(session, { id: 0x10 }, 3, publicField(point))
})

export const cuts: readonly Cut[] = [
  { name: 'a set-up of SCP03', quick: true, run: inSession((session) => session.send('80CA00E000')) },
  { name: 'PUT KEY of a set', run: inSession((session) => putSet(session, 0x31, other)) },
  {
    name: 'PUT KEY in the place of a set',
    run: inSession((session) => putSet(session, 0x30, other, { old: 0x30 })),
  },
  {
    name: 'PUT KEY of the first own set',
    card: testCard,
    run: (card) => done(putSet(openScp03(card), 0x31, other)),
  },
  {
    name: 'PUT KEY in the place of a CA key',
    before: withKeys,
    run: inSession((session) => putKey(session, { old: 3, id: 0x10 }, 4, publicField(point))),
  },
  { name: 'GENERATE KEY', run: inSession((session) => generateKey(session, 0x11, 3)) },
  {
    name: 'GENERATE KEY in the place of one',
    before: withKeys,
    run: inSession((session) => generateKey(session, 0x11, 4, 3)),
  },
  {
    name: 'DELETE of keys',
    before: withKeys,
    run: inSession((session) => deleteKeys(session, { version: 3 })),
  },
  {
    name: 'DELETE of the last set of a test card',
    card: testCard,
    before: (card) => done(putSet(openScp03(card), 0x31, other)),
    run: (card) => done(deleteKeys(openScp03(card, { keys: other }), { version: 0x31, last: true })),
  },
  {
    name: 'STORE DATA of a list',
    before: withKeys,
    run: inSession((session) => storeAllowList(session, 0x10, 3, [Uint8Array.of(9)])),
  },
  { name: 'STORE DATA of a name', run: inSession((session) => storeData(session, tlv(0x4f, domain))) },
  { name: 'INSTALL of a domain', run: inSession((session) => installDomain(session, domain)) },
  {
    name: 'INSTALL of an application',
    before: inSession((session) => load(session, file, notebook)),
    run: inSession((session) => installApplication(session, file, app, { size: 700 })),
  },
  {
    name: 'the last block of LOAD',
    run: inSession((session) => {
      done(install(session, 0x02, file, none, none, none, none))
      return loadBlocks(session, tlv(0xc4, notebook))
    }),
  },
  { name: 'extradition', before: withContent, run: inSession((session) => extradite(session, app, domain)) },
  {
    name: 'DELETE of content',
    before: withContent,
    run: inSession((session) => deleteContent(session, file, true)),
  },
  { name: 'SET STATUS of the card', run: inSession((session) => setStatus(session, 0x80, 0x07)) },
  {
    name: 'SET STATUS of an application',
    before: withContent,
    run: inSession((session) => setStatus(session, 0x40, 0x80, app)),
  },
  {
    name: 'SET STATUS to TERMINATED',
    run: (card) => {
      const wrapped = openScp03(card, { keys: ownSet }).wrap({ cla: 0x80, ins: 0xf0, p1: 0x80, p2: 0xff })
      done(card.send(wrapped))
    },
  },
  {
    name: 'the way back of a test card',
    card: testCard,
    before: (card) => {
      done(putSet(openScp03(card), 0x31, other))
      for (let i = 0; i < 64; i++) card.send('80500000080102030405060708')
      for (let i = 0; i < 64; i++) card.send('80880113080000000000000000')
    },
    run: (card) => {
      assert.equal(card.send('80500000080102030405060708').sw, 0x6983)
    },
  },
]

/** Cuts the power in every write of it; the memory must be, byte for byte, as it was or as one of the commands left it. */
export async function cutEverywhere({ name, card = realCard, before = () => {}, run }: Cut): Promise<void> {
  const start = card()
  before(start)
  start.repower()
  const power = (medium: Medium): Module => start.power(medium)
  const clone = new Card(start.medium.clone(), power)
  const states = [clone.memory()]
  clone.heard = () => states.push(clone.memory())
  run(clone)
  const [now] = states.slice(-1)
  assert.notEqual(now, states[0])
  const report = await everyPowerCut({
    name: name.replaceAll(' ', '-'),
    prepare: () => start.medium.snapshot(),
    run: (medium) => run(new Card(medium, power)),
    check(medium) {
      power(medium)
      const found = memoryOf(medium)
      assert.ok(states.includes(found), 'neither old nor new')
      return found === now ? 'new' : 'old'
    },
  })
  assert.ok(report.cuts > 10, JSON.stringify(report))
  assert.equal(report.recoveries, report.cuts)
}
