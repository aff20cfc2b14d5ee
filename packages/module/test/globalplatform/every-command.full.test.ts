import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serializeCommand } from '@sealwright/core/apdu'
import { decodeHex } from '@sealwright/core/bytes'
import { type CommandRow, commands, statusWords } from '@sealwright/core/catalog'
import fc from 'fast-check'
import { customizedModule } from '../../src/testing/index.ts'
import { Card, crypto, hex, sw } from './card.ts'
import { ownSet, realCard, testCard } from './fixture.ts'
import { fullCard } from './full-card.ts'
import { certificatesOf, installApplication, installDomain, load } from './management.ts'
import { notebook } from './notebook.ts'
import { bundled, openScp11, pointIn } from './scp11.ts'
import { factorySet, initializeUpdate, openScp03, type Session } from './session.ts'

const rows: readonly CommandRow[] = Object.values(commands)
const known = new Map(rows.map((row) => [row.ins, row]))
const words = new Set<number>(Object.values(statusWords).map((row) => row.sw))

/** Data that reach different depths: none, a byte, zeros, a TLV, an AID, what looks like keys. */
const bodies = [
  '',
  '00',
  '0000000000000000',
  '4F00',
  '4F05A000000001',
  'D00113D20101',
  'A60483021301',
  '0103F00100',
].map((one) => decodeHex(one))
const parameters = [
  [0x00, 0x00],
  [0x80, 0x00],
  [0x00, 0x81],
  [0x40, 0x02],
  [0xff, 0x13],
  [0x01, 0x13],
] as const

/** What Order of effects lets a command write that is refused or only set up: counters of tries and sequences. */
const counters = /^(sequence-counter|tries) /

/** Sends it; says whether anything but counters changed. */
function harmless(
  card: Card,
  before: ReadonlyMap<string, string>,
  text: string,
  send: () => { sw: number },
): void {
  const events = card.events()
  const answer = send()
  assert.ok(words.has(answer.sw) || answer.sw >>> 8 === 0x61, `${text}: ${answer.sw.toString(16)}`)
  assert.notEqual(answer.sw, statusWords['internal-error'].sw, text)
  const changed = card.changedSince(before).filter((name) => !counters.test(name))
  assert.deepEqual(changed, [], text)
  assert.equal(card.events(), events, text)
}

function everyInstruction(
  card: Card,
  send: (apdu: { cla: number; ins: number; p1: number; p2: number; data: Uint8Array; le: number }) => {
    sw: number
  },
  { classes, without = [] }: { readonly classes: readonly number[]; readonly without?: readonly number[] },
): void {
  const before = card.objects()
  for (const cla of classes) {
    for (let ins = 0; ins < 0x100; ins++) {
      if (without.includes(ins)) continue
      const tries = known.has(ins) ? parameters : parameters.slice(0, 1)
      for (const [p1, p2] of tries) {
        for (const data of known.has(ins) && (cla === 0x80 || cla === 0x00) ? bodies : bodies.slice(0, 2)) {
          const text = `${hex(Uint8Array.of(cla, ins, p1, p2))} ${hex(data)}`
          harmless(card, before, text, () => send({ cla, ins, p1, p2, data, le: 0x100 }))
        }
      }
    }
  }
}

const kinds: readonly [name: string, make: () => Card][] = [
  ['a test card', testCard],
  ['a plain card', realCard],
  ['a full card', () => fullCard().card],
  ['a full card that awaits personalization', () => fullCard({ operating: false }).card],
]

/** Local commands of our own flows make and forget one-time values, as Order of effects names them: each has its own tests. */
const oneTime = rows.filter(({ local }) => local === true).map(({ ins }) => ins)

for (const [name, make] of kinds) {
  test(`${name}: every class and instruction without a channel is refused or harmless`, () => {
    const card = make()
    const classes = [0x00, 0x80, 0x84, 0x90]
    everyInstruction(card, (apdu) => card.apdu(serializeCommand({ ...apdu, extended: false })), {
      classes,
      without: oneTime,
    })
    // Commands of a security domain say why.
    card.module.reset()
    for (const { ins, channel } of rows) {
      if (channel !== 'security-domain') continue
      assert.equal(sw(card.send({ cla: 0x80, ins, p1: 0, p2: 0, data: decodeHex('4F00') })), '6982')
      assert.equal(sw(card.send({ cla: 0x40, ins, p1: 0, p2: 0, data: decodeHex('4F00') })), '6E00')
    }
  })
}

test('every class that is not 00, 80, 84 or of chaining is refused as such, for every command there is', () => {
  const card = realCard()
  const before = card.memory()
  for (let cla = 0; cla < 0x100; cla++) {
    if ([0x00, 0x04, 0x80, 0x84].includes(cla & ~0x10)) continue
    for (const { ins, class: kind } of rows) {
      const status = sw(
        card.apdu(serializeCommand({ cla, ins, p1: 0, p2: 0, data: decodeHex('4F00'), extended: false })),
      )
      assert.ok(['6E00', '6D00', '6982', '6985', '6A86', '9000'].includes(status), `${cla} ${ins} ${status}`)
      // 9000 is the first segment of what will be refused when it is whole.
      if (status === '9000') assert.equal(cla & 0x10, 0x10, `${cla} ${kind}`)
    }
    card.module.reset()
  }
  assert.equal(card.memory(), before)
})

test('inside SCP11b every command is refused or harmless', () => {
  for (const make of [realCard, testCard]) {
    const card = make()
    const cardPoint = pointIn(bundled(certificatesOf(card, 0x13, 1).data)[1]!)
    let session: Session | undefined
    everyInstruction(
      card,
      (apdu) => {
        session ??= openScp11(card, { variant: 'b', version: 1, cardPoint })
        // P1 bit 8 of these is no parameter: more would have to follow.
        const p1 = known.get(apdu.ins)?.chainedByP1 === true ? apdu.p1 & 0x7f : apdu.p1
        const answer = session.send({ ...apdu, p1 })
        if (card.module.parts.channels.current === undefined) session = undefined
        return answer
      },
      {
        classes: [0x80, 0x00],
        without: [commands.SELECT.ins, commands['INITIALIZE UPDATE'].ins, 0x82, 0x88],
      },
    )
  }
})

test('inside a channel with a security domain nothing is refused with an effect', () => {
  const card = realCard()
  const session = openScp03(card, { keys: ownSet })
  const before = card.objects()
  let events = card.events()
  fc.assert(
    fc.property(
      fc.constantFrom(...rows.filter(({ channel }) => channel === 'security-domain').map(({ ins }) => ins)),
      fc.nat({ max: 0xff }),
      fc.nat({ max: 0xff }),
      fc.uint8Array({ maxLength: 40 }),
      (ins, p1, p2, data) => {
        if (ins === commands['SET STATUS'].ins && p1 === 0x80) return
        const answer = session.send({ cla: 0x80, ins, p1: p1 & 0x7f, p2, data })
        assert.ok(words.has(answer.sw), answer.sw.toString(16))
        if (answer.sw !== 0x9000) {
          assert.deepEqual(
            card.changedSince(before).filter((name) => !counters.test(name)),
            [],
          )
          assert.equal(card.events(), events)
        }
        events = card.events()
      },
    ),
    { numRuns: 1_000 },
  )
  assert.equal(sw(session.send('80CA00E000')), '9000')
})

test('our own channels are of the wrong kind for every command of a security domain', () => {
  const fixture = customizedModule({ crypto, operating: true })
  const card = new Card(fixture.medium, fixture.power)
  const { enc, mac, dek } = fixture.documentKeys
  const begun = initializeOwn(card, [enc, mac, dek])
  const before = card.memory()
  for (const { ins, channel } of rows) {
    if (channel !== 'security-domain') continue
    assert.equal(sw(begun.send({ cla: 0x80, ins, data: decodeHex('4F00') })), '6982')
  }
  assert.equal(card.memory(), before)
})

/** The document channel, whose answer to INITIALIZE UPDATE has no counter. */
function initializeOwn(card: Card, keys: readonly [Uint8Array, Uint8Array, Uint8Array]): Session {
  return openScp03(card, { keys, version: 0x82, counted: false })
}

test('with an application selected no command of a security domain is answered by it', () => {
  const card = realCard()
  const session = openScp03(card, { keys: ownSet })
  const [file, app] = [decodeHex('F053504E01'), decodeHex('F053504E0101')]
  assert.equal(sw(load(session, file, notebook)), '9000')
  assert.equal(sw(installApplication(session, file, app)), '9000')
  card.select(app)
  const own = openScp03(card, { keys: ownSet })
  const before = card.objects()
  for (const { ins, channel } of rows) {
    if (channel !== 'security-domain' || ins === commands['STORE DATA'].ins) continue
    for (const data of bodies) {
      // The notebook has none of these instructions and says nothing to them.
      const answer = own.send({ cla: 0x80, ins, data })
      assert.equal(`${hex(answer.data)}${sw(answer)}`, '9000')
    }
  }
  assert.deepEqual(card.changedSince(before), [])
})

test('with an application selected nobody speaks in between, not even with what the apparatus may say elsewhere', () => {
  const card = realCard()
  const session = openScp03(card, { keys: ownSet })
  const [file, app] = [decodeHex('F053504E01'), decodeHex('F053504E0101')]
  assert.equal(sw(load(session, file, notebook)), '9000')
  assert.equal(sw(installApplication(session, file, app)), '9000')
  for (const { ins, channel } of rows.filter(({ local }) => local === true)) {
    card.select(app)
    const own = openScp03(card, { keys: ownSet })
    assert.equal(channel, 'none')
    assert.equal(sw(card.send({ cla: 0x80, ins })), '6982', ins.toString(16))
    assert.equal(sw(card.send(own.wrap('8014000001'))), '6982')
  }
})

test('each effect is one event, whose chain covers the one before', () => {
  const card = testCard()
  const chain = () => hex(card.module.parts.events.head()!.chain)
  const seen = new Set([chain()])
  const session = openScp03(card, { keys: factorySet })
  let number = card.events()
  const effects: readonly [count: number, () => { sw: number }][] = [
    [1, () => installDomain(session, decodeHex('A0000000A1'))],
    [0, () => installDomain(session, decodeHex('A0000000A1'))],
    [1, () => load(session, decodeHex('F053504E01'), notebook)],
    [2, () => installTwo(session)],
    [0, () => session.send('80F28002024F0000')],
    [1, () => session.send('80F10011' + '0404F0010000')],
    [1, () => session.send('80F0800700')],
    [3, () => session.send('80E40080074F05F053504E0100')],
    [1, () => session.send('80E4000006D00111D2010400')],
    [1, () => session.send('80E29000074F05A00000000900')],
    [1, () => session.send('80E2900004420201FF00')],
    [0, () => session.send('80E2900004430201FF00')],
  ]
  for (const [i, [count, work]] of effects.entries()) {
    work()
    assert.equal(card.events() - number, count, `effect ${i}`)
    number = card.events()
    assert.equal(seen.has(chain()), count === 0)
    seen.add(chain())
  }
  assert.equal(initializeUpdate(card).counter, 2)
})

function installTwo(session: Session): { sw: number } {
  installApplication(session, decodeHex('F053504E01'), decodeHex('F053504E0101'))
  return installApplication(session, decodeHex('F053504E01'), decodeHex('F053504E0202'))
}
