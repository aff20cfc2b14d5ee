import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, decodeHex } from '@sealwright/core/bytes'
import { eventTypes } from '@sealwright/core/catalog'
import { cardStates } from '@sealwright/core/globalplatform'
import { scriptedEntropy } from '@sealwright/core/testing'
import { webAssembly } from '../../src/program/web-assembly.ts'
import { wat } from '../program/wat.ts'
import { type Card, crypto, hex, issuerAid, sw } from './card.ts'
import { asDomain, asIssuer, done, ownSet, realCard } from './fixture.ts'
import {
  aesField,
  deleteContent,
  deleteKeys,
  domainFile,
  domainModule,
  extradite,
  generateKey,
  install,
  installApplication,
  installDomain,
  keysOf,
  load,
  loadBlocks,
  none,
  putKey,
  putSet,
  setStatus,
  status,
  storeData,
  tlv,
} from './management.ts'
import { idle, notebook, signer } from './notebook.ts'
import { openScp11 } from './scp11.ts'
import { derive, initializeUpdate, type KeySet, openScp03 } from './session.ts'

const entropy = scriptedEntropy('content')
const set = (): KeySet => [entropy.bytes(16), entropy.bytes(16), entropy.bytes(16)]
const file = decodeHex('F053504E01')
const app = decodeHex('F053504E0101')
const domainA = decodeHex('A0000000A1')
const domainB = decodeHex('A0000000B1')
const managing = decodeHex('804000')

/** Each must be refused so; the memory stays as it is. */
function refused(card: Card, ...attempts: readonly [status: string, attempt: () => { sw: number }][]): void {
  const before = card.memory()
  const events = card.events()
  for (const [i, [expected, attempt]] of attempts.entries()) {
    assert.equal(attempt().sw.toString(16).toUpperCase(), expected, `attempt ${i}`)
    assert.equal(card.memory(), before, `attempt ${i}`)
  }
  assert.equal(card.events(), events)
}

/** A domain with keys of its own. */
function withDomain(card: Card, aid: Uint8Array, privileges?: Uint8Array): KeySet {
  done(installDomain(asIssuer(card), aid, privileges))
  const keys = set()
  // Until it has its own, the keys above it open its channel.
  done(putSet(asDomain(card, aid, ownSet), 0x01, keys))
  return keys
}

test('a security domain is made, takes keys of its own, and then opens channels with these alone', () => {
  const card = realCard()
  assert.equal(done(installDomain(asIssuer(card), domainA)), '00')
  assert.deepEqual(status(asIssuer(card), 0x40), [`${hex(domainA)} 07`])
  card.select(domainA)
  assert.deepEqual(keysOf(card), [])
  const keys = set()
  const session = asDomain(card, domainA, ownSet)
  done(putSet(session, 0x01, keys))
  card.select(domainA)
  assert.deepEqual(keysOf(card), ['010188', '020188', '030188'])
  assert.equal(sw(card.send('80503000080102030405060708')), '6A88')
  const begun = initializeUpdate(card, { keys })
  assert.equal(begun.version, 1)
  assert.equal(begun.counter, 1)
  // The challenge follows from the domain's name.
  const context = concat(Uint8Array.of(0, 0, 1), domainA)
  assert.deepEqual(begun.cardChallenge, derive(crypto.aes(keys[0]), 0x02, context, 8))
  // Its keys are none of the issuer's.
  card.select()
  assert.equal(sw(card.send('80500100080102030405060708')), '6A88')
  // Without its keys the ones above serve again.
  done(deleteKeys(asDomain(card, domainA, keys), { version: 1 }))
  done(asDomain(card, domainA, ownSet).send('80CA00E000'))
})

test('domains inside domains: keys come from the nearest above, the registry shows what is below', () => {
  const card = realCard()
  const keys = withDomain(card, domainA, managing)
  done(installDomain(asDomain(card, domainA, keys), domainB))
  const inner = decodeHex('A0000000C1')
  card.select(domainB)
  assert.equal(sw(card.send('80503000080102030405060708')), '6A88')
  const nested = asDomain(card, domainB, keys)
  assert.equal(sw(nested.send('80F28002024F0000')), '9000')
  refused(card, ['6985', () => installDomain(nested, inner)])
  done(installDomain(asIssuer(card), inner))
  assert.deepEqual(status(asDomain(card, domainA, keys), 0x40), [`${hex(domainA)} 07`, `${hex(domainB)} 07`])
  assert.deepEqual(status(asDomain(card, domainB, keys), 0x40), [`${hex(domainB)} 07`])
  assert.equal(status(asIssuer(card), 0x40).length, 3)
  assert.deepEqual(status(asDomain(card, domainA, keys), 0x80), [])
  assert.deepEqual(status(asIssuer(card), 0x80), [`${hex(issuerAid)} 01`])
  assert.deepEqual(status(asDomain(card, domainA, keys), 0x20), [])
  // What belongs to somebody else is not its own to touch.
  const session = asDomain(card, domainA, keys)
  refused(
    card,
    ['6985', () => deleteContent(session, inner)],
    ['6985', () => setStatus(session, 0x40, 0x80, inner)],
    ['6985', () => extradite(session, inner, domainA)],
    ['6985', () => install(session, 0x20, none, none, inner, none, none, none)],
    ['6985', () => deleteContent(session, domainA, true)],
    ['6985', () => deleteContent(session, issuerAid)],
    ['6985', () => setStatus(session, 0x40, 0x80, issuerAid)],
    ['6985', () => extradite(session, domainA, domainB)],
    ['6985', () => setStatus(session, 0x80, 0x07)],
  )
})

test('GET STATUS: both forms, a filter, wanted tags; asking on finds nothing more', () => {
  const card = realCard()
  done(installDomain(asIssuer(card), domainA))
  done(installDomain(asIssuer(card), domainB))
  const session = asIssuer(card)
  const ask = (p1: number, p2: number, data = '4F00') =>
    session.send({ cla: 0x80, ins: 0xf2, p1, p2, data: decodeHex(data), le: 0x100 })
  assert.equal(done(ask(0x80, 0x00)), '08A000000151000000019E')
  assert.equal(done(ask(0x40, 0x00)), '05A0000000A1078005A0000000B10780')
  assert.equal(done(ask(0x40, 0x02, '4F05A0000000B15C034F9F70')), 'E30B4F05A0000000B19F700107')
  assert.equal(done(ask(0x40, 0x02, '4F05A0000000C1')), '')
  assert.ok(done(ask(0x10, 0x02)).includes(`84${'08'}${hex(domainModule)}`))
  refused(
    card,
    ['6A88', () => ask(0x40, 0x03)],
    ['6A88', () => ask(0x40, 0x01)],
    ['6A86', () => ask(0x40, 0x04)],
    ['6A86', () => ask(0x60, 0x02)],
    ['6A80', () => ask(0x40, 0x02, '5C00')],
    ['6A80', () => session.send('80F2400200')],
  )
})

test('privileges that the card does not have, or that go beyond, are refused', () => {
  const card = realCard()
  const session = asIssuer(card)
  refused(
    card,
    // DAP, delegated management, card reset, global delete, trusted path, receipt generation, and none at all.
    ...(['C00000', 'A00000', '840000', '801000', '808000', '800080', '880000'] as const).map(
      (one): [string, () => { sw: number }] => [
        '6A81',
        () => installDomain(session, domainA, decodeHex(one)),
      ],
    ),
    ['6A80', () => installDomain(session, domainA, decodeHex('000000'))],
    ['6A80', () => installDomain(session, domainA, decodeHex('8000'))],
    [
      '6A88',
      () =>
        install(session, 0x0c, domainFile, domainFile, domainA, decodeHex('800000'), decodeHex('C900'), none),
    ],
    [
      '6A88',
      () =>
        install(session, 0x0c, domainA, domainModule, domainA, decodeHex('800000'), decodeHex('C900'), none),
    ],
    ['6A86', () => session.send({ cla: 0x80, ins: 0xe6, p1: 0x0c, p2: 0x01, data: none })],
    ['6A86', () => session.send({ cla: 0x80, ins: 0xe6, p1: 0x06, data: none })],
    [
      '6A80',
      () =>
        install(
          session,
          0x0c,
          domainFile,
          domainModule,
          decodeHex('A0000000'),
          decodeHex('800000'),
          decodeHex('C900'),
          none,
        ),
    ],
    ['6A81', () => install(session, 0x40, none, none, domainA, none, none, none)],
  )
  const keys = withDomain(card, domainA, managing)
  const below = asDomain(card, domainA, keys)
  refused(
    card,
    ['6985', () => installDomain(below, domainB, managing)],
    ['6985', () => installDomain(below, domainB, decodeHex('900000'))],
  )
})

test('a domain gets the protocol that it asks for, or is not made', () => {
  const card = realCard()
  const session = asIssuer(card)
  const make = (parameters: string) =>
    install(
      session,
      0x0c,
      domainFile,
      domainModule,
      domainA,
      decodeHex('800000'),
      decodeHex(parameters),
      none,
    )
  refused(
    card,
    ['6A81', () => make('C90481020215')],
    ['6A81', () => make('C90481020360')],
    ['6A81', () => make('C9088102037081020255')],
    ['6A80', () => make('C903810103')],
    ['6A80', () => make('C904810203')],
    ['6A80', () => make('C900C900')],
    ['6A80', () => make('EF03C80101')],
  )
  done(make('C90C810203708202202087022020'))
})

test('a load file is a program; its instances are selected, run, and keep what they write', () => {
  const card = realCard()
  const session = asIssuer(card)
  assert.equal(done(load(session, file, notebook, { hash: crypto.sha256(notebook) })), '00')
  assert.deepEqual(status(session, 0x20), [`${hex(domainFile)} 01`, `${hex(file)} 01`])
  done(installApplication(session, file, app))
  assert.equal(sw(card.select(app)), '9000')
  assert.equal(done(card.send('8013000002')), '0010')
  done(card.send('8010000004DEADBEEF'))
  assert.equal(done(card.send('8012040004')), 'DEADBEEF')
  // A call that is refused or does not end leaves nothing; the application lives on.
  assert.equal(sw(card.send('801800000401020304')), '6A80')
  assert.notEqual(sw({ data: none, sw: card.module.transmit(decodeHex('801A0000')).at(-2)! << 8 }), '9000')
  card.repower()
  card.select(app)
  assert.equal(done(card.send('8012040004')), 'DEADBEEF')
  assert.equal(done(card.send('8014000001')), '00')
  assert.notEqual(done(card.send('8016000008')), done(card.send('8016000008')))
  // Beyond its area: the call ends, nothing is written.
  const before = card.memory()
  assert.notEqual(
    card.module.transmit(concat(decodeHex('8010000011'), new Uint8Array(17).fill(9))).at(-2),
    0x90,
  )
  assert.equal(card.memory(), before)
})

test('[P8a]an installed application meets an instance as new each time, and another program under its name is that program', () => {
  const counter = (step: number): Uint8Array =>
    wat(`(module (import "io" "output" (func $output (param i32 i32))) (memory 1) (global $n (mut i32) (i32.const 0))
      (func (export "process") (global.set $n (i32.add (global.get $n) (i32.const ${step})))
        (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (global.get $n)))
        (call $output (i32.const 0) (i32.const 1))))`)
  const card = realCard()
  const { Instance } = webAssembly
  let made = 0
  const engine = webAssembly as { Instance: typeof Instance }
  engine.Instance = new Proxy(Instance, {
    construct: (target, args: [object, never]) => {
      made++
      return new target(...args)
    },
  })
  try {
    for (const [round, step] of [3, 5].entries()) {
      const session = asIssuer(card)
      done(load(session, file, counter(step)))
      done(installApplication(session, file, app))
      card.select(app)
      for (let i = 0; i < 5; i++) assert.equal(done(card.send('8010000001')), `0${step}`)
      assert.equal(made, round + 1, 'one instance for five commands')
      done(deleteContent(asIssuer(card), file, true))
    }
  } finally {
    engine.Instance = Instance
  }
})

test('what is not a program for the card is refused: CAP files, other exports, other interfaces, damaged ones', () => {
  const card = realCard()
  const session = asIssuer(card)
  const cap = decodeHex('504B03041400000008000000')
  const header = decodeHex('01000FDECAFFED0102040001')
  refused(
    card,
    ['6A80', () => load(session, file, cap)],
    ['6A80', () => load(session, file, header)],
    ['6A80', () => load(session, file, idle)],
    ['6A80', () => load(session, file, signer)],
    ['6A80', () => load(session, file, notebook.subarray(0, -3))],
    ['6A80', () => load(session, file, none)],
  )
})

test('LOAD wants its blocks in order, as long as they say, with the digest that INSTALL named, in the open, unsigned', () => {
  const card = realCard()
  const session = asIssuer(card)
  const block = (number: number, last: boolean, data: Uint8Array) =>
    session.send({ cla: 0x80, ins: 0xe8, p1: last ? 0x80 : 0, p2: number, data })
  const whole = tlv(0xc4, notebook)
  const begin = () => done(install(session, 0x02, file, none, none, none, none))
  const begun = (work: () => { sw: number }) => () => {
    begin()
    return work()
  }
  const first = (work: () => { sw: number }) =>
    begun(() => {
      done(block(0, false, whole.subarray(0, 200)))
      return work()
    })
  const dap = tlv(0xe2, tlv(0x4f, domainA), tlv(0xc3, new Uint8Array(8)))
  refused(
    card,
    ['6985', () => block(0, true, whole.subarray(0, 200))],
    ['6985', begun(() => block(1, false, whole.subarray(0, 200)))],
    // What was refused is over.
    ['6985', () => block(0, false, whole.subarray(0, 200))],
    ['6985', first(() => block(0, false, whole.subarray(200, 300)))],
    ['6985', first(() => block(2, false, whole.subarray(200, 300)))],
    // Less than it says, more than it says, more than the card takes.
    ['6A80', first(() => block(1, true, whole.subarray(200, 300)))],
    ['6A80', begun(() => block(0, true, decodeHex('C40001')))],
    ['6A80', begun(() => block(0, false, decodeHex('C483020000')))],
    ['6A80', begun(() => block(0, true, decodeHex('C501AA')))],
    ['6A86', begun(() => session.send({ cla: 0x80, ins: 0xe8, p1: 0x40, data: whole.subarray(0, 200) }))],
    ['6985', () => block(0, false, whole.subarray(0, 200))],
    ['6A80', () => load(session, file, notebook, { hash: crypto.sha256(Uint8Array.of(1)) })],
    ['6A80', () => load(session, file, notebook, { hash: new Uint8Array(20) })],
    ['6A81', begun(() => loadBlocks(session, tlv(0xd4, notebook)))],
    ['6A81', begun(() => loadBlocks(session, concat(dap, whole)))],
    ['6A81', () => install(session, 0x02, file, none, none, none, Uint8Array.of(1))],
    ['6A88', () => install(session, 0x02, file, domainA, none, none, none)],
    [
      '6A80',
      () => install(session, 0x02, decodeHex('F053504E0102030405060708090A0B0C'), none, none, none, none),
    ],
  )
  // Another INSTALL, or the end of the session, ends what was begun.
  begin()
  done(block(0, false, whole.subarray(0, 200)))
  install(session, 0x20, none, none, issuerAid, none, none, none)
  refused(card, ['6985', () => block(1, false, whole.subarray(200, 300))])
  begin()
  const next = asIssuer(card)
  refused(card, ['6985', () => next.send({ cla: 0x80, ins: 0xe8, data: whole.subarray(0, 100) })])
  done(load(next, file, notebook))
})

test('what changed between INSTALL [for load] and the last block is looked at again', () => {
  const card = realCard()
  const session = asIssuer(card)
  done(installDomain(session, domainA))
  done(install(session, 0x02, file, domainA, none, none, none))
  done(deleteContent(session, domainA))
  refused(card, ['6985', () => loadBlocks(session, tlv(0xc4, notebook))])
  done(install(session, 0x02, file, none, none, none, none))
  done(storeData(session, tlv(0x4f, file)))
  refused(card, ['6A89', () => loadBlocks(session, tlv(0xc4, notebook))])
  const other = decodeHex('F053504E02')
  done(install(session, 0x02, other, none, none, none, none))
  done(storeData(session, tlv(0x4f, concat(other, Uint8Array.of(0x41)))))
  refused(card, ['6A89', () => loadBlocks(session, tlv(0xc4, notebook))])
})

test('no AID stands for two things, in whatever order they come', () => {
  const card = realCard()
  const session = asIssuer(card)
  done(load(session, file, notebook))
  done(installApplication(session, file, app))
  done(installDomain(session, domainA))
  const moduleAid = concat(file, Uint8Array.of(0x41))
  const taken = [file, moduleAid, app, domainA, issuerAid, domainFile, domainModule]
  for (const aid of taken) {
    refused(
      card,
      ['6A89', () => installDomain(session, aid)],
      ['6A89', () => installApplication(session, file, aid)],
      ['6A89', () => install(session, 0x02, aid, none, none, none, none)],
      ['6A89', () => storeData(session, tlv(0x4f, aid))],
    )
  }
  // A load file whose module would have a name that is taken.
  const clash = decodeHex('F0999999')
  const other = concat(clash, Uint8Array.of(0x01))
  done(installDomain(session, concat(other, Uint8Array.of(0x41))))
  refused(card, ['6A89', () => install(session, 0x02, other, none, none, none, none)])
})

test('the issuer security domain takes another name, and answers to it alone', () => {
  const card = realCard()
  const name = decodeHex('A000000003000000')
  done(storeData(asIssuer(card), tlv(0x4f, name)))
  assert.equal(sw(card.select()), '6A82')
  card.repower()
  assert.equal(sw(card.select()), '6A82')
  const answer = card.send('00A4040000')
  assert.ok(hex(answer.data).includes(`8408${hex(name)}`))
  const begun = initializeUpdate(card, { keys: ownSet })
  const context = concat(Uint8Array.of(0, 0, begun.counter), name)
  assert.deepEqual(begun.cardChallenge, derive(crypto.aes(ownSet[0]), 0x02, context, 8))
})

test('SELECT: the whole name, the beginning of one, the next; only what can be selected', () => {
  const card = realCard()
  const session = asIssuer(card)
  const [first, second, third] = ['A00000070101', 'A00000070102', 'A00000070103'].map((one) => decodeHex(one))
  done(installDomain(session, first!))
  done(installDomain(session, second!))
  done(load(session, file, notebook))
  done(installApplication(session, file, third!, { p1: 0x04 }))
  const selected = (answer: { data: Uint8Array; sw: number }) => {
    const text = hex(answer.data)
    const at = text.indexOf('84')
    return text.slice(at + 4, at + 4 + 2 * Number.parseInt(text.slice(at + 2, at + 4), 16))
  }
  const partial = decodeHex('A000000701')
  const next = () => card.send({ cla: 0, ins: 0xa4, p1: 4, p2: 2, data: partial, le: 0x100 })
  assert.equal(selected(card.select(partial)), hex(first!))
  assert.equal(selected(next()), hex(second!))
  // Installed, and not yet selectable.
  assert.equal(sw(next()), '6A82')
  assert.equal(sw(card.select(third!)), '6A82')
  assert.equal(sw(card.select(file)), '6A82')
  done(install(asIssuer(card), 0x08, none, none, third!, none, none, none))
  assert.equal(selected(card.select(second!)), hex(second!))
  assert.equal(selected(next()), hex(third!))
  assert.equal(sw(next()), '6A82')
  // The beginning of every name there is: the issuer's comes first; a whole name before the beginning of a longer one.
  assert.equal(selected(card.select(decodeHex('A0'))), hex(issuerAid))
  done(installDomain(asIssuer(card), partial))
  assert.equal(selected(card.select(partial)), hex(partial))
  for (const [status, apdu] of [
    ['6A86', '00A4000007A000000701010100'],
    ['6A86', '00A4040C06A0000007010100'],
    ['6700', `00A4040011${'A0'.repeat(17)}00`],
    ['6A82', '00A4040006A0000007019900'],
  ] as const) {
    assert.equal(sw(card.apdu(apdu)), status)
  }
  // A refused SELECT changes nothing: the domain is selected still.
  const open = asIssuer(card)
  assert.equal(sw(card.select('A00000070199')), '6A82')
  assert.equal(sw(open.send('80CA00E000')), '9000')
})

test('make selectable: once, what is there, with no privilege that was not given', () => {
  const card = realCard()
  const session = asIssuer(card)
  done(load(session, file, notebook))
  done(installApplication(session, file, app, { p1: 0x04 }))
  refused(
    card,
    ['6A81', () => install(session, 0x08, none, none, app, decodeHex('040000'), none, none)],
    ['6A88', () => install(session, 0x08, none, none, domainA, none, none, none)],
    ['6A88', () => install(session, 0x08, none, none, file, none, none, none)],
    ['6985', () => install(session, 0x08, none, none, issuerAid, none, none, none)],
  )
  done(install(session, 0x08, none, none, app, decodeHex('000000'), none, none))
  refused(card, ['6985', () => install(session, 0x08, none, none, app, none, none, none)])
})

test('quotas: the area is as large as asked for, more than the card gives is 6A84', () => {
  const card = realCard()
  const session = asIssuer(card)
  done(load(session, file, notebook))
  refused(card, ['6A84', () => installApplication(session, file, app, { size: 0x8001 })])
  const names: Uint8Array[] = []
  for (let i = 1; i < 20; i++) {
    const name = concat(app, Uint8Array.of(i))
    const answer = installApplication(session, file, name, { size: 0x8000 })
    if (answer.sw !== 0x9000) {
      refused(card, ['6A84', () => installApplication(session, file, name, { size: 0x8000 })])
      break
    }
    names.push(name)
  }
  assert.ok(names.length >= 2 && names.length < 19, String(names.length))
  for (const name of names) done(deleteContent(session, name))
  done(installApplication(session, file, app, { size: 0 }))
  card.select(app)
  assert.equal(done(card.send('8013000002')), '0000')
})

test('the registry has an end: 6A84, and numbers are used again without what they had', () => {
  const card = realCard()
  const session = asIssuer(card)
  const name = (i: number) => concat(domainA, Uint8Array.of(i))
  for (let i = 0; i < 64; i++) done(installDomain(session, name(i)))
  refused(card, ['6A84', () => installDomain(session, name(64))])
  const keys = set()
  done(putSet(asDomain(card, name(7), ownSet), 1, keys))
  done(deleteContent(asIssuer(card), name(7)))
  assert.equal(card.copies(keys[0]), 0)
  done(installDomain(asIssuer(card), name(64)))
  card.select(name(64))
  assert.deepEqual(keysOf(card), [])
  assert.equal(sw(card.send('80500100080102030405060708')), '6A88')
})

test('DELETE: an application with its data, a load file with its instances, a domain with its keys and content', () => {
  const card = realCard()
  const session = asIssuer(card)
  done(load(session, file, notebook))
  done(installApplication(session, file, app))
  done(installApplication(session, file, decodeHex('F053504E0202')))
  card.select(app)
  done(card.send('8010000010000102030405060708090A0B0C0D0E0F'))
  const again = asIssuer(card)
  refused(
    card,
    ['6985', () => deleteContent(again, file)],
    ['6A88', () => deleteContent(again, domainA)],
    ['6985', () => deleteContent(again, domainFile, true)],
    ['6985', () => deleteContent(again, issuerAid, true)],
    ['6A86', () => again.send({ cla: 0x80, ins: 0xe4, p2: 0x40, data: tlv(0x4f, app) })],
    ['6A86', () => again.send({ cla: 0x80, ins: 0xe4, p2: 0x01, data: tlv(0x4f, app) })],
    ['6A80', () => again.send({ cla: 0x80, ins: 0xe4, data: tlv(0x4e, app) })],
    ['6A80', () => again.send({ cla: 0x80, ins: 0xe4, data: none })],
  )
  assert.equal(card.copies(decodeHex('000102030405060708090A0B0C0D0E0F')), 1)
  assert.equal(done(deleteContent(again, app)), '00')
  assert.equal(card.copies(decodeHex('000102030405060708090A0B0C0D0E0F')), 0)
  assert.equal(sw(card.select(app)), '6A82')
  done(deleteContent(asIssuer(card), file, true))
  assert.deepEqual(status(asIssuer(card), 0x40), [])
  assert.deepEqual(status(asIssuer(card), 0x20), [`${hex(domainFile)} 01`])

  const keys = withDomain(card, domainA, managing)
  done(load(asDomain(card, domainA, keys), file, notebook))
  done(installApplication(asDomain(card, domainA, keys), file, app))
  const data = asDomain(card, domainA, keys)
  done(storeData(data, tlv(0x45, decodeHex('00112233445566778899'))))
  done(generateKey(data, 0x11, 3))
  const issuer = asIssuer(card)
  refused(card, ['6985', () => deleteContent(issuer, domainA)])
  for (const key of keys) assert.equal(card.copies(key), 1)
  done(deleteContent(issuer, domainA, true))
  for (const key of keys) assert.equal(card.copies(key), 0)
  assert.deepEqual(status(issuer, 0x40), [])
  assert.deepEqual(status(issuer, 0x20), [`${hex(domainFile)} 01`])
  const left = [...card.objects().keys()].filter((one) =>
    /^(key|public-key|tries|sequence-counter|domain-data) (fd01|1)/.test(one),
  )
  assert.deepEqual(left, [])
})

test("nothing is deleted that is not the domain's to delete, nor anything left that could not be without it", () => {
  const card = realCard()
  const keys = withDomain(card, domainA, managing)
  done(load(asDomain(card, domainA, keys), file, notebook))
  // The issuer makes an instance of the domain's program for itself.
  done(installApplication(asIssuer(card), file, app))
  const below = asDomain(card, domainA, keys)
  refused(card, ['6985', () => deleteContent(below, file, true)], ['6985', () => deleteContent(below, app)])
  const issuer = asIssuer(card)
  refused(card, ['6985', () => deleteContent(issuer, domainA)])
  done(deleteContent(issuer, domainA, true))
  assert.deepEqual(status(issuer, 0x40), [])
  assert.equal(sw(card.select(app)), '6A82')
})

test('extradition gives content to a domain below, never a domain to itself or to what it holds', () => {
  const card = realCard()
  const keysA = withDomain(card, domainA)
  const keysB = withDomain(card, domainB)
  const session = asIssuer(card)
  done(load(session, file, notebook))
  done(installApplication(session, file, app))
  done(extradite(session, app, domainA))
  assert.deepEqual(status(asDomain(card, domainA, keysA), 0x40), [`${hex(domainA)} 07`, `${hex(app)} 07`])
  card.select(app)
  assert.equal(done(openScp03(card, { keys: keysA }).send('8014000001')), '01')
  const issuer = asIssuer(card)
  done(extradite(issuer, domainB, domainA))
  refused(
    card,
    ['6985', () => extradite(issuer, domainA, domainB)],
    ['6985', () => extradite(issuer, domainA, domainA)],
    ['6A88', () => extradite(issuer, app, decodeHex('A0000000C1'))],
    ['6A88', () => extradite(issuer, decodeHex('A0000000C1'), domainA)],
    ['6A88', () => extradite(issuer, app, file)],
    ['6985', () => extradite(issuer, issuerAid, domainA)],
  )
  // Without the privilege a domain manages nothing, not even its own.
  const below = asDomain(card, domainA, keysA)
  refused(
    card,
    ['6985', () => extradite(below, app, domainB)],
    ['6985', () => deleteContent(below, app)],
    ['6985', () => installApplication(below, file, concat(app, Uint8Array.of(9)))],
    ['6985', () => install(below, 0x02, decodeHex('F053504E02'), none, none, none, none)],
  )
  assert.equal(sw(asDomain(card, domainB, keysB).send('80CA00E000')), '9000')
  done(extradite(asIssuer(card), app, issuerAid))
})

test('INSTALL [for personalization] and STORE DATA reach what belongs to the domain; the program hears who speaks', () => {
  const card = realCard()
  const keys = withDomain(card, domainA)
  const session = asIssuer(card)
  done(load(session, file, notebook))
  done(installApplication(session, file, app))
  done(install(session, 0x20, none, none, app, none, none, none))
  done(session.send({ cla: 0x80, ins: 0xe2, p1: 0x80, data: decodeHex('0A0B0C0D') }))
  card.select(app)
  assert.equal(done(card.send('8012040004')), '0A0B0C0D')
  // STORE DATA in the open is not its domain speaking: the program refuses, and its first word stays.
  assert.equal(sw(card.send('80E2800004FFFFFFFF')), '6982')
  assert.equal(done(card.send('8012040004')), '0A0B0C0D')
  // In a channel with its domain a command comes unwrapped; in the open nothing more comes before SELECT.
  const own = openScp03(card, { keys: ownSet })
  assert.equal(done(own.send('8014000001')), '01')
  done(own.send('80E280000401010101'))
  assert.equal(sw(card.send('8012040004')), '6982')
  assert.equal(sw(card.send(own.wrap('8014000001'))), '6982')
  assert.equal(done(card.send('8012040004')), '01010101')
  // From two domains above, or beside, nobody speaks for it.
  done(extradite(asIssuer(card), app, domainA))
  const issuer = asIssuer(card)
  refused(
    card,
    ['6985', () => install(issuer, 0x20, none, none, app, none, none, none)],
    ['6A88', () => install(issuer, 0x20, none, none, file, none, none, none)],
    ['6A80', () => install(issuer, 0x20, none, none, app, none, none, Uint8Array.of(1))],
  )
  const below = asDomain(card, domainA, keys)
  done(install(below, 0x20, none, none, app, none, none, none))
  done(below.send({ cla: 0x80, ins: 0xe2, p1: 0x80, data: decodeHex('02020202') }))
  // What is locked on the way, or cannot be selected yet, hears nothing; nor does a domain name the issuer's.
  done(setStatus(below, 0x40, 0x80, app))
  refused(card, ['6985', () => below.send({ cla: 0x80, ins: 0xe2, p1: 0x80, data: decodeHex('03030303') })])
  done(setStatus(below, 0x40, 0x00, app))
  const later = decodeHex('F053504E0303')
  const maker = asIssuer(card)
  done(installApplication(maker, file, later, { p1: 0x04 }))
  done(install(maker, 0x20, none, none, later, none, none, none))
  refused(card, ['6985', () => maker.send({ cla: 0x80, ins: 0xe2, p1: 0x80, data: decodeHex('03030303') })])
  const domain = asDomain(card, domainA, keys)
  refused(card, ['6985', () => storeData(domain, tlv(0x4f, decodeHex('A000000003000000')))])
  // A domain is personalized by the one above it.
  done(install(asIssuer(card), 0x20, none, none, domainA, none, none, none))
  const above = asIssuer(card)
  done(install(above, 0x20, none, none, domainA, none, none, none))
  done(storeData(above, tlv(0x42, decodeHex('0A0A'))))
  card.select(domainA)
  assert.equal(hex(card.send('00CA004200').data), '0A0A')
  card.select()
  assert.equal(hex(card.send('00CA004200').data), '0000000000000001')
})

test('with an application selected, its domain opens the channel, and SCP11b speaks for nobody', () => {
  const card = realCard()
  const keys = withDomain(card, domainA, managing)
  const session = asDomain(card, domainA, keys)
  const cardPoint = generateKey(session, 0x13, 2).data.slice(2)
  done(load(session, file, notebook))
  done(installApplication(session, file, app))
  card.select(app)
  const begun = initializeUpdate(card, { keys })
  const context = concat(Uint8Array.of(0, 0, begun.counter), app)
  assert.deepEqual(begun.cardChallenge, derive(crypto.aes(keys[0]), 0x02, context, 8))
  assert.equal(sw(card.send('80503000080102030405060708')), '6A88')
  assert.equal(done(openScp03(card, { keys }).send('8014000001')), '01')
  card.select(app)
  const proof = openScp11(card, { variant: 'b', version: 2, cardPoint })
  assert.equal(done(proof.send('8014000001')), '00')
  assert.equal(sw(proof.send('80E280000401010101')), '6982')
})

test('what an application is refused inside its channel leaves the channel; what it is told in the open ends it', () => {
  const card = realCard()
  const session = asIssuer(card)
  done(load(session, file, notebook))
  done(installApplication(session, file, app))
  card.select(app)
  const own = openScp03(card, { keys: ownSet, level: 0x33 })
  assert.equal(sw(own.send('801800000401020304')), '6A80')
  assert.equal(done(own.send('8014000001')), '01')
})

test('a domain takes keys of its own kind only by its own channel', () => {
  const card = realCard()
  const keys = withDomain(card, domainA)
  const issuer = asIssuer(card)
  done(putKey(issuer, { id: 0x40 }, 1, aesField(issuer.dek, entropy.bytes(16))))
  card.select(domainA)
  assert.deepEqual(keysOf(card), ['010188', '020188', '030188'])
  const begun = openScp03(card, { keys })
  assert.equal(sw(deleteKeys(begun, { id: 0x40 })), '6A88')
  assert.equal(sw(deleteKeys(begun, { version: 0x30 })), '6A88')
})

test('an identification that is stored is one event with the domain and its state, and is read back', () => {
  const card = realCard()
  for (const [tag, read] of [
    [0x42, '00CA004200'],
    [0x45, '00CA004500'],
  ] as const) {
    const events = card.events()
    done(storeData(asIssuer(card), tlv(tag, decodeHex('0A0B0C0D'))))
    assert.equal(card.events(), events + 1)
    const [event] = card.module.parts.events.list(events + 1)
    assert.equal(event?.type, eventTypes['card-content-changed'].code)
    assert.equal(
      hex(event!.digest),
      hex(crypto.sha256(issuerAid, Uint8Array.of(cardStates['op-ready'].code))),
    )
    card.select()
    assert.equal(done(card.send(read)), '0A0B0C0D')
  }
})
