import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, concat, equal } from '@sealwright/core/bytes'
import { portableCrypto } from '@sealwright/core/crypto'
import fc from 'fast-check'
import { type ObjectKind, Objects, openNvm } from '../eeprom/index.ts'
import { cutModes, geometryFor, type Medium, pageSize, RamMedium, type Snapshot } from '../medium/index.ts'
import { memoryImage } from '../memory-image/index.ts'
import type { OtpBit } from '../otp/index.ts'
import { Ram } from '../ram/index.ts'
import {
  CutFailure,
  everyPowerCut,
  type ObjectChange,
  objectScenario,
  plainMemory,
  replay,
  type Scenario,
  sealedMemory,
  type Verdict,
} from './index.ts'

const geometry = geometryFor(32 * 1024)
const sealed = sealedMemory(portableCrypto)

test('[R1a][R1b] random transactions: every cut, torn, unreadable or reordered, leaves the old state or the new', async () => {
  const change = fc.record({
    kind: fc.constantFrom<ObjectKind>('key', 'event', 'software'),
    id: fc.nat(2),
    bytes: fc.option(fc.uint8Array({ maxLength: 900 }), { nil: undefined }),
  })
  const changes = fc.array(change, { minLength: 1, maxLength: 4 })
  const bit = fc.constantFrom<OtpBit | undefined>(undefined, 'test', 'mode-customization')
  const added: ObjectChange = { kind: 'receipt', id: 9, bytes: ascii('so that something changes') }
  const total = { cuts: 0 }
  await fc.assert(
    fc.asyncProperty(changes, changes, bit, fc.nat(10_000), async (before, after, otp, seed) => {
      const scenario = objectScenario('objects', before, [...after, added], otp)
      total.cuts += (await everyPowerCut(scenario, { seeds: [1, seed + 2] })).cuts
    }),
    { numRuns: 10 },
  )
  assert.ok(total.cuts > 100, `${total.cuts} cuts`)
})

test('[R1c] the restart after each cut is itself cut at every step, and the outcome stays', async () => {
  const before: ObjectChange[] = [{ kind: 'key', id: 1, bytes: new Uint8Array(40).fill(1) }]
  const after: ObjectChange[] = [
    { kind: 'key', id: 1, bytes: new Uint8Array(600).fill(2) },
    { kind: 'key', id: 2, bytes: new Uint8Array(16).fill(3) },
  ]
  const scenario = objectScenario('depth', before, after, 'mode-customization')
  const report = await everyPowerCut(scenario, { seeds: [1, 2, 3], depth: 2 })
  const shallow = await everyPowerCut(scenario, { seeds: [1, 2, 3] })
  assert.ok(report.cuts > 3 * shallow.cuts, `${report.cuts} and ${shallow.cuts}`)
  assert.equal(report.recoveries, report.cuts)
})

test('[R1a][R1b] random transactions on a sealed memory: every cut, of the counter too, leaves the old state or the new', async () => {
  const change = fc.record({
    kind: fc.constantFrom<ObjectKind>('key', 'event'),
    id: fc.nat(2),
    bytes: fc.option(fc.uint8Array({ maxLength: 500 }), { nil: undefined }),
  })
  const changes = fc.array(change, { minLength: 1, maxLength: 3 })
  const bit = fc.constantFrom<OtpBit | undefined>(undefined, 'test')
  const added: ObjectChange = { kind: 'receipt', id: 9, bytes: ascii('so that something changes') }
  const total = { cuts: 0 }
  await fc.assert(
    fc.asyncProperty(changes, changes, bit, fc.nat(10_000), async (before, after, otp, seed) => {
      const scenario = objectScenario('objects', before, [...after, added], otp)
      total.cuts += (await everyPowerCut(scenario, { seeds: [seed + 1], memory: sealed })).cuts
    }),
    { numRuns: 4 },
  )
  assert.ok(total.cuts > 100, `${total.cuts} cuts`)
})

test('[R1c] on a sealed memory too the restart is cut at every step, those of the counter and the seal among them', async () => {
  const key: ObjectChange = { kind: 'key', id: 1, bytes: new Uint8Array(40).fill(2) }
  const scenario = objectScenario('sealed-depth', [], [key], 'test')
  const options = { memory: sealed, modes: ['torn', 'lost'] as const, depth: 2 as const }
  const report = await everyPowerCut(scenario, options)
  const plain = await everyPowerCut(scenario, { ...options, memory: plainMemory })
  assert.ok(report.cuts > plain.cuts, `${report.cuts} and ${plain.cuts}`)
})

test('[R1d] a failure on a sealed memory says so in its id, and is replayed by it', async () => {
  const scenario = objectScenario('broken', [], [{ kind: 'key', id: 1, bytes: new Uint8Array(600).fill(3) }])
  // Programs that no transaction covers: a cut between them is noticed by the seal, and the memory does not start.
  const broken: Scenario = {
    ...scenario,
    repeatable: false,
    run: (medium) => {
      for (const page of [100, 101]) medium.program(page, new Uint8Array(pageSize).fill(5))
      medium.sync()
    },
  }
  let id = ''
  await assert.rejects(everyPowerCut(broken, { memory: sealed, modes: ['whole'] }), (error) => {
    assert.ok(error instanceof CutFailure)
    id = error.id
    return true
  })
  assert.equal(id, 'broken:sealed-whole:2')
  await assert.rejects(replay(broken, id, [sealed]), (error: CutFailure) => {
    assert.deepEqual([error.id, (error.cause as { code?: string }).code], [id, 'memory-stale'])
    assert.match(error.message, /page 100 \(eeprom\) is of commit \d+, and the seal record of \d+/)
    return true
  })
  await assert.rejects(replay(broken, id), { code: 'usage' })
  assert.equal(await replay(scenario, 'broken:sealed-torn/7:1', [plainMemory, sealed]), 'old')
  assert.equal(await replay(scenario, 'broken:sealed-torn/7:7,2', [plainMemory, sealed]), 'new')
})

test('both outcomes occur, and each program before the commit is the old state', async () => {
  const scenario = objectScenario('commit', [], [{ kind: 'key', id: 1, bytes: new Uint8Array(16).fill(7) }])
  const verdicts: Verdict[] = []
  await everyPowerCut(
    {
      ...scenario,
      repeatable: false,
      check: (medium) => {
        const verdict = scenario.check(medium) as Verdict
        verdicts.push(verdict)
        return verdict
      },
    },
    { modes: ['whole'] },
  )
  // Two looks after each cut, and after the run that came through. Program 1 is the commit.
  assert.deepEqual(verdicts, ['old', 'old', ...Array.from({ length: verdicts.length - 2 }, () => 'new')])
})

test('formatting a blank EEPROM survives every cut', async () => {
  const report = await everyPowerCut({
    name: 'format',
    prepare: () => new RamMedium(geometry).snapshot(),
    run: (medium) => void openNvm(medium),
    check: (medium) => {
      openNvm(medium)
      return 'new'
    },
    repeatable: true,
  })
  assert.ok(report.cuts > 0)
})

test('[D8a] an OTP bit set before a cut is set after it, whatever the cut', async () => {
  const medium = new RamMedium(geometry)
  openNvm(medium).transaction((tx) => tx.setOtp('mode-customization'))
  await everyPowerCut(
    {
      name: 'otp',
      prepare: () => medium.snapshot(),
      run: (one) => openNvm(one).transaction((tx) => tx.setOtp('wipe-intent')),
      check: (one) => {
        const { otp } = openNvm(one)
        assert.equal(otp.test('mode-customization'), true)
        return otp.test('wipe-intent') ? 'new' : 'old'
      },
    },
    { seeds: [1, 2, 3], depth: 2 },
  )
})

test('a key written before the commit is only in the journal, after it only in its place, after a cut in one or none', async () => {
  const canary = ascii('canary of a key in flight 0123456789')
  const medium = new RamMedium(geometry)
  openNvm(medium)
  const sections = (one: Medium): string[] =>
    memoryImage({ medium: one, ram: new Ram() })
      .search(canary)
      .map(({ section }) => section)
  const seen: string[][] = []
  const run = (one: Medium): void => {
    const objects = new Objects(openNvm(one))
    objects.nvm.transaction((tx) => objects.put(tx, 'key', 1, canary))
  }
  const watched = medium.clone()
  run({
    geometry,
    get revision() {
      return watched.revision
    },
    read: (page) => watched.read(page),
    lend: (page) => watched.lend(page),
    program: (page, bytes) => watched.program(page, bytes),
    sync: () => seen.push(sections(watched)),
  })
  assert.deepEqual(seen, [['journal'], ['eeprom', 'journal'], ['eeprom']])
  const report = await everyPowerCut({
    name: 'canary',
    prepare: () => medium.snapshot(),
    run,
    check: (one) => {
      const found = new Objects(openNvm(one)).has('key', 1)
      assert.deepEqual(sections(one), found ? ['eeprom'] : [])
      return found ? 'new' : 'old'
    },
  })
  assert.ok(report.cuts > 0)
})

test('a key removed is nowhere, or wholly there, after every cut', async () => {
  const canary = concat(ascii('canary of a key that goes '), new Uint8Array(300).fill(0x77))
  const medium = new RamMedium(geometry)
  const objects = new Objects(openNvm(medium))
  objects.nvm.transaction((tx) => objects.put(tx, 'key', 1, canary))
  const part = canary.subarray(0, 24)
  await everyPowerCut({
    name: 'remove',
    prepare: () => medium.snapshot(),
    run: (one) => {
      const again = new Objects(openNvm(one))
      again.nvm.transaction((tx) => again.remove(tx, 'key', 1))
    },
    check: (one) => {
      const found = new Objects(openNvm(one)).has('key', 1)
      const places = memoryImage({ medium: one, ram: new Ram() }).search(found ? canary : part)
      assert.equal(places.length, found ? 1 : 0)
      return found ? 'old' : 'new'
    },
  })
})

/** What memory would be without a journal: two pages that must change together. */
const withoutJournal: Scenario = {
  name: 'without-journal',
  prepare: (): Snapshot => new RamMedium(geometry).snapshot(),
  run: (medium) => {
    for (const page of [1, 2]) medium.program(page, new Uint8Array(pageSize).fill(5))
    medium.sync()
  },
  check: (medium) => {
    const [one, two] = [medium.read(1), medium.read(2)]
    if (!equal(one, two) || new Set(one).size !== 1) throw new Error('half of it is written')
    return one[0] === 5 ? 'new' : 'old'
  },
}

test('[R1d] a scenario that a cut breaks fails with an id that replays the same cut', async () => {
  for (const mode of cutModes) {
    let failure: CutFailure | undefined
    // Of programs that may be lost, chance finds the broken combination.
    const seeds = Array.from({ length: 20 }, (_, i) => i + 1)
    await everyPowerCut(withoutJournal, { modes: [mode], seeds }).catch((error: unknown) => {
      assert.ok(error instanceof CutFailure)
      failure = error
    })
    assert.ok(failure !== undefined, mode)
    assert.match(failure.id, new RegExp(`^without-journal:${mode}(/\\d+)?:[12]$`))
    assert.ok(failure.message.includes(failure.id))
    await assert.rejects(replay(withoutJournal, failure.id), { name: 'CutFailure', id: failure.id })
  }
})

test('[R1d] a replay of a cut that is survived returns its state, at depth 2 too', async () => {
  const scenario = objectScenario('again', [], [{ kind: 'key', id: 1, bytes: new Uint8Array(16).fill(7) }])
  assert.equal(await replay(scenario, 'again:whole:1'), 'old')
  assert.equal(await replay(scenario, 'again:torn/4:2'), 'new')
  assert.equal(await replay(scenario, 'again:whole:2,1'), 'new')
  for (const id of ['other:whole:1', 'again:sideways:1', 'again:whole', 'again:whole:1,99']) {
    await assert.rejects(replay(scenario, id), { code: 'usage' })
  }
})

test('a scenario that writes nothing is refused', async () => {
  const idle: Scenario = { ...withoutJournal, run: () => undefined, check: () => 'new' }
  await assert.rejects(everyPowerCut(idle), { code: 'usage' })
})

test('a missing sync at the end is found', async () => {
  const unsynced: Scenario = {
    ...withoutJournal,
    run: (medium) => medium.program(1, new Uint8Array(pageSize).fill(5)),
    check: (medium) => {
      const page = medium.read(1)
      if (new Set(page).size !== 1) throw new Error('torn')
      return page[0] === 5 ? 'new' : 'old'
    },
  }
  const seeds = Array.from({ length: 10 }, (_, i) => i + 1)
  await assert.rejects(everyPowerCut(unsynced, { modes: ['lost'], seeds }), CutFailure)
})

test('a loss of power that the software turned into an answer still counts as a cut', async () => {
  const scenario = objectScenario('quiet', [], [{ kind: 'key', id: 1, bytes: new Uint8Array(16).fill(7) }])
  const run = (medium: Medium): void => {
    try {
      scenario.run(medium, 'first')
    } catch {}
  }
  const loud = await everyPowerCut({ ...scenario, repeatable: false })
  const quiet = await everyPowerCut({ ...scenario, repeatable: false, run })
  assert.deepEqual(quiet, loud)
})
