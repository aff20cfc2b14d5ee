import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command, parseResponse, serializeCommand } from '@sealwright/core/apdu'
import { concat, decodeHex, encodeHex, equal } from '@sealwright/core/bytes'
import {
  type CommandName,
  type CommandRow,
  commandByEntry,
  commands,
  type InputPath,
  type InputPathName,
  inputPaths,
  keyPlaces,
  keyVersions,
  type LoopMode,
  programInstructions,
  statusWordName,
  statusWords,
  unlockTries,
} from '@sealwright/core/catalog'
import { openScp03 } from '@sealwright/core/channel/scp03'
import { protectedTransport } from '@sealwright/core/channel/secure-messaging'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  customizationChannelKeys,
  parseChipStatus,
  parseSelfTest,
  recordsOfObject,
  scp03KeysOf,
  serializeAesKeyObject,
  serializeUnlockingData,
  serializeWriteRecords,
  type UnlockingData,
  type WriteRecord,
} from '@sealwright/core/customization'
import type { Crypto, Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import fc from 'fast-check'
import { vectorsInForce } from '../src/dispatch/vectors.ts'
import { openNvm } from '../src/eeprom/index.ts'
import { FailedModule, Module, startModule } from '../src/index.ts'
import { areaOf, type RamMedium, totalPages } from '../src/medium/index.ts'
import { maskedChip, powerUp, speak, transportTo, unlockWith, writeRecords } from '../src/testing/index.ts'
import { asIssuer, realCard } from './globalplatform/fixture.ts'
import { installApplication, load } from './globalplatform/management.ts'
import { activated, finish, masked, serial, software } from './product.ts'
import { wat } from './program/wat.ts'
import { committed } from './programs.ts'

// Fig. 4 as the table `inputPaths` has it: each path, in each of its modes, is brought about and compared with its row.

const none = new Uint8Array(0)
const inRam = maskedChip({
  crypto,
  program: committed('rom'),
  customization: committed('customization'),
  form: 'ram',
})
const info = programInstructions['PRODUCT INFO'].ins
const line = programInstructions['CHECK LINE'].ins
const trapping = 0xce
const documentKey = scriptedEntropy('document key').bytes(16)

/** A chip that waits for its next input. */
interface Stand {
  readonly medium: RamMedium
  readonly module: Module | FailedModule
}

/** What is sent to a chip that stands as the path's condition says. */
interface Way extends Stand {
  readonly input: Uint8Array
  /** Of paths whose status is their own. */
  readonly status?: number
}

type Make = (mode: LoopMode) => Way | Promise<Way>

test('[D12a] power-up reads every page: a chip with one that fails says so to SELF TEST, runs nothing else, and waits', async () => {
  const whole = await standing('user')
  const { geometry } = whole.medium
  const { first, pages } = areaOf(geometry, 'journal')
  const sound = whole.medium.snapshot()
  const faults: [name: string, medium: RamMedium, result: 'damaged' | 'rolled-back'][] = []
  for (let page = 0; page < totalPages(geometry); page++) {
    const medium = whole.medium.clone()
    medium.damage(page)
    // A torn page of the journal is what a loss of power leaves: it is settled.
    if (page >= first && page < first + pages) assert.ok(start(medium) instanceof Module, `page ${page}`)
    else faults.push([`page ${page}`, medium, 'damaged'])
  }
  const edited = (change: (pages: Map<number, Uint8Array>) => void): RamMedium => {
    const medium = whole.medium.clone()
    const pages = new Map([...sound.pages].map(([page, bytes]) => [page, bytes.slice()]))
    change(pages)
    medium.restore({ geometry, pages, damaged: new Set() })
    return medium
  }
  const rom = areaOf(geometry, 'rom').first
  faults.push(
    ['OTP bits that no step leads to', edited((pages) => pages.get(0)!.fill(0x20, 0, 1)), 'damaged'],
    ['a spare OTP bit', edited((pages) => pages.get(0)!.fill(1, 9, 10)), 'damaged'],
    ['no control page', edited((pages) => pages.get(1)!.fill(0x41, 0, 4)), 'damaged'],
    ['a mode mark of before', edited((pages) => pages.get(1)!.fill(2, 12, 13)), 'rolled-back'],
    ['a directory entry of no kind', edited((pages) => pages.get(2)!.fill(0xee, 0, 1)), 'damaged'],
    ['no ROM image', edited((pages) => pages.get(rom)!.fill(0x41, 0, 4)), 'damaged'],
    ['no ROM', edited((pages) => pages.delete(rom)), 'damaged'],
  )
  for (const [name, medium, result] of faults) {
    assert.throws(() => powerUp(crypto, medium), { code: /^memory-/ }, name)
    const module = start(medium)
    assert.ok(module instanceof FailedModule, name)
    const before = bytesOf(medium)
    for (const _ of [1, 2]) {
      const { data, sw } = parseResponse(module.transmit(decodeHex('8032000000')))
      assert.deepEqual([sw, parseSelfTest(data)], [0x9000, { result, bytesRead: 0 }], name)
      for (const other of ['8032010000', '8032000100', '8032000001AA', '0032000000']) {
        assert.equal(encodeHex(module.transmit(decodeHex(other))), '6581', name)
      }
      for (const row of Object.values(commands)) {
        if (row.ins === commands['SELF TEST'].ins) continue
        assert.equal(encodeHex(module.transmit(Uint8Array.of(0x80, row.ins, 0, 0))), '6581', name)
      }
      module.reset()
    }
    assert.equal(equal(bytesOf(medium), before), true, name)
  }
  assert.equal(faults.length, totalPages(geometry) - pages + 7)
})

test('[D12a] a page that fails while the chip runs is found by SELF TEST, and refuses the commands that need it', async () => {
  const { medium, module } = await standing('user')
  const good = parseSelfTest(parseResponse(module.transmit(decodeHex('8032000000'))).data)
  assert.deepEqual(good, { result: 'good', bytesRead: 256 * totalPages(medium.geometry) })
  const eeprom = areaOf(medium.geometry, 'eeprom')
  const last = eeprom.first + eeprom.pages - 1
  medium.damage(last)
  const { data, sw } = parseResponse(module.transmit(decodeHex('8032000000')))
  assert.deepEqual([sw, parseSelfTest(data)], [0x9000, { result: 'damaged', bytesRead: 256 * last }])
  assert.equal(parseResponse(module.transmit(decodeHex('8030000000'))).sw, 0x9000)
  medium.damage(eeprom.first + 1)
  assert.equal(encodeHex(module.transmit(decodeHex('80CA004500'))), '6581')
})

test('[D12a] what no longer fits together while the chip runs is found by SELF TEST too: one-time bits, mode mark, directory', async () => {
  // In user mode the vector of SELF TEST itself lies behind the directory.
  for (const mode of ['issuer', 'user'] as const) await findsMisfits(mode)
})

async function findsMisfits(mode: LoopMode): Promise<void> {
  const { medium, module } = await standing(mode)
  const { geometry, pages, damaged } = medium.snapshot()
  const edits: [page: number, at: number, byte: number, result: 'damaged' | 'rolled-back'][] = [
    [0, 9, 0x01, 'damaged'],
    [1, 12, 0x02, 'rolled-back'],
    [2, 0, 0xee, 'damaged'],
  ]
  for (const [page, at, byte, result] of edits) {
    const edited = new Map([...pages].map(([number, bytes]) => [number, bytes.slice()]))
    const bytes = edited.get(page) ?? new Uint8Array(256)
    bytes[at] = byte
    edited.set(page, bytes)
    medium.restore({ geometry, pages: edited, damaged })
    const { data, sw } = parseResponse(module.transmit(decodeHex('8032000000')))
    assert.deepEqual(
      [sw, sw === 0x9000 ? parseSelfTest(data).result : ''],
      page === 2 && mode === 'user' ? [0x6581, ''] : [0x9000, result],
    )
    medium.restore({ geometry, pages, damaged })
    assert.equal(parseSelfTest(parseResponse(module.transmit(decodeHex('8032000000'))).data).result, 'good')
  }
}

for (const name of Object.keys(inputPaths) as InputPathName[]) {
  const path: InputPath = inputPaths[name]
  test(`[D12b][D12c] ${name}: ${path.condition}`, async () => {
    for (const mode of path.modes) {
      const way = await ways[name](mode)
      const before = bytesOf(way.medium)
      const reply = way.module.transmit(way.input)
      // Exactly one status word that the catalog has, and no data with an error.
      const { data, sw } = parseResponse(reply)
      const text = `${mode}: ${encodeHex(way.input.subarray(0, 40))} → ${encodeHex(reply)}`
      if (sw !== 0x9000 && sw >>> 8 !== 0x61) assert.equal(data.length, 0, text)
      if (path.status === '61XX') assert.equal(sw >>> 8, 0x61, text)
      else if (path.status === 'own') assert.equal(sw, way.status ?? assert.fail(`${name}, ${mode}`), text)
      else assert.equal(sw, statusWords[path.status].sw, text)
      const after = bytesOf(way.medium)
      if (path.memory === 'same') assert.equal(equal(after, before), true, text)
      if (path.memory === 'try') onlyTheTry(before, after, text)
      if (path.volatile?.includes('the channel is closed') === true) {
        assert.equal(
          way.module instanceof Module ? way.module.parts.channels.current : 'no module',
          undefined,
          text,
        )
      }
      await waits(way, path.next ?? mode)
    }
  })
}

/** What an input without channel, chain, waiting answer or damage can come to, in each mode. */
const reached: Record<LoopMode, readonly InputPathName[]> = {
  failed: ['test-failed', 'test-failed-asked'],
  issuer: ['no-vector', 'unlock-length'],
  customization: ['customization-closed', 'no-channel', 'other-mode', 'unlock-length'],
  user: ['no-channel', 'no-vector', 'other-state', 'program', 'program-failed', 'program-incomplete'],
  terminated: ['no-vector'],
}

function everywhere(mode: LoopMode): readonly InputPathName[] {
  if (mode === 'failed') return ['malformed']
  const commandPaths = ['command', 'command-refused', 'part-of-answer', 'other-class'] as const
  return [
    ...commandPaths,
    'malformed',
    'no-answer-waits',
    'protected-without-channel',
    'segment',
    'segment-of-nothing',
  ]
}

test('[D12b] each input takes the first row that fits: every class and instruction in every mode, with data and without', async () => {
  const bodies = ['', '080102030405060708', '0801', '09'].map((hex) => decodeHex(hex))
  for (const mode of Object.keys(reached) as LoopMode[]) {
    const { medium, module } = await standing(mode)
    const before = bytesOf(medium)
    const seen = new Set<InputPathName>()
    for (let cla = 0; cla < 0x100; cla++) {
      for (let ins = 0; ins < 0x100; ins++) {
        for (const body of bodies) {
          // Writing the serial number is a test of its own.
          if (mode === 'issuer' && ins === commands['WRITE SERIAL'].ins && body.length > 8) continue
          // An Le and a wrong Lc change the way of commands that are answered, if of any.
          if ((body.length === 1 || body.length === 2) && cla !== 0x80 && cla !== 0x00) continue
          const input = concat(Uint8Array.of(cla, ins, 0, 0), body)
          const { revision } = medium
          const reply = module.transmit(input)
          const sw = (reply.at(-2)! << 8) | reply.at(-1)!
          const expected = expectedPaths(mode, module, cla, ins, body)
          const taken = expected.find((name) => fits(inputPaths[name], sw))
          const same = medium.revision === revision
          if (taken === undefined || (inputPaths[taken].memory !== 'own' && !same)) {
            assert.fail(
              `${mode}: ${encodeHex(input)} → ${sw.toString(16)}, expected ${expected.join(' or ')}`,
            )
          }
          seen.add(taken)
          if (taken === 'segment') module.reset()
        }
      }
    }
    assert.equal(equal(bytesOf(medium), before), true, mode)
    assert.deepEqual([...seen].sort(), [...reached[mode], ...everywhere(mode)].sort(), mode)
  }
})

test('[D12d] malformed input ends in one status and waiting, in every mode, state and channel; then the next good command works', async () => {
  const lengths = [0, 1, 2, 3]
  const malformed: Uint8Array[] = [
    ...lengths.map((length) => new Uint8Array(length)),
    ...lengths.map((length) => decodeHex('803200').subarray(0, length)),
    decodeHex('80320000 01'.replaceAll(' ', '')).slice(0, 5),
    decodeHex('8036000041'),
    concat(decodeHex('8036000040'), new Uint8Array(63)),
    concat(decodeHex('8036000040'), new Uint8Array(66)),
    decodeHex('803200000000'),
    concat(decodeHex('80320000000000'), Uint8Array.of(1)),
    concat(decodeHex('80320000000040'), new Uint8Array(63)),
    concat(decodeHex('80320000000040'), new Uint8Array(65)),
    concat(decodeHex('80320000000040'), new Uint8Array(67)),
    concat(decodeHex('8032000000FFFF'), new Uint8Array(0xfffe)),
    new Uint8Array(0x1_0000),
    new Uint8Array(0x1_0000).fill(0xff),
    new Uint8Array(0x1_0010).fill(0x80),
  ]
  // A header and one byte is a command with Le, whatever the byte: the fourth-shortest that is none has an Lc.
  const wrong = malformed.filter((bytes) => bytes.length !== 5)
  for (const [name, make] of Object.entries(stands)) {
    const { medium, module, channel } = await make()
    const before = bytesOf(medium)
    for (const input of wrong) {
      assert.equal(encodeHex(module.transmit(input)), '6700', `${name}: ${encodeHex(input.subarray(0, 12))}`)
    }
    assert.equal(equal(bytesOf(medium), before), true, name)
    // An open channel goes on, as if nothing had come.
    if (channel !== undefined) assert.equal((await speak(channel, 'SELF TEST')).sw, 0x9000, name)
    module.reset()
    await waits({ medium, module }, modeOf(module))
    // Malformed in the middle of a chain: the chain is gone, the next command is whole.
    const mode = modeOf(module)
    assert.equal(
      encodeHex(module.transmit(decodeHex('9030000001AA'))),
      mode === 'failed' ? '6581' : '9000',
      name,
    )
    assert.equal(encodeHex(module.transmit(new Uint8Array(3))), '6700', name)
    assert.equal(parseResponse(module.transmit(goodCommand(mode))).sw, 0x9000, name)
    await waits({ medium, module }, mode)
    assert.equal(equal(bytesOf(medium), before), true, name)
  }
})

test('[D12c][D12d] whatever bytes come, in whatever order: one known status each, no data with an error, and the chip still waits', async () => {
  const tail = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array({ maxLength: 80 }).map((data) => concat(Uint8Array.of(data.length), data)),
    fc.uint8Array({ maxLength: 80 }).map((data) => concat(Uint8Array.of(0, 0, data.length), data)),
    fc.constant(none),
  )
  const known = fc.constantFrom(...Object.values(commands).map(({ ins }) => ins), 0xc0, 0x38, line, info)
  const input = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc
      .tuple(fc.constantFrom(0x00, 0x10, 0x80, 0x84, 0x90, 0x94), known, fc.constantFrom(0, 0, 1, 0x80), tail)
      .map(([cla, ins, p1, rest]) => concat(Uint8Array.of(cla, ins, p1, 0), rest)),
  )
  for (const [name, make] of Object.entries(stands)) {
    const prepared = await make()
    const snapshot = prepared.medium.snapshot()
    fc.assert(
      fc.property(fc.array(input, { maxLength: 25 }), (inputs) => {
        const medium = prepared.medium.clone()
        medium.restore(snapshot)
        const module = start(medium)
        const mode = modeOf(module)
        for (const bytes of inputs) {
          const { data, sw } = parseResponse(module.transmit(bytes))
          assert.ok(statusWordName(sw) !== undefined || sw >>> 8 === 0x61, `${name}: ${sw.toString(16)}`)
          assert.notEqual(sw, 0x6f00, `${name}: ${encodeHex(bytes)}`)
          if (sw >= 0x6200) assert.equal(data.length * Number(sw !== 0x9000), 0, name)
        }
        assert.equal(modeOf(module), mode, name)
        module.reset()
        assert.equal(parseResponse(module.transmit(goodCommand(mode))).sw, 0x9000, name)
      }),
      { numRuns: 40 },
    )
  }
})

test('[D12c] after each refused input the next good one works: the whole way to user mode with a refusal between any two steps', async () => {
  const medium = masked.chip()
  const refusals = (module: Module): void => {
    for (const bytes of ['', '80', '80EE0000', '80360000', '8434000000', '0CC0000000', 'FF000000']) {
      const { sw } = parseResponse(module.transmit(decodeHex(bytes)))
      assert.ok(sw >= 0x6700 && sw < 0x7000, `${bytes} ${sw.toString(16)}`)
    }
  }
  let module = powerUp(crypto, medium)
  refusals(module)
  assert.equal((await speak(transportTo(module), 'WRITE SERIAL', serial)).sw, 0x9000)
  refusals(module)
  assert.equal(await unlockWith(module, { ...masked.unlocking, hash: new Uint8Array(32) }), 0x6982)
  assert.equal(await unlockWith(module, masked.unlocking), 0x9000)
  refusals(module)
  module = powerUp(crypto, medium)
  const channel = await channelTo(module)
  assert.equal((await speak(channel, 'WRITE', Uint8Array.of(1))).sw, 0x6a80)
  assert.equal((await finish(channel)).sw, 0x9000)
  refusals(module)
  assert.equal(modeOf(module), 'user')
})

/** How each path is brought about. A path that the catalog gets, and this does not, is a type error. */
const ways: Record<InputPathName, Make> = {
  'test-failed-asked': at('8032000000'),
  'test-failed': async (mode) => ({ ...(await standing(mode)), input: unlockInput() }),
  malformed: at('803200'),
  'rest-of-answer': async (mode) => {
    const stand = await standing(mode)
    assert.equal(encodeHex(stand.module.transmit(decodeHex('8030000010')).subarray(-2)), '614A')
    return { ...stand, input: decodeHex('00C0000000') }
  },
  'part-of-answer': at('8030000010'),
  'no-answer-waits': at('00C0000000'),
  'answer-badly-asked': async (mode) => {
    const stand = await standing(mode)
    stand.module.transmit(decodeHex('8030000010'))
    return { ...stand, input: decodeHex('00C0010000') }
  },
  'segment-of-nothing': at('90EE000001AA'),
  segment: at('9030000001AA'),
  'other-command-in-chain': begunWith('8032000000'),
  'chain-too-long': async (mode) => {
    const stand = await standing(mode)
    const segment = concat(decodeHex('90300000007FFF'), new Uint8Array(0x7fff))
    assert.equal(encodeHex(stand.module.transmit(segment)), '9000')
    return { ...stand, input: decodeHex('903000000200AA') }
  },
  'protected-without-channel': at('8430000008AAAAAAAAAAAAAAAA'),
  'wrong-mac': async (mode) => ({
    ...(await withChannel(mode)),
    input: decodeHex('8430000008AAAAAAAAAAAAAAAA'),
  }),
  'plain-in-channel': async (mode) => ({ ...(await withChannel(mode)), input: decodeHex('8032000000') }),
  'unlock-parameters': async (mode) => {
    const input = unlockInput()
    input[2] = 1
    return { ...(await standing(mode)), input }
  },
  'unlock-length': async (mode) => ({ ...(await standing(mode)), input: decodeHex('8036000001AA') }),
  'unlock-no-serial': () => {
    const medium = masked.chip()
    return { medium, module: start(medium), input: unlockInput() }
  },
  'unlock-there': async (mode) => ({ ...(await standing(mode)), input: unlockInput() }),
  'unlock-scrap': (mode) => (mode === 'issuer' ? scrap(masked, false) : scrap(inRam, true)),
  'unlock-invalid': async (mode) => {
    const stand = mode === 'issuer' ? await mountedChip(masked) : await volatileLost()
    // So that counting changes one byte and lays nothing new.
    const { objects, nvm } = (stand.module as Module).parts
    nvm.transaction((tx) => objects.put(tx, 'tries', 0, Uint8Array.of(1)))
    const { unlocking } = mode === 'issuer' ? masked : inRam
    return { ...stand, input: unlockInput({ ...unlocking, hash: unlocking.hash.map((byte) => byte ^ 1) }) }
  },
  unlock: async () => ({ ...(await mountedChip(masked)), input: unlockInput() }),
  'unlock-again': async () => ({ ...(await volatileLost()), input: unlockInput(inRam.unlocking) }),
  'no-vector': async (mode) => ({
    ...(await standing(mode)),
    input: mode === 'issuer' ? decodeHex('80540000') : unlockInput(),
  }),
  'customization-closed': at('8038000001AA'),
  'other-class': at('8130000000'),
  'software-gone': async () => {
    const { medium, module } = await volatileLost()
    const channel = await channelTo(module as Module, inRam.unlocking)
    return { medium, module, input: await channel.wrapped(0x38, Uint8Array.of(1)) }
  },
  'customization-software': async () => {
    const { medium, module } = await standing('customization')
    const channel = await channelTo(module as Module)
    const record: WriteRecord = { kind: 'put', object: 'product-data', id: 9, bytes: serial }
    const input = await channel.wrapped(0x38, serializeWriteRecords([record]))
    return { medium, module, input, status: 0x9000 }
  },
  'other-mode': at(`80${commands.PREPARE.ins.toString(16)}0000`),
  'other-state': at(`80${commands.PREPARE.ins.toString(16)}0000`),
  'no-channel': async (mode) => {
    const { ins } = mode === 'user' ? commands['PUT TRANSPORT KEY'] : commands.FINISH
    return { ...(await standing(mode)), input: Uint8Array.of(0x80, ins, 0, 0) }
  },
  'command-refused': async (mode) => ({
    ...(await standing(mode)),
    input: decodeHex('8030000100'),
    status: 0x6a86,
  }),
  command: at('8030000000'),
  finish: async () => {
    const stand = await standing('customization')
    const channel = await channelTo(stand.module as Module)
    return { ...stand, input: await channel.wrapped(commands.FINISH.ins, none) }
  },
  'program-incomplete': at(`80${info.toString(16)}0000`),
  'program-failed': async (mode) => ({
    ...(await standing(mode)),
    input: Uint8Array.of(0x80, trapping, 0, 0),
    status: 0x6985,
  }),
  program: at(`80${line.toString(16)}000001AA`),
  'application-selected': () => {
    const card = realCard()
    const file = decodeHex('F053504E01')
    const application = decodeHex('F053504E0101')
    const issuer = asIssuer(card)
    assert.equal(
      load(issuer, file, wat(`(module (memory (export "memory") 1) (func (export "process")))`)).sw,
      0x9000,
    )
    assert.equal(installApplication(issuer, file, application).sw, 0x9000)
    assert.equal(card.select(application).sw, 0x9000)
    // FF is nobody's instruction but the application's.
    return { medium: card.medium, module: card.module, input: decodeHex('80FF000000'), status: 0x9000 }
  },
  'memory-fails': async (mode) => {
    const stand = await standing(mode)
    const eeprom = areaOf(stand.medium.geometry, 'eeprom')
    stand.medium.damage(eeprom.first + 1)
    return { ...stand, input: decodeHex('8030000000') }
  },
  defect: async (mode) => {
    const { medium } = await standing(mode)
    const broken: Crypto = {
      ...crypto,
      sha256: () => {
        throw new RangeError('a defect')
      },
    }
    const module = new Module({ medium, crypto: broken, entropy: scriptedEntropy('chip') })
    return { medium, module, input: decodeHex('8030000000') }
  },
}

/** The paths that the rows allow for an input without channel, chain or waiting answer, from what the row says. */
function expectedPaths(
  mode: LoopMode,
  module: Stand['module'],
  cla: number,
  ins: number,
  body: Uint8Array,
): InputPathName[] {
  if (body.length === 2) return ['malformed']
  if (mode === 'failed' || module instanceof FailedModule) {
    const asked = cla === 0x80 && ins === commands['SELF TEST'].ins && body.length < 2
    return asked ? ['test-failed-asked'] : ['test-failed']
  }
  if ((cla & 0xfc) === 0 && ins === 0xc0) return ['no-answer-waits']
  const { life, rom, objects } = module.parts
  const vector = vectorsInForce(life.mode(), rom, objects).find((one) => one.ins === ins)
  const name = vector?.program === 0 ? commandByEntry.get(vector.function) : undefined
  const row: CommandRow | undefined = name === undefined ? undefined : commands[name]
  const iso = row?.class === 'iso'
  const takes = (bare: number): boolean => bare === 0x80 || (iso && bare === 0x00)
  if ((cla & 0x10) !== 0) {
    return vector !== undefined && takes(cla & ~0x10) ? ['segment'] : ['segment-of-nothing']
  }
  const setsUp = ins === commands['EXTERNAL AUTHENTICATE'].ins
  if ((cla & 0x04) !== 0 && !setsUp) return ['protected-without-channel']
  if (vector === undefined) return mode === 'customization' ? ['customization-closed'] : ['no-vector']
  if (!takes(setsUp ? cla & ~0x04 : cla)) return ['other-class']
  if (row === undefined) {
    return mode === 'customization' ? ['other-mode'] : ['program-incomplete', 'program-failed', 'program']
  }
  if (!row.modes.includes(mode)) return ['other-mode']
  if (mode === 'user' && row.states?.includes(life.state()) === false) return ['other-state']
  if (row.channel !== 'none') return ['no-channel']
  if (name === 'UNLOCK') return ['unlock-length']
  return ['part-of-answer', 'command', 'command-refused']
}

function fits({ status }: InputPath, sw: number): boolean {
  if (status === '61XX') return sw >>> 8 === 0x61
  if (status === 'own') return statusWordName(sw) !== undefined && sw !== 0x9000 && sw !== 0x6f00
  return sw === statusWords[status].sw
}

/** Chips in every mode and state that the loop knows, with the channel that is open, if one is. */
const stands: Record<string, () => Promise<Stand & { channel?: Transport }>> = {
  failed: () => standing('failed'),
  'issuer, blank': async () => {
    const medium = masked.chip()
    return { medium, module: start(medium) }
  },
  issuer: () => standing('issuer'),
  'issuer, scrap': () => scrap(masked, false),
  customization: () => standing('customization'),
  'customization, in its channel': () => withChannel('customization'),
  'customization, RAM form lost': volatileLost,
  user: () => standing('user'),
  'user, in a channel': () => withChannel('user'),
  terminated: () => standing('terminated'),
}

/** A chip of the mode, at rest. */
async function standing(mode: LoopMode): Promise<Stand> {
  if (mode === 'issuer') return mountedChip(masked)
  if (mode === 'failed') {
    const medium = masked.chip()
    medium.damage(5)
    return { medium, module: start(medium) }
  }
  const made = (await snapshots())[mode].clone()
  return { medium: made, module: start(made) }
}

let kept: Promise<Record<'customization' | 'user' | 'terminated', RamMedium>> | undefined

function snapshots(): NonNullable<typeof kept> {
  kept ??= (async () => {
    const { medium, module } = await mountedChip(masked)
    assert.equal(await unlockWith(module as Module, masked.unlocking), 0x9000)
    const channel = await channelTo(module as Module)
    assert.equal(await writeRecords(channel, productRecords()), 0x9000)
    const customization = medium.clone()
    assert.equal((await speak(channel, 'FINISH')).sw, 0x9000)
    const user = medium.clone()
    openNvm(medium).transaction((tx) => tx.setOtp('mode-terminated'))
    return { customization, user, terminated: medium.clone() }
  })()
  return kept
}

function productRecords(): WriteRecord[] {
  const failing = software(wat('(module (memory 1) (func (export "f1") unreachable))'), [])
  const places = [0, 1, 2].map(
    (i): WriteRecord => ({
      kind: 'put',
      object: 'key',
      id: keyPlaces.document + i,
      bytes: serializeAesKeyObject(documentKey.map((byte) => byte ^ i)),
    }),
  )
  return [
    ...recordsOfObject('software', 3, failing, crypto.sha256(failing)),
    ...places,
    { kind: 'put', object: 'product-data', id: 3, bytes: Uint8Array.of(1) },
    {
      kind: 'vectors',
      vectors: [
        { ins: info, program: 1, function: 1 },
        { ins: line, program: 1, function: 2 },
        { ins: trapping, program: 3, function: 1 },
      ],
    },
    ...activated(...natives),
  ]
}

const natives: CommandName[] = [
  'SELECT',
  'INITIALIZE UPDATE',
  'EXTERNAL AUTHENTICATE',
  'GET DATA',
  'CHIP STATUS',
  'SELF TEST',
  'PREPARE',
  'PUT TRANSPORT KEY',
  'FINISH',
]

async function mountedChip(of: { chip(): RamMedium }): Promise<Stand> {
  const medium = of.chip()
  const module = start(medium) as Module
  assert.equal((await speak(transportTo(module), 'WRITE SERIAL', serial)).sw, 0x9000)
  return { medium, module }
}

/** The RAM form, unlocked and then without power. */
async function volatileLost(): Promise<Stand> {
  const { medium, module } = await mountedChip(inRam)
  assert.equal(await unlockWith(module as Module, inRam.unlocking), 0x9000)
  return { medium, module: start(medium) }
}

async function scrap(of: typeof masked, unlocked: boolean): Promise<Way> {
  const { medium, module } = unlocked ? await volatileLost() : await mountedChip(of)
  const { objects, nvm } = (module as Module).parts
  nvm.transaction((tx) => objects.put(tx, 'tries', 0, Uint8Array.of(unlockTries)))
  return { medium, module, input: unlockInput(of.unlocking) }
}

async function withChannel(mode: LoopMode): Promise<Stand & { channel: Transport }> {
  const { medium, module } = await standing(mode)
  const channel = await channelTo(module as Module)
  return { medium, module, channel }
}

/** The customization channel, or in user mode that of the document key; `wrapped` protects a command without sending it. */
async function channelTo(
  module: Module,
  { key }: UnlockingData = masked.unlocking,
): Promise<Transport & { wrapped(ins: number, data: Uint8Array): Promise<Uint8Array> }> {
  const user = module.parts.life.mode() === 'user'
  const own = [0, 1, 2].map((i) => documentKey.map((byte) => byte ^ i))
  const set = user
    ? { enc: own[0]!, mac: own[1]!, dek: own[2]! }
    : customizationChannelKeys(crypto, key, serial)
  const transport = transportTo(module)
  const session = await openScp03(transport, {
    crypto,
    keys: scp03KeysOf(crypto, set),
    keyVersion: user ? keyVersions.document : keyVersions.customization,
    level: 0x33,
    hostChallenge: scriptedEntropy('host').bytes(8),
  })
  return {
    ...protectedTransport(transport, session),
    wrapped: async (ins, data) =>
      serializeCommand(session.wrap(command({ cla: 0x80, ins, data, le: 0x100 }))),
  }
}

function start(medium: RamMedium): Module | FailedModule {
  return startModule({
    medium,
    crypto,
    entropy: scriptedEntropy('chip'),
    report: (error) => {
      throw error
    },
  })
}

function at(hex: string): Make {
  return async (mode) => ({ ...(await standing(mode)), input: decodeHex(hex.toUpperCase()) })
}

/** The same with the first segment of a chain before it. */
function begunWith(hex: string): Make {
  return async (mode) => {
    const stand = await standing(mode)
    assert.equal(encodeHex(stand.module.transmit(decodeHex('9030000001AA'))), '9000')
    return { ...stand, input: decodeHex(hex) }
  }
}

function unlockInput(unlocking: UnlockingData = masked.unlocking): Uint8Array {
  return concat(decodeHex('8036000040'), serializeUnlockingData(unlocking))
}

function modeOf(module: Stand['module']): LoopMode {
  return module instanceof FailedModule ? 'failed' : module.parts.life.mode()
}

/** What the chip answers with 9000 whenever it waits. */
function goodCommand(mode: LoopMode): Uint8Array {
  return decodeHex(mode === 'failed' ? '8032000000' : '8030000000')
}

/** The chip waits, in this mode: the next command is answered, and after a loss of power too. */
async function waits({ medium, module }: Stand, mode: LoopMode): Promise<void> {
  module.reset()
  // A page that was damaged on purpose is whole again when it is written.
  const powered = [module, start(medium)]
  for (const chip of powered) {
    const { data, sw } = parseResponse(chip.transmit(goodCommand(modeOf(chip))))
    if (sw === 0x6581 || sw === 0x6f00) continue
    assert.equal(sw, 0x9000, mode)
    if (mode !== 'failed' && !(chip instanceof FailedModule)) assert.equal(parseChipStatus(data).mode, mode)
  }
}

/** One byte more than before, by one: the count of tries. */
function onlyTheTry(before: Uint8Array, after: Uint8Array, text: string): void {
  const changed = [...after.keys()].filter((i) => after[i] !== before[i])
  assert.deepEqual(
    changed.map((i) => [before[i], after[i]]),
    [[1, 2]],
    text,
  )
}

/** Every byte of the medium; a page that cannot be read counts as its number. */
function bytesOf(medium: RamMedium): Uint8Array {
  return concat(
    ...Array.from({ length: totalPages(medium.geometry) }, (_, page) => {
      try {
        return medium.read(page)
      } catch {
        return new Uint8Array(256).fill(page)
      }
    }),
  )
}
