import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { concat } from '@sealwright/core/bytes'
import { commands } from '@sealwright/core/catalog'
import { type CborInput, encodeCanonical } from '@sealwright/core/cbor'
import { DecodeError } from '@sealwright/core/errors'
import {
  mostPersons,
  parseApproval,
  parseRoster,
  prepareEnrolmentRequest,
  serializeApprovalRequest,
} from '@sealwright/core/people'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseCertificate } from '@sealwright/core/x509'
import { enrol, key, revoke, roster } from '@sealwright/roles/central'
import * as person from '@sealwright/roles/person'
import { memoryPorts, type PartyPorts, type Store } from '@sealwright/roles/ports'
import { parseGivenApprovals, readRecords, requestApproval, takeRoster } from '@sealwright/roles/unit'
import { nodeCrypto } from '../src/crypto/index.ts'
import { broken, requireOne, transportOf } from './personalization-world.ts'
import {
  approvals,
  ask,
  centralOf,
  copyOf,
  device,
  enrolled,
  nextModule,
  personalizeWith,
  ruled,
  rulesWorld,
} from './unit-rules-world.ts'

// A unit whose key lies in a file: the host checks what a signing card would check by itself.

const refused = (reason: string) => (error: { code?: string; details?: { reason?: string } }) => {
  assert.equal(error.code, 'approval-refused', String(error))
  assert.equal(error.details?.reason, reason)
  return true
}

describe('two people', () => {
  test('[B17a] one asks, another approves, and the unit signs; without a roster it needs nobody', async () => {
    const world = await rulesWorld()
    await ruled(world)
    await assert.rejects(personalizeWith(world), { code: 'approval-missing' })
    const given = await approvals(world, await ask(world))
    const done = await personalizeWith(world, given)
    assert.deepEqual(done.approved, { requester: 'anna', approver: 'berta' })
    await requireOne(world)
    // The certificate is bound to the nonce that both have signed, and what they signed is kept.
    const { nonce } = parseApproval(given[0]).approval
    assert.deepEqual(done.operating.certificate?.binding?.nonce, nonce)
    const kept = (await world.unit.store.list('approvals/given/'))[0]!
    assert.deepEqual(parseGivenApprovals((await world.unit.store.read(kept))!), given)
    const free = await rulesWorld()
    assert.equal((await personalizeWith(free)).approved, undefined)
  })

  test('[B17b][B17c] one alone, the same one twice, and the requester as approver sign nothing', async () => {
    const world = await rulesWorld()
    await ruled(world)
    const request = await ask(world)
    const [asked, approved] = await approvals(world, request)
    await assert.rejects(personalizeWith(world, [asked]), refused('count'))
    await assert.rejects(personalizeWith(world, [asked, asked]), refused('same-person'))
    await assert.rejects(personalizeWith(world, [approved, approved]), refused('same-person'))
    const source = { roster: await world.roster(), ...centralOf(world) }
    const { anna, carla } = world.people
    // Her own device refuses already.
    await assert.rejects(person.readAsked(anna, asked, source), refused('same-person'))
    const own = await person.consent(carla, await person.readRequest(carla, request))
    const shown = await person.readRequest(carla, request)
    const twice = await person.consent(carla, shown)
    await assert.rejects(personalizeWith(world, [own, twice]), refused('same-person'))
    assert.equal((await readRecords(world.unit, world.fixture.serial)).length, 0)
    // Which of the two it is, is told; what is wrong with both together names none.
    const bent = approved.with(-1, approved.at(-1)! ^ 1)
    await assert.rejects(personalizeWith(world, [asked, bent]), {
      message: /^approval 2 does not count: it is not signed/,
      details: { reason: 'signature', approval: 2 },
    })
    await assert.rejects(personalizeWith(world, [asked]), {
      message: /^the approvals do not count: two approvals/,
      details: { reason: 'count' },
    })
    await personalizeWith(world, [asked, approved])
  })

  test('[B17d] an approval for another module, of another unit, and of no request of this unit sign nothing', async () => {
    const world = await rulesWorld()
    await ruled(world)
    const given = await approvals(world, await ask(world))
    const other = nextModule(world, 9)
    await assert.rejects(personalizeWith(other, given), refused('matter'))
    // A second unit of the same customer, with the same persons.
    const second = await rulesWorld()
    await ruled(second)
    await assert.rejects(personalizeWith(second, given), refused('nonce'))
    await personalizeWith(world, given)
  })

  test('approvals count for one run: another one needs its own', async () => {
    const world = await rulesWorld()
    await ruled(world)
    const given = await approvals(world, await ask(world))
    await personalizeWith(world, given)
    // The same module once more, as if it had been depersonalized.
    const again = { ...world, fixture: nextModule(world, 8).fixture }
    await assert.rejects(personalizeWith(again, given), refused('nonce'))
  })

  test('an approval ends with its time, and the last second counts', async () => {
    const world = await rulesWorld()
    await ruled(world)
    const unit = parseCertificate(world.unitCertificate)
    const { serial } = world.fixture
    const { document, request } = await requestApproval(world.unit, { serial, unit, hours: 1 })
    const given = await approvals(world, document)
    world.clock.advance(3601)
    assert.equal(world.clock.now(), request.until + 1)
    await assert.rejects(personalizeWith(world, given), refused('ended'))
    await assert.rejects(approvals(world, document), refused('ended'))
    const later = await requestApproval(world.unit, { serial, unit, hours: 1 })
    const inTime = await approvals(world, later.document)
    world.clock.advance(3600)
    await personalizeWith(world, inTime)
  })

  test('nobody signs for longer than a week, and what is signed for longer does not count', async () => {
    const world = await rulesWorld()
    await ruled(world)
    const unit = parseCertificate(world.unitCertificate)
    const { serial } = world.fixture
    await assert.rejects(requestApproval(world.unit, { serial, unit, hours: 169 }), { code: 'usage' })
    const { request } = await requestApproval(world.unit, { serial, unit, hours: 168 })
    const long = { ...request, until: request.until + 1 }
    await assert.rejects(approvals(world, serializeApprovalRequest(long)), refused('ended'))
    // A device that would sign it all the same.
    const { anna, berta } = world.people
    const slow = (ports: PartyPorts): PartyPorts => ({ ...ports, clock: { now: () => long.until } })
    const forged = await approvals(world, serializeApprovalRequest(long), [slow(anna), slow(berta)])
    await assert.rejects(personalizeWith(world, forged), refused('ended'))
    await personalizeWith(world, await approvals(world, serializeApprovalRequest(request)))
  })

  test('a revoked person does not count from the next roster on, and no earlier roster brings her back', async () => {
    const world = await rulesWorld()
    await ruled(world)
    const before = await world.roster()
    const given = await approvals(world, await ask(world))
    await revoke(world.central, { id: 'berta' })
    await ruled(world)
    await assert.rejects(personalizeWith(world, given), refused('revoked'))
    await assert.rejects(takeRoster(world.unit, { roster: before, ...centralOf(world) }), {
      code: 'roster-refused',
      details: { reason: 'older' },
    })
    const { anna, carla } = world.people
    await personalizeWith(world, await approvals(world, await ask(world), [anna, carla]))
  })

  test('a roster ends: a unit that hears of none any more stops', async () => {
    const world = await rulesWorld()
    await ruled(world)
    world.clock.advance(89 * 86_400)
    const given = await approvals(world, await ask(world))
    world.clock.advance(86_400)
    await personalizeWith(world, given)
    const other = nextModule(world, 9)
    const late = await approvals(world, await ask(other))
    world.clock.advance(1)
    await assert.rejects(personalizeWith(other, late), refused('roster-ended'))
    await roster(world.central, { days: 90 })
    await ruled(world)
    await personalizeWith(other, late)
  })

  test('rosters of another central system, and of one whose fingerprint was not told, are not taken', async () => {
    const world = await rulesWorld()
    const other = await rulesWorld()
    const { fingerprint, document } = await key({ ...other.people.anna, party: 'central' }, { name: 'evil' })
    const evil = { central: document, centralFingerprint: fingerprint }
    const good = await world.roster()
    await assert.rejects(takeRoster(world.unit, { roster: good, ...evil }), { code: 'roster-refused' })
    const told = { ...centralOf(world), centralFingerprint: fingerprint }
    await assert.rejects(takeRoster(other.unit, { roster: good, ...told }), { code: 'fingerprint-differs' })
    // What was refused has pinned nobody; the first roster that is taken does.
    assert.deepEqual(await world.unit.store.list('approvals/'), [])
    await ruled(world)
    await assert.rejects(takeRoster(world.unit, { roster: good, ...evil }), { code: 'not-trusted' })
  })
})

describe('what a unit asks for', () => {
  test('nothing is asked for without a roster, for another key, or for no time', async () => {
    const world = await rulesWorld()
    const unit = parseCertificate(world.unitCertificate)
    const { serial } = world.fixture
    await assert.rejects(requestApproval(world.unit, { serial, unit }), { code: 'roster-missing' })
    await ruled(world)
    for (const hours of [0, -1, 1.5, Number.NaN]) {
      await assert.rejects(requestApproval(world.unit, { serial, unit, hours }), { code: 'usage' })
    }
    const root = parseCertificate(world.order.root)
    await assert.rejects(requestApproval(world.unit, { serial, unit: root }), { code: 'usage' })
    assert.deepEqual(await world.unit.store.list('approvals/requests/'), [])
  })

  test('another central system than the one of the roster gets no certificate', async () => {
    const world = await rulesWorld()
    await ruled(world)
    const given = await approvals(world, await ask(world))
    const other = await key({ ...world.people.carla, party: 'central' }, { name: 'central system' })
    const order = { ...world.order, central: other.document, centralFingerprint: other.fingerprint }
    await assert.rejects(personalizeWith({ ...world, order }, given), { code: 'not-trusted' })
    await personalizeWith(world, given)
  })
})

describe('what is kept', () => {
  test('bytes that are no approval are refused by their place, whichever it is', async () => {
    const world = await rulesWorld()
    await ruled(world)
    const [asked, approved] = await approvals(world, await ask(world))
    const noise = Uint8Array.of(1, 2, 3)
    for (const [documents, approval] of [
      [[noise, approved], 1],
      [[asked, noise], 2],
      [[asked, await world.roster()], 2],
    ] as const) {
      await assert.rejects(personalizeWith(world, documents), {
        code: 'approval-refused',
        details: { reason: 'malformed', approval },
      })
    }
  })

  test('approvals that were kept are read as they were written, and nothing else is', () => {
    const map = (fields: Record<string, CborInput>) =>
      encodeCanonical({ v: 1, format: 'sealwright given approvals', ...fields })
    const documents = [Uint8Array.of(1), Uint8Array.of(2, 3)]
    const bytes = map({ documents })
    assert.deepEqual(parseGivenApprovals(bytes), documents)
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parseGivenApprovals(bytes.subarray(0, length)), DecodeError)
    }
    for (const wrong of [
      map({ documents: [1] }),
      map({}),
      map({ documents, more: 1 }),
      concat(bytes, bytes),
    ]) {
      assert.throws(() => parseGivenApprovals(wrong), DecodeError)
    }
  })
})

describe('broken off', () => {
  test('an hour later the time of the first BEGIN is old: people are asked again', async () => {
    const world = await rulesWorld()
    await ruled(world)
    const given = await approvals(world, await ask(world))
    const below = transportOf(world)
    const cutInComplete: Transport = {
      async transmit(command) {
        if (command[1] === commands.COMPLETE.ins) throw broken()
        return below.transmit(command)
      },
      close: () => below.close(),
    }
    await assert.rejects(personalizeWith(world, given, cutInComplete), { code: 'transport-failed' })
    world.clock.advance(3600)
    await assert.rejects(personalizeWith(world, given), refused('nonce'))
    await personalizeWith(world, await approvals(world, await ask(world)))
  })
})

describe('what the host cannot enforce', () => {
  test('[B17a] a unit without its roster signs for one alone: the rule lies in the store, and the report says so', async () => {
    const world = await rulesWorld()
    await ruled(world)
    await assert.rejects(personalizeWith(world), { code: 'approval-missing' })
    await world.unit.store.remove('approvals/roster')
    const done = await personalizeWith(world)
    assert.equal(done.approved, undefined)
    await requireOne(world)
  })

  test('approvals without a roster are refused, not ignored', async () => {
    const world = await rulesWorld()
    await ruled(world)
    const given = await approvals(world, await ask(world))
    await world.unit.store.remove('approvals/roster')
    await assert.rejects(personalizeWith(world, given), { code: 'roster-missing' })
  })

  test('a copy of the store of yesterday takes the same approvals once more', async () => {
    const world = await rulesWorld()
    await ruled(world)
    const given = await approvals(world, await ask(world))
    const yesterday = await copyOf(world.unit.store)
    await personalizeWith(world, given)
    const again = { ...world, fixture: nextModule(world, 8).fixture }
    await assert.rejects(personalizeWith(again, given), refused('nonce'))
    const restored = { ...again, unit: { ...world.unit, store: yesterday } }
    await personalizeWith(restored, given)
  })
})

describe('enrolment', () => {
  test('a person is known by the key that the fingerprint told, under one tag, for good', async () => {
    const world = await rulesWorld()
    const { central, clock } = world
    const emil = await device('emil', clock)
    const made = await person.init(emil, { id: 'emil' })
    const input = { request: made.document, duties: ['approve'], actions: ['personalize'] } as const
    const wrong = (await person.show(world.people.anna)).fingerprint
    await assert.rejects(enrol(central, { ...input, fingerprint: wrong }), { code: 'fingerprint-differs' })
    const first = await enrol(central, { ...input, fingerprint: made.fingerprint })
    assert.equal(first.roster.number, 4)
    // Other duties for the same person and key.
    const more = await enrol(central, {
      ...input,
      duties: ['approve', 'request'],
      fingerprint: made.fingerprint,
    })
    assert.equal(more.roster.persons.length, 4)
    assert.deepEqual(more.roster.persons.find(({ id }) => id === 'emil')?.duties, ['request', 'approve'])
    await assert.rejects(person.init(emil, { id: 'emily' }), { code: 'enrolment-refused' })
    for (const id of ['Emil', 'ému', 'a b', '']) {
      const fresh = await memoryPorts('person', { clock, entropy: scriptedEntropy('fresh') })
      await assert.rejects(person.init(fresh, { id }), { code: 'usage' })
      assert.equal(await fresh.vault.has(person.approvalKey), false, 'nothing was made')
    }
  })

  test('a tag that is or was taken, one that reads like it, and a key that is or was enrolled are refused', async () => {
    const world = await rulesWorld()
    const { central, clock } = world
    const make = async (id: string, seed = id) => {
      const ports = await device(seed, clock)
      await ports.store.remove('person')
      return enrolled(world, ports, id, ['approve'])
    }
    await assert.rejects(make('anna', 'x1'), { code: 'enrolment-refused' })
    await assert.rejects(make('an-na', 'x2'), { code: 'enrolment-refused' })
    await assert.rejects(make('dora', 'berta'), { code: 'enrolment-refused' })
    await revoke(central, { id: 'anna' })
    await assert.rejects(make('anna', 'x3'), { code: 'enrolment-refused' })
    await assert.rejects(make('anna-2', 'anna'), { code: 'enrolment-refused' })
    const { roster: last } = await make('anna-2', 'x4')
    assert.deepEqual(
      last.persons.map(({ id, revoked }) => [id, revoked !== undefined]),
      [
        ['anna', true],
        ['anna-2', false],
        ['berta', false],
        ['carla', false],
      ],
    )
    assert.equal((await revoke(central, { id: 'anna' })).roster.number, last.number, 'revoked once')
    await assert.rejects(revoke(central, { id: 'nobody' }), { code: 'enrolment-refused' })
  })

  test('nobody enrolled, no duty, no such action, and no days that a roster may count are refused', async () => {
    const empty = await memoryPorts('central', {
      clock: (await rulesWorld()).clock,
      entropy: scriptedEntropy('empty central'),
    })
    await assert.rejects(roster(empty), { code: 'roster-missing' })
    const world = await rulesWorld()
    const emil = await device('emil', world.clock)
    const { document: request, fingerprint } = await person.init(emil, { id: 'emil' })
    const input = { request, fingerprint, duties: ['approve'], actions: ['personalize'] } as const
    for (const wrong of [
      { duties: [] },
      { actions: [] },
      { duties: ['sign'] as never },
      { actions: ['personalize', 'anything'] as never },
      { days: 0 },
      { days: 401 },
      { days: 1.5 },
    ]) {
      await assert.rejects(enrol(world.central, { ...input, ...wrong }), { code: 'usage' })
    }
    assert.equal((await world.central.store.list('rosters/')).length, 3)
    for (const days of [1, 400]) {
      const { until, issued } = (await enrol(world.central, { ...input, days })).roster
      assert.equal(until - issued, days * 86_400)
    }
  })

  test('a full roster loses who was revoked first, and without one takes nobody', async () => {
    const world = await rulesWorld()
    const crowd = ['d', 'e', 'f'].flatMap((a) => 'bcdefghjkm'.split('').map((b) => `${a}${b}${a}`))
    let full = 0
    for (const id of crowd.slice(0, mostPersons - 3)) {
      const { roster: made } = await enrolled(world, await device(id, world.clock), id, ['approve'])
      full = made.persons.length
    }
    assert.equal(full, mostPersons)
    const last = await device('zoe', world.clock)
    await assert.rejects(enrolled(world, last, 'zoe', ['approve']), { code: 'enrolment-refused' })
    await revoke(world.central, { id: 'carla' })
    world.clock.advance(10)
    await revoke(world.central, { id: 'berta' })
    const { roster: made } = await enrolled(world, last, 'zoe', ['approve'])
    const ids = made.persons.map(({ id }) => id)
    assert.deepEqual([ids.length, ids.includes('carla'), ids.includes('berta')], [mostPersons, false, true])
    // Whoever is no longer in it stays known: neither tag nor key comes back.
    await assert.rejects(enrolled(world, world.people.carla, 'carla', ['approve']), {
      code: 'enrolment-refused',
    })
  })

  test('a device approves only what a person of the roster has asked for and signed', async () => {
    const world = await rulesWorld()
    await ruled(world)
    const { berta, carla } = world.people
    const request = await ask(world)
    const source = async () => ({ roster: await world.roster(), ...centralOf(world) })
    const [asked, approved] = await approvals(world, request)
    const stranger = await device('stranger', world.clock)
    const strange = await person.consent(stranger, await person.readRequest(stranger, request))
    await assert.rejects(person.readAsked(berta, strange, await source()), refused('not-enrolled'))
    const bent = asked.with(-1, asked.at(-1)! ^ 1)
    await assert.rejects(person.readAsked(berta, bent, await source()), { code: 'authentication-failed' })
    await assert.rejects(person.readAsked(carla, approved, await source()), refused('no-request'))
    const noise = { ...(await source()), roster: asked }
    await assert.rejects(person.readAsked(berta, asked, noise), { code: 'roster-refused' })
    const shown = await person.readAsked(berta, asked, await source())
    assert.equal(shown.requester?.id, 'anna')
    await revoke(world.central, { id: 'anna' })
    await assert.rejects(person.readAsked(berta, asked, await source()), refused('revoked'))
  })

  test('[X9a] a key that was published is enrolled for nobody', async () => {
    const world = await rulesWorld()
    const scalar = Uint8Array.from({ length: 32 }, (_, i) => i + 1)
    const published = nodeCrypto.ecPrivateKey(scalar)
    const { publicPoint } = published
    const unsigned = prepareEnrolmentRequest({ id: 'emil', point: publicPoint }, nodeCrypto)
    const request = unsigned.finish(published.sign(unsigned.toBeSigned))
    const fingerprint = nodeCrypto.sha256(publicPoint)
    const input = { request, fingerprint, duties: ['approve'], actions: ['personalize'] } as const
    await assert.rejects(enrol(world.central, input), { code: 'test-key' })
    assert.equal((await world.central.store.list('rosters/')).length, 3)
  })

  test('[R2a] the central system dies before or after any write: no two rosters or tickets of one number', async () => {
    for (const written of [false, true]) {
      const world = await rulesWorld()
      const emil = await device('emil', world.clock)
      const dying = (at: number): Store => {
        let count = 0
        return {
          ...world.central.store,
          async write(name, bytes) {
            count++
            if (count === at && written) await world.central.store.write(name, bytes)
            if (count >= at) throw broken()
            await world.central.store.write(name, bytes)
          },
        }
      }
      const central = { ...world.central, store: dying(1) }
      await assert.rejects(enrolled({ central }, emil, 'emil', ['approve']), { code: 'transport-failed' })
      const { roster: made } = await enrolled(world, emil, 'emil', ['approve'])
      assert.equal(made.number, written ? 5 : 4)
      assert.equal((await world.central.store.list('rosters/')).length, made.number)
      assert.equal(made.persons.length, 4)
    }
  })

  test('numbers of rosters rise by one, each is signed by the key of the known central key', async () => {
    const world = await rulesWorld()
    const names = await world.central.store.list('rosters/')
    const numbers = await Promise.all(
      names.map(async (name) => parseRoster((await world.central.store.read(name))!).roster.number),
    )
    assert.deepEqual(numbers, [1, 2, 3])
  })
})
