import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { concat, decodeHex, encodeHex, equal, u32 } from '@sealwright/core/bytes'
import { eventTypes } from '@sealwright/core/catalog'
import { parseDocument, prepareDocument, signDocument } from '@sealwright/core/cbor'
import { withHandle } from '@sealwright/core/crypto'
import { StateError } from '@sealwright/core/errors'
import {
  entryFields,
  leafHash,
  linkOfEntry,
  parseCheckpoint,
  parseEntry,
  passportHeadInput,
  passportHolds,
  verifyConsistency,
  verifyInclusion,
  verifyNote,
  verifyPassport,
} from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { parseCertificate } from '@sealwright/core/x509'
import { testOnlyPki } from '@sealwright/core/x509/testing'
import { plain } from '@sealwright/roles/channel'
import {
  moduleStep,
  parseEntriesFile,
  readEvents,
  readHead,
  readOutbox,
  readSignedHead,
  serializeEntriesFile,
  step,
} from '@sealwright/roles/custody'
import { customize, finish, products, unlock } from '@sealwright/roles/issuer'
import {
  append,
  enroll,
  LogBook,
  listCheckpoints,
  makeCheckpoint,
  makePassport,
  type Outcome,
  readLogKey,
  verifyLog,
} from '@sealwright/roles/log'
import { certifyModule, initRoot, produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import { logSigningKey, type PartyName, type PartyPorts } from '@sealwright/roles/ports'
import { clock, mask, maskInput, party, powered, programs, ramFactory } from './factory-bench.ts'

const serials = [decodeHex('0102030405060708'), decodeHex('0102030405060709')] as const

/** Two chips from mask to user mode, every party with its own ports. */
async function factory() {
  const parties = {
    issuer: await party('issuer'),
    manufacturer: await party('manufacturer'),
    mounter: await party('mounter'),
  }
  const { issuer, manufacturer, mounter } = parties
  const chips = ramFactory(issuer.crypto)
  const { file } = await mask(issuer, maskInput())
  const { deliveryNote } = await produce(manufacturer, { mask: file, factory: chips, names: ['a', 'b'] })
  const root = await initRoot(manufacturer)
  const modules: ReturnType<typeof powered>[] = []
  for (const [i, name] of ['a', 'b'].entries()) {
    const medium = chips.chips.get(name)!
    const serial = serials[i]!
    await mount(mounter, { chip: name, power: async () => powered(medium).transport, serial, deliveryNote })
    const module = powered(medium)
    modules.push(module)
    await unlock(issuer, module.transport, { mask: 'fleet' })
    const customized = await customize(issuer, module.transport, {
      mask: 'fleet',
      product: products.terminal,
      programs,
      manufacturerRoot: root.encoded,
    })
    const { encoded } = await certifyModule(manufacturer, { request: customized.identityRequest! })
    await finish(issuer, module.transport, { mask: 'fleet', certificate: encoded })
  }
  return { parties, modules, root }
}

const built = factory()

async function logWith(parties: Partial<Record<PartyName, PartyPorts>>): Promise<PartyPorts> {
  const log = await party('log')
  for (const [name, { vault }] of Object.entries(parties)) {
    await enroll(log, { party: name, point: await vault.publicPoint(logSigningKey), chain: [] })
  }
  return log
}

async function allEntries(): Promise<Uint8Array[]> {
  const { parties } = await built
  return (await Promise.all(Object.values(parties).map(readOutbox))).flat()
}

function kinds(outcomes: readonly Outcome[]): string[] {
  return outcomes.map(({ kind }) => kind)
}

/** The entry changed and signed anew by its party. */
async function resigned(ports: PartyPorts, document: Uint8Array, change: object): Promise<Uint8Array> {
  const entry = { ...parseEntry(parseDocument(document)), ...change }
  const point = await ports.vault.publicPoint(logSigningKey)
  const prepared = prepareDocument('entry', entryFields(entry), point, ports.crypto)
  return prepared.finish(await ports.vault.sign(logSigningKey, prepared.toBeSigned))
}

suite('entries of the parties', () => {
  test('[X1a] every event of the factory is one signed entry of the party that did it, numbered and linked', async () => {
    const { parties } = await built
    const entries = (await allEntries()).map((document) => parseEntry(parseDocument(document)))
    for (const serial of serials) {
      const own = entries.filter((entry) => equal(entry.serial, serial)).sort((a, b) => a.number - b.number)
      assert.deepEqual(
        own.map(({ number, party, type }) => [number, party, type]),
        [
          [1, 'mounter', eventTypes['serial-written'].code],
          [2, 'issuer', eventTypes.unlocked.code],
          [3, 'issuer', eventTypes['identity-made'].code],
          [4, 'issuer', eventTypes['identity-certified'].code],
          [5, 'issuer', eventTypes.finished.code],
        ],
      )
      for (const [i, entry] of own.slice(1).entries()) {
        assert.deepEqual(entry.previous, linkOfEntry(own[i]!, parties.issuer.crypto))
      }
    }
  })

  test("[X1b] numbers and chain are the module's own, and its head is signed with the caller's nonce", async () => {
    const { modules, parties } = await built
    const { crypto } = parties.issuer
    const entries = (await allEntries()).map((document) => parseEntry(parseDocument(document)))
    for (const [i, { transport }] of modules.entries()) {
      const channel = plain(transport)
      const events = await readEvents(channel, 1)
      const own = entries
        .filter((entry) => equal(entry.serial, serials[i]!))
        .sort((a, b) => a.number - b.number)
      assert.deepEqual(
        own.map((entry) => ({ number: entry.number, chain: linkOfEntry(entry, crypto) })),
        events.map(({ number, chain }) => ({ number, chain })),
      )
      const nonce = crypto.sha256(u32(i)).subarray(0, 16)
      const { head, chain } = await readSignedHead(channel, nonce)
      assert.equal(head.number, own.length)
      assert.deepEqual(head.chain, linkOfEntry(own.at(-1)!, crypto))
      const signed = (told: Uint8Array) => passportHeadInput({ ...head, serial: serials[i]!, nonce: told })
      withHandle(crypto.ecPublicKey(parseCertificate(chain[0]!).publicPoint), (key) => {
        assert.ok(key.verify(head.signature, ...signed(nonce)))
        assert.ok(!key.verify(head.signature, ...signed(new Uint8Array(16))))
      })
    }
  })

  test('a file of entries is read back, and one that was cut or lengthened is refused', async () => {
    const documents = await allEntries()
    const file = serializeEntriesFile(documents)
    assert.deepEqual(parseEntriesFile(file), documents)
    assert.deepEqual(serializeEntriesFile(parseEntriesFile(file)), file)
    for (const length of [0, 1, 20, file.length >> 1, file.length - 1]) {
      assert.throws(() => parseEntriesFile(file.subarray(0, length)), { code: 'bytes-malformed' })
    }
    assert.throws(() => parseEntriesFile(concat(file, Uint8Array.of(0))), { code: 'bytes-malformed' })
  })
})

suite('the log', () => {
  test('[X1c] takes all modules into one tree, with inclusion and consistency proofs under signed checkpoints', async () => {
    const { parties } = await built
    const { crypto } = parties.issuer
    const log = await logWith(parties)
    const documents = await allEntries()
    const texts: string[] = []
    for (const document of documents.toSorted((a, b) => numberOf(a) - numberOf(b))) {
      assert.deepEqual(kinds(await append(log, [document])), ['appended'])
      texts.push(await makeCheckpoint(log))
    }
    const book = await LogBook.open(log)
    assert.equal(book.size, documents.length)
    assert.deepEqual(
      book.modules().map(({ serial, entries }) => [serial, entries]),
      serials.map((serial) => [encodeHex(serial), 5]),
    )
    const key = await readLogKey(log)
    const last = parseCheckpoint(texts.at(-1)!)
    for (const text of texts) {
      const { size, root, note } = parseCheckpoint(text)
      assert.ok(verifyNote(note, key, crypto))
      const proof = book.tree.consistencyProof(size)
      assert.ok(
        verifyConsistency({ oldSize: size, oldRoot: root, size: last.size, root: last.root, proof }, crypto),
      )
    }
    for (let index = 0; index < book.size; index++) {
      const claim = {
        leafHash: leafHash(await book.leafBytes(index), crypto),
        index,
        size: last.size,
        root: last.root,
        proof: book.tree.inclusionProof(index),
      }
      assert.ok(verifyInclusion(claim, crypto))
    }
    assert.deepEqual((await verifyLog(log)).problems, [])
  })

  test('takes entries in any order: those that come too early wait', async () => {
    const { parties } = await built
    const log = await logWith(parties)
    const issuers = await readOutbox(parties.issuer)
    assert.deepEqual(new Set(kinds(await append(log, issuers))), new Set(['waiting']))
    assert.equal((await LogBook.open(log)).size, 0)
    assert.deepEqual(kinds(await append(log, await readOutbox(parties.mounter))), ['appended', 'appended'])
    assert.equal((await LogBook.open(log)).size, 10)
    assert.deepEqual(new Set(kinds(await append(log, issuers))), new Set(['known']))
    assert.deepEqual((await verifyLog(log)).problems, [])
  })

  test('[X8c] what it refuses stands in the log as refused, with the reason, once', async () => {
    const { parties } = await built
    const log = await logWith(parties)
    const [first, second] = await readOutbox(parties.issuer)
    await append(log, [...(await readOutbox(parties.mounter)), ...(await readOutbox(parties.issuer))])
    const size = (await LogBook.open(log)).size
    const stranger = await party('supplier')
    const flipped = second!.slice()
    flipped[flipped.length - 1]! ^= 1
    const refused: [what: Uint8Array, reason: RegExp][] = [
      [decodeHex('D28443'), /not an entry/],
      [await resigned(stranger, first!, { party: 'supplier', number: 6 }), /no party is enrolled/],
      [flipped, /signature|not an entry/],
      [await resigned(parties.mounter, first!, { number: 6 }), /stated by issuer, signed by mounter/],
      [await resigned(parties.mounter, first!, { party: 'mounter' }), /unlocked is no step of mounter/],
      [await resigned(parties.issuer, first!, { digest: new Uint8Array(32) }), /contradicts entry 2/],
      [await resigned(parties.issuer, first!, { number: 6 }), /does not continue/],
    ]
    for (const [document, reason] of refused) {
      const [outcome] = await append(log, [document])
      assert.equal(outcome?.kind, 'refused')
      assert.match(outcome.reason, reason)
      const leaf = await (await LogBook.open(log)).leaf(outcome.place!)
      assert.equal(leaf.kind, 'refusal')
      assert.deepEqual(leaf.refusal.digest, log.crypto.sha256(document))
      assert.match(leaf.refusal.reason, reason)
      assert.deepEqual(kinds(await append(log, [document])), ['refused'])
    }
    const book = await LogBook.open(log)
    assert.equal(book.size, size + refused.length)
    for (const serial of serials) assert.equal(book.module(serial)?.places.length, 5)
    assert.deepEqual((await verifyLog(log)).problems, [])
  })

  test('[X8c] a refused entry of an enrolled party names its module, number and party', async () => {
    const { parties } = await built
    const log = await logWith(parties)
    const [first] = await readOutbox(parties.mounter)
    await append(log, [first!])
    const claim = await resigned(parties.manufacturer, first!, {
      ...{ party: 'manufacturer', digest: new Uint8Array(32) },
    })
    const [outcome] = await append(log, [claim])
    assert.equal(outcome?.kind, 'refused')
    const leaf = await (await LogBook.open(log)).leaf(outcome.place!)
    assert.equal(leaf.kind, 'refusal')
    const { about, reason } = leaf.refusal
    const { serial } = parseEntry(parseDocument(first!))
    assert.deepEqual(about, { serial, number: 1, party: 'manufacturer' })
    assert.match(reason, /contradicts entry 1/)
  })

  test('nobody spoils a log with steps that are not his', async () => {
    const { parties } = await built
    const { issuer, mounter, manufacturer } = parties
    const [written] = await readOutbox(mounter)
    const entry = parseEntry(parseDocument(written!))
    const [unlocked] = (await readOutbox(issuer)).filter((one) =>
      equal(parseEntry(parseDocument(one)).serial, entry.serial),
    )
    const supplier = await party('supplier')
    const guest = await party('terminal')
    const log = await logWith({ ...parties, supplier })
    const guestPoint = await guest.vault.publicPoint(logSigningKey)
    await enroll(log, { party: 'guest', point: guestPoint, chain: [] })
    const refusals: [Uint8Array, RegExp][] = [
      [await resigned(supplier, written!, { party: 'supplier' }), /serial-written is no step of supplier/],
      [await resigned(guest, written!, { party: 'guest' }), /serial-written is no step of guest/],
      [await resigned(mounter, written!, { details: new Map() }), /rom and image/],
      [
        await resigned(manufacturer, written!, {
          ...{ party: 'manufacturer', type: eventTypes['identity-made'].code },
        }),
        /first event/,
      ],
    ]
    for (const [document, reason] of refusals) {
      const [outcome] = await append(log, [document])
      assert.equal(outcome?.kind, 'refused')
      assert.match(outcome.reason, reason)
    }
    assert.deepEqual(kinds(await append(log, [written!])), ['appended'])
    for (const [signer, name] of [
      [supplier, 'supplier'],
      [guest, 'guest'],
      [mounter, 'mounter'],
    ] as const) {
      const claims = [
        await resigned(signer, unlocked!, { party: name, digest: new Uint8Array(32) }),
        // One that would wait for its turn.
        await resigned(signer, unlocked!, { party: name, number: 3 }),
        await resigned(signer, unlocked!, { party: name, type: 0x77 }),
      ]
      assert.deepEqual(kinds(await append(log, claims)), ['refused', 'refused', 'refused'], name)
    }
    assert.deepEqual(kinds(await append(log, [unlocked!])), ['appended'])
    assert.deepEqual((await verifyLog(log)).problems, [])
  })

  test('a party with certificates states the steps of the role that they name', async () => {
    const { parties } = await built
    const [written] = await readOutbox(parties.mounter)
    const pki = testOnlyPki(parties.mounter.crypto)
    for (const role of ['mounter', 'loader'] as const) {
      const log = await party('log')
      const { publicPoint: point } = pki.keys[role]
      await enroll(log, { party: 'mounter', point, chain: [pki.certificates[role].encoded] })
      const entry = { ...parseEntry(parseDocument(written!)), party: 'mounter' }
      const document = signDocument('entry', entryFields(entry), pki.keys[role], log.crypto)
      assert.deepEqual(kinds(await append(log, [document])), [role === 'mounter' ? 'appended' : 'refused'])
    }
  })

  test('a first entry that contradicts what it says was masked is refused', async () => {
    const { parties } = await built
    const log = await logWith(parties)
    const [first] = await readOutbox(parties.mounter)
    const details = new Map(parseEntry(parseDocument(first!)).details).set('rom', new Uint8Array(32))
    assert.deepEqual(kinds(await append(log, [await resigned(parties.mounter, first!, { details })])), [
      'refused',
    ])
  })

  test('rebuilds its index from the leaves, and takes up leaves that a crash left unindexed', async () => {
    const { parties } = await built
    const log = await logWith(parties)
    const documents = await allEntries()
    await append(log, await readOutbox(parties.mounter))
    const old = await log.store.read('index')
    await append(log, documents)
    const { root, size } = parseCheckpoint(await makeCheckpoint(log))
    await log.store.write('index', old!)
    assert.deepEqual((await LogBook.open(log)).tree.root(), root)
    await log.store.remove('index')
    const book = await LogBook.open(log)
    assert.deepEqual([book.tree.root(), book.size], [root, size])
    assert.equal(book.module(serials[1])?.places.length, 5)
  })

  test('verify shows a leaf that was changed, and one that was left out, in every checkpoint from there on', async () => {
    const { parties } = await built
    const log = await logWith(parties)
    await append(log, await readOutbox(parties.mounter))
    await makeCheckpoint(log)
    await append(log, await allEntries())
    await makeCheckpoint(log)
    const name = (await log.store.list('leaves/'))[1]!
    const entry = (await log.store.read(name))!
    await log.store.write(name, await resigned(parties.mounter, entry, { at: 1 }))
    assert.deepEqual((await verifyLog(log)).problems, [
      'checkpoint 2: not of this tree',
      'checkpoint 10: not of this tree',
    ])
    await log.store.write(name, entry)
    assert.deepEqual((await verifyLog(log)).problems, [])
    await log.store.remove((await log.store.list('leaves/')).at(-1)!)
    assert.deepEqual((await verifyLog(log)).problems, ['checkpoint 10: not of this tree'])
    assert.equal((await listCheckpoints(log)).length, 2)
  })

  test("a passport out of the log is verified with the log's key and the manufacturer's root", async () => {
    const { parties, modules, root } = await built
    const { crypto } = parties.issuer
    const log = await logWith(parties)
    await append(log, await allEntries())
    const nonce = crypto.sha256(u32(7)).slice(0, 16)
    const head = await readSignedHead(plain(modules[0]!.transport), nonce)
    const passport = await makePassport(log, { serial: serials[0], head })
    const question = {
      passport,
      logKey: await readLogKey(log),
      manufacturerRoot: root,
      at: clock.now(),
      nonce,
      insecureAcceptTest: root.test,
    }
    const findings = verifyPassport(question, crypto)
    const verdicts = Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]))
    assert.ok(passportHolds(findings), JSON.stringify(findings))
    for (const check of [
      'start',
      'party-signatures',
      'log-inclusion',
      'head-signature',
      'head-matches',
      'head-fresh',
    ]) {
      assert.equal(verdicts[check], 'verified', check)
    }
    // The parties' keys have no certificates in this log, and nobody cosigned.
    assert.equal(verdicts['party-certificates'], 'unverified')
    assert.equal(verdicts['log-witnesses'], 'unverified')
    await assert.rejects(makePassport(log, { serial: new Uint8Array(8) }), { code: 'log-unproven' })
  })
})

suite('steps', () => {
  /** Loses the connection when the nth command has been carried out, before its answer arrives. */
  function cutAfter(transport: Transport, n: number): Transport {
    let count = 0
    return {
      async transmit(command) {
        if (count >= n) throw new StateError('gone', { code: 'transport-failed' })
        const answer = await transport.transmit(command)
        if (++count === n) throw new StateError('gone', { code: 'transport-failed' })
        return answer
      },
      close: async () => {},
    }
  }

  test('UNLOCK cut after any APDU is settled by running it again: one event, one entry', async () => {
    const issuer = await party('issuer')
    const manufacturer = await party('manufacturer')
    const mounter = await party('mounter')
    const chips = ramFactory(issuer.crypto)
    const { file } = await mask(issuer, maskInput())
    const names = Array.from({ length: 5 }, (_, i) => `c${i}`)
    const { deliveryNote } = await produce(manufacturer, { mask: file, factory: chips, names })
    for (const [i, name] of names.entries()) {
      const medium = chips.chips.get(name)!
      const serial = concat(u32(1), u32(i + 1))
      await mount(mounter, { chip: name, power: async () => powered(medium).transport, serial, deliveryNote })
      const { transport } = powered(medium)
      await assert.rejects(unlock(issuer, cutAfter(transport, i + 1), { mask: 'fleet' }), {
        code: 'transport-failed',
      })
      const again = await unlock(issuer, powered(medium).transport, { mask: 'fleet' })
      assert.equal((await readHead(plain(powered(medium).transport))).number, 2)
      const own = (await readOutbox(issuer)).filter((one) =>
        equal(parseEntry(parseDocument(one)).serial, serial),
      )
      assert.deepEqual(own.map(numberOf), [2], name)
      assert.deepEqual(again.serial, serial)
      assert.deepEqual(await issuer.store.list('intents/'), [])
    }
  })
})

suite('intents', () => {
  test('an intent is there while the step runs and gone after', async () => {
    const ports = await party('unit')
    const result = await step(ports, {
      name: 'a step',
      subject: '01',
      run: async () => (await ports.store.list('intents/')).length,
    })
    assert.equal(result, 1)
    assert.deepEqual(await ports.store.list('intents/'), [])
  })

  test('a step that was broken off is settled before it is done again', async () => {
    const ports = await party('unit')
    const lost = (): Promise<string> => {
      throw new StateError('gone', { code: 'transport-failed' })
    }
    const intent = Uint8Array.of(1, 2)
    await assert.rejects(step(ports, { name: 'a step', subject: '01', intent, run: lost }), {
      code: 'transport-failed',
    })
    await assert.rejects(step(ports, { name: 'another step', subject: '01', run: async () => '' }), {
      code: 'step-pending',
      message: /a step/,
    })
    const seen: Uint8Array[] = []
    const settle = async (found: Uint8Array): Promise<string | undefined> => {
      seen.push(found)
      return seen.length === 1 ? undefined : 'done before'
    }
    await assert.rejects(step(ports, { name: 'a step', subject: '01', intent, settle, run: lost }), {
      code: 'transport-failed',
    })
    const fails = async (): Promise<string> => assert.fail('was done already')
    assert.equal(
      await step(ports, { name: 'a step', subject: '01', intent, settle, run: fails }),
      'done before',
    )
    assert.deepEqual(seen, [intent, intent])
    assert.deepEqual(await ports.store.list('intents/'), [])
  })

  test('a refusal leaves no intent', async () => {
    const ports = await party('unit')
    const refused = async (): Promise<string> => {
      throw new StateError('not now')
    }
    await assert.rejects(step(ports, { name: 'a step', subject: '01', run: refused }), {
      code: 'wrong-state',
    })
    assert.deepEqual(await ports.store.list('intents/'), [])
  })

  test('a step records only events of its own types, and those of a broken-off step before it', async () => {
    const { modules } = await built
    const channel = plain(modules[0]!.transport)
    const ports = await party('unit')
    await assert.rejects(
      moduleStep(ports, channel, {
        name: 'a step',
        types: ['personalized'],
        run: async () => {
          throw new StateError('gone', { code: 'transport-failed' })
        },
      }),
      { code: 'transport-failed' },
    )
    const done = await moduleStep(ports, channel, {
      name: 'another',
      types: ['personalized'],
      run: async () => 1,
    })
    assert.deepEqual(done, { result: 1, entries: [] })
    assert.deepEqual(await readOutbox(ports), [])
  })
})

function numberOf(document: Uint8Array): number {
  return parseEntry(parseDocument(document)).number
}
