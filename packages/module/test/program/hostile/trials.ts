import { strict as assert } from 'node:assert'
import { setFlagsFromString } from 'node:v8'
import { command, exchange } from '@sealwright/core/apdu'
import { encodeHex, equal } from '@sealwright/core/bytes'
import { type InterfaceName, interfaces, keyPlaces } from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import { dataAreaOf, serializeSoftware } from '@sealwright/core/customization'
import { serializeKeyPlace } from '@sealwright/core/key-download'
import { scriptedEntropy } from '@sealwright/core/testing'
import type * as EepromModule from '@sealwright/module/eeprom'
import type * as MediumModule from '@sealwright/module/medium'
import type * as ProgramModule from '@sealwright/module/program'
import type { CallResult, ProgramHost, ProgramInstance } from '@sealwright/module/program'
import type * as RomModule from '@sealwright/module/rom'
import type * as TestingModule from '@sealwright/module/testing'
import type * as RefusalModule from '../../../src/dispatch/refusal.ts'
import type * as CallModule from '../../../src/programs/call-in-transaction.ts'
import type * as AreaModule from '../../../src/programs/data-area.ts'
import type * as FrameModule from '../../../src/programs/frame.ts'
import type * as KeptModule from '../../../src/programs/kept-instances.ts'
import { committed } from '../../programs.ts'
import { hostile } from './sources.ts'
import type { AttackName } from './table.ts'

/** The module that an attack is tried on: the real one, or a test build. */
export interface Target {
  /** @param path of a file of packages/module/src */
  import<T>(path: string): Promise<T>
}

export interface Outcome {
  /** How it ended: `refused: CHECK` before it ran, the reason of its call, a status word, or what error came out of the module. */
  readonly end: string
  /** Whether it did what it is there for. */
  readonly succeeded: boolean
  /** What was seen of it, for the report. */
  readonly seen: string
}

type Trial = (target: Target) => Promise<Outcome>

/** Runs an attack. */
export function tryAttack(name: AttackName, target: Target): Promise<Outcome> {
  return trials[name](target)
}

/** How a program ends when it is compiled: `refused: CHECK`, what error came out, or `compiles`. */
export async function compiled(name: string, target: Target): Promise<string> {
  const loaded = await load(target, name)
  return typeof loaded === 'string' ? loaded : 'compiles'
}

/** Whether it left at least so much at address 0 of its memory, with so many units. */
function counts(name: AttackName, budget: number, least: number): Trial {
  return async (target) => {
    const run = await runs(target, name, { budget })
    const count = run.memory === undefined ? 0 : new DataView(run.memory.buffer).getUint32(0, true)
    return {
      end: run.end,
      succeeded: count >= least,
      seen: `${count} at address 0 after ${budget} units`,
    }
  }
}

/** Whether the host did at least so much work, with so many units. */
function worksHost(
  name: AttackName,
  budget: number,
  work: keyof Heard,
  least: number,
  grants?: readonly InterfaceName[],
): Trial {
  return async (target) => {
    const { end, heard } = await runs(target, name, { budget, ...(grants && { grants }) })
    return { end, succeeded: heard[work] >= least, seen: `${work}: ${heard[work]} on ${budget} units` }
  }
}

/** Whether an error comes out that is neither a refusal of the program nor the end of a call. */
function crashes(name: AttackName, number = 0): Trial {
  return async (target) => {
    const { end } = await runs(target, name, { number })
    return { end, succeeded: end.startsWith('error: '), seen: end }
  }
}

/** Whether the second call of an instance that is kept answers otherwise than the first. */
function remembers(name: AttackName): Trial {
  return async (target) => {
    const { KeptInstances } = await target.import<typeof KeptModule>('programs/kept-instances.ts')
    const program = await target.import<typeof ProgramModule>('program/index.ts')
    const { nvm } = await memory(target)
    const loaded = await load(target, name)
    if (typeof loaded === 'string') return { end: loaded, succeeded: false, seen: loaded }
    const kept = new KeptInstances<string>(nvm)
    const answer = (): string => {
      const { data, sw } = kept.call(1, {
        command: command({ cla: 0x80, ins: 0 }),
        source: name,
        make: (frame) => ({ ...loaded, host: { io: frame }, grants: new Set<InterfaceName>(['io']) }),
        writer: name,
        function: 0,
        budget: program.defaultBudget,
        fromSupplier: false,
      })
      return `${encodeHex(data)} ${sw.toString(16)}`
    }
    const [first, second] = [answer(), answer()]
    return {
      end: first.endsWith('9000') ? 'ends well' : first,
      succeeded: second !== first,
      seen: `${first}, then ${second}`,
    }
  }
}

/** Tries a program on a data area between two neighbours, in a transaction of its own. */
function inArea(
  name: AttackName,
  succeeded: (seen: {
    readonly data: Uint8Array
    readonly sw: number
    readonly area: string
    readonly behind: string
    /** The byte before the area. */
    readonly before: number
  }) => boolean,
): Trial {
  return async (target) => {
    const call = await target.import<typeof CallModule>('programs/call-in-transaction.ts')
    const { DataArea } = await target.import<typeof AreaModule>('programs/data-area.ts')
    const { nvm, objects } = await memory(target)
    const loaded = await load(target, name)
    if (typeof loaded === 'string') return { end: loaded, succeeded: false, seen: loaded }
    const { address } = objects.find('product-data', area)!
    let ended: CallResult | undefined
    const { data, sw } = call.callInTransaction(nvm, {
      writer: name,
      ...loaded,
      grants: new Set<InterfaceName>(['io', 'data']),
      function: 0,
      budget: 1_000_000,
      command: command({ cla: 0x80, ins: 0 }),
      host: (frame) => {
        const run = frame.run.bind(frame)
        frame.run = (instance, ...rest) => {
          const original = instance.call.bind(instance)
          instance.call = (...values) => {
            ended = original(...values)
            return ended
          }
          return run(instance, ...rest)
        }
        return { data: new DataArea({ objects }, frame, area) }
      },
    })
    const hex = (id: number): string => encodeHex(objects.read('product-data', id)!)
    const before = nvm.read(address - 1, 1)[0]!
    const seen = { data, sw, area: hex(area), behind: hex(area + 1), before }
    return {
      end: ended === undefined ? 'not called' : endOf(ended),
      succeeded: succeeded(seen),
      seen: `answer ${encodeHex(data)} ${sw.toString(16)}, area ${seen.area.slice(0, 8)}…, behind it ${seen.behind.slice(0, 8)}…`,
    }
  }
}

/** What the next program that shares the transaction's frame answers. */
function leaves(name: AttackName): Trial {
  return async (target) => {
    const { Frame, Stopped } = await target.import<typeof FrameModule>('programs/frame.ts')
    const { instantiate, defaultBudget } = await target.import<typeof ProgramModule>('program/index.ts')
    const { nvm } = await memory(target)
    const frame = new Frame(nvm)
    const call = { function: 0, budget: defaultBudget, fromSupplier: false }
    const answer = async (which: string): Promise<string> => {
      const loaded = await load(target, which)
      assert.ok(typeof loaded !== 'string')
      const instance = instantiate({ ...loaded, host: { io: frame }, grants: new Set<InterfaceName>(['io']) })
      try {
        const { data, sw } = frame.run(instance, call, command({ cla: 0x80, ins: 0 }))
        return `${Buffer.from(data).toString('latin1')} ${sw.toString(16)}`
      } catch (error) {
        if (error instanceof Stopped) return 'trap'
        throw error
      }
    }
    const end = await answer(name)
    const next = await answer('victim')
    return { end, succeeded: next !== 'mine 9000', seen: `the next answer is ${next}` }
  }
}

/** Customization software that is told to WRITE; what it does is seen in the module's objects. */
function customizes(
  name: AttackName,
  succeeded: (objects: InstanceType<typeof EepromModule.Objects>) => boolean,
): Trial {
  return async (target) => {
    const testing = await target.import<typeof TestingModule>('testing/index.ts')
    const masked = testing.maskedChip({ crypto, program: committed('rom'), customization: hostile(name) })
    const serial = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    const module = testing.powerUp(crypto, masked.chip())
    await testing.speak(testing.transportTo(module), 'WRITE SERIAL', serial)
    assert.equal(await testing.unlockWith(module, masked.unlocking), 0x9000)
    const channel = await testing.customizationChannel(crypto, module, masked.unlocking.key, serial)
    const { sw } = await testing.speak(channel, 'WRITE', Uint8Array.of(1))
    const done = succeeded(module.parts.objects)
    return { end: hex(sw), succeeded: done, seen: hex(sw) }
  }
}

const mib = 1024 * 1024

const trials: Readonly<Record<AttackName, Trial>> = {
  'memory-at-start': counts('memory-at-start', 1_000_000, 100),
  'memory-beyond': counts('memory-beyond', 10_000_000, 100),
  'memory-unpaid': counts('memory-unpaid', 3 * 8_192 + 2_000, 32),
  'table-giant': async (target) => {
    const before = process.memoryUsage().rss
    const { end, instance } = await runs(target, 'table-giant', {})
    const taken = process.memoryUsage().rss - before
    assert.ok(instance === undefined || instance.alive)
    return { end, succeeded: taken > 16 * mib, seen: `${Math.round(taken / mib)} MiB` }
  },
  'table-grow': counts('table-grow', 10_000, 1_000_000),
  'growth-refund': counts('growth-refund', 100_000, 1_000_000),
  fill: counts('fill', 100_000, 200),
  copy: counts('copy', 100_000, 200),
  init: counts('init', 100_000, 2_000),
  'table-copy': counts('table-copy', 3_000_000, 20_000),
  'table-init': counts('table-init', 200_000, 1_000),
  'fill-below-zero': counts('fill-below-zero', 100, 100),
  loop: counts('loop', 100_000, 2_000_000),
  'loop-head': counts('loop-head', 100_000, 2_000_000),
  'loop-heads': counts('loop-heads', 100_000, 5_000),
  subnormal: counts('subnormal', 1_000_000, 500),
  'call-tree': counts('call-tree', 100_000, 65_536),
  'arm-else': counts('arm-else', 200_000, 5_000),
  'after-block': counts('after-block', 200_000, 5_000),
  'body-long': counts('body-long', 100, 17_000),
  'return-early': counts('return-early', 200_000, 800_000),
  'spent-before-call': counts('spent-before-call', 200_000, 100),
  'spent-in-call': counts('spent-in-call', 200_000, 100),
  'end-unpaid': async (target) => {
    const run = await runs(target, 'end-unpaid', { budget: 2_150 })
    const left = run.result?.ok === true ? run.result.budgetLeft : 0
    return {
      end: run.end,
      succeeded: left < 0,
      seen: `${run.end}, ${left} units left, written ${run.heard.write}`,
    }
  },
  'added-spends': counts('added-spends', 200_000, 100),
  recursion: counts('recursion', 10_000_000, 4_000),
  'recursion-mutual': counts('recursion-mutual', 10_000_000, 4_000),
  'recursion-table': counts('recursion-table', 10_000_000, 4_000),
  'recursion-wide': counts('recursion-wide', 10_000_000, 60),
  'engine-stack': async (target) => {
    // At once what the engine else does some time after a function has run often.
    setFlagsFromString('--no-liftoff')
    try {
      const { end, result } = await runs(target, 'engine-stack', { budget: 100_000_000 })
      const detail = result?.ok === false ? result.detail : ''
      return { end, succeeded: /call stack/.test(detail), seen: detail }
    } finally {
      setFlagsFromString('--liftoff')
    }
  },
  'added-deep': counts('added-deep', 10_000_000, 1_501),
  'host-unpaid': worksHost('host-unpaid', 500_000, 'sign', 1_000),
  'host-unpaid-table': worksHost('host-unpaid-table', 500_000, 'sign', 1_000),
  'host-bytes': worksHost('host-bytes', 200_000, 'bytes', 10 * mib),
  'host-last-units': worksHost('host-last-units', 1_000, 'sign', 1),
  'export-imported': worksHost('export-imported', 20_000, 'mac', 100),
  ungranted: worksHost('ungranted', 1_000_000, 'sign', 1, ['io', 'data']),
  'ungranted-added': worksHost('ungranted-added', 1_000_000, 'sign', 1, ['io', 'data']),
  'pointer-source': async (target) => {
    const { end, heard } = await runs(target, 'pointer-source', {})
    return {
      end,
      succeeded: end === 'ends well' && heard.sign === 1 && heard.bytes === 0,
      seen: `${end}, ${heard.sign} signatures over ${heard.bytes} bytes`,
    }
  },
  'pointer-output': inArea('pointer-output', ({ data }) => data.length === 100),
  'pointer-destination': async (target) => {
    const { end, heard } = await runs(target, 'pointer-destination', {})
    return {
      end,
      succeeded: end.startsWith('error: ') && heard.bytes === 32,
      seen: `${end}, ${heard.bytes} bytes drawn`,
    }
  },
  'mac-by-parts': async (target) => {
    const { end, answer } = await runs(target, 'mac-by-parts', { budget: 1_000_000_000 })
    const mac = crypto.aes(verifyOnly).cmac(Buffer.from('pay a thousand to me'))
    return {
      end,
      succeeded: equal(answer, mac),
      seen: `answer ${encodeHex(answer)}, the MAC is ${encodeHex(mac)}`,
    }
  },
  'status-null': inArea('status-null', ({ sw }) => sw === 0x6000),
  'blocks-broken': crashes('blocks-broken'),
  'added-missing': crashes('added-missing'),
  'import-inherited': crashes('import-inherited'),
  'import-type': crashes('import-type'),
  'import-added-type': crashes('import-added-type'),
  'entry-type': crashes('entry-type'),
  'function-type': crashes('function-type', 1),
  'host-names': crashes('host-names'),
  'memory-64': crashes('memory-64'),
  'segment-outside': crashes('segment-outside'),
  'elements-outside': crashes('elements-outside'),
  'start-early': crashes('start-early'),
  'start-long': counts('start-long', 100_000, 1_000_000),
  'tail-call': counts('tail-call', 100_000, 2_000_000),
  'tail-call-table': counts('tail-call-table', 100_000, 2_000_000),
  'refusal-caught': counts('refusal-caught', 100_000, 400_000),
  'state-table-set': remembers('state-table-set'),
  'state-table-init': remembers('state-table-init'),
  'state-table-copy': remembers('state-table-copy'),
  'state-data-drop': remembers('state-data-drop'),
  'state-memory': remembers('state-memory'),
  'state-memory-size': remembers('state-memory-size'),
  'state-nan': remembers('state-nan'),
  'state-added': remembers('state-added'),
  'trap-survived': async (target) => {
    const { end, instance } = await runs(target, 'trap-survived', {})
    const second = endOf(instance!.call(0, 100_000))
    return { end, succeeded: second === 'ends well', seen: `${end}, then ${second}` }
  },
  'secret-left': async (target) => {
    const { end, instance } = await runs(target, 'secret-left', {})
    const renewed = instance!.renew()
    const left = instance!.memories().some(({ memory }) => Buffer.from(memory).includes(Buffer.from(secret)))
    return { end, succeeded: left && !renewed, seen: left ? 'found in its memory' : 'not in its memory' }
  },
  'read-before': inArea('read-before', ({ data, before }) => data.length === 1 && data[0] === before),
  'read-behind': inArea('read-behind', ({ data }) => encodeHex(data).includes('DDDD')),
  'write-behind': inArea('write-behind', ({ behind }) => behind.includes('EEEE')),
  'answer-left': leaves('answer-left'),
  'status-left': leaves('status-left'),
  'output-flood': async (target) => {
    const call = await target.import<typeof CallModule>('programs/call-in-transaction.ts')
    const { nvm } = await memory(target)
    const loaded = await load(target, 'output-flood')
    assert.ok(typeof loaded !== 'string')
    const end = outcomeOf(() => {
      const { sw } = call.callInTransaction(nvm, {
        writer: 'flood',
        ...loaded,
        grants: new Set<InterfaceName>(['io']),
        function: 0,
        budget: 1_000_000,
        command: command({ cla: 0x80, ins: 0 }),
        host: () => ({}),
      })
      return hex(sw)
    })
    return { end, succeeded: end.startsWith('error: '), seen: end }
  },
  'write-then-trap': inArea('write-then-trap', ({ area }) => area.startsWith('01020304')),
  'write-then-refuse': inArea('write-then-refuse', ({ area }) => area.startsWith('01020304')),
  'key-of-another': async (target) => {
    const key = scriptedEntropy('key of another').bytes(16)
    const { transport } = await product(target, 'key-of-another', ['io', 'mac'], key)
    const { data, sw } = await exchange(transport, command({ cla: 0x80, ins: 0xd0, le: 0x100 }))
    const mac = crypto.aes(key).cmac(new Uint8Array(16))
    return { end: hex(sw), succeeded: equal(data, mac), seen: `${encodeHex(data)} ${hex(sw)}` }
  },
  'status-again': async (target) => {
    const { transport, counted } = await product(target, 'status-again', ['io', 'data'])
    const end = await exchange(transport, command({ cla: 0x80, ins: 0xd0, le: 0x100 })).then(
      ({ sw }) => hex(sw),
      (error: Error) => `error: ${error.name}`,
    )
    return { end, succeeded: counted() === 2, seen: `${end}, carried out ${counted()} times` }
  },
  'key-own': customizes('key-own', (objects) => objects.find('key', keyPlaces.identity) !== undefined),
  'object-own': customizes('object-own', (objects) => objects.read('tries', 0)?.length === 2),
  'vector-nowhere': customizes('vector-nowhere', (objects) =>
    encodeHex(objects.read('vector-table', 0) ?? new Uint8Array(0)).includes('D40901'),
  ),
}

interface Heard {
  sign: number
  mac: number
  /** That the host worked on. */
  bytes: number
  write: number
}

interface Run {
  readonly end: string
  readonly result: CallResult | undefined
  readonly instance: ProgramInstance | undefined
  readonly memory: Uint8Array | undefined
  readonly heard: Heard
  readonly answer: Uint8Array
}

/** One call of a new instance, with a host that notes what it is asked for. */
async function runs(
  target: Target,
  name: AttackName,
  options: { readonly budget?: number; readonly grants?: readonly InterfaceName[]; readonly number?: number },
): Promise<Run> {
  const { budget = 1_000_000, grants = Object.keys(interfaces) as InterfaceName[], number = 0 } = options
  const { instantiate } = await target.import<typeof ProgramModule>('program/index.ts')
  const { Refusal } = await target.import<typeof RefusalModule>('dispatch/refusal.ts')
  const heard: Heard = { sign: 0, mac: 0, bytes: 0, write: 0 }
  const answer: number[] = []
  const host = listening(heard, answer, () => new Refusal('conditions-not-satisfied'))
  let instance: ProgramInstance | undefined
  let result: CallResult | undefined
  const loaded = await load(target, name)
  const end =
    typeof loaded === 'string'
      ? loaded
      : outcomeOf(() => {
          instance = instantiate({ ...loaded, host, grants: new Set(grants) })
          result = instance.call(number, budget)
          return endOf(result)
        })
  const own = instance?.memories().find((one) => one.name === 'own')?.memory
  return { end, result, instance, memory: own, heard, answer: Uint8Array.from(answer) }
}

/** The compiled program and its additional software, or how it was refused. */
async function load(
  target: Target,
  name: string,
): Promise<
  { readonly program: ProgramModule.CompiledProgram; readonly added?: ProgramModule.CompiledProgram } | string
> {
  const { compileProgram } = await target.import<typeof ProgramModule>('program/index.ts')
  let loaded: { program: ProgramModule.CompiledProgram; added?: ProgramModule.CompiledProgram } | undefined
  const end = outcomeOf(() => {
    loaded = { program: compileProgram(hostile(name)) }
    if (withAdded.has(name)) loaded.added = compileProgram(hostile(`${name}.added`))
    return ''
  })
  return end === '' ? loaded! : end
}

const withAdded: ReadonlySet<string> = new Set<AttackName>([
  'added-deep',
  'added-missing',
  'added-spends',
  'export-imported',
  'import-added-type',
  'state-added',
  'ungranted-added',
])

/** How it ended, or which error came out. */
function outcomeOf(work: () => string): string {
  try {
    return work()
  } catch (error) {
    const { check, name } = error as { check?: string; name: string }
    return check === undefined ? `error: ${name}` : `refused: ${check}`
  }
}

function endOf(result: CallResult): string {
  return result.ok ? 'ends well' : result.reason
}

const secret = Uint8Array.from({ length: 24 }, (_, i) => 0xc0 + i)
const verifyOnly = Uint8Array.from({ length: 16 }, (_, i) => 3 * i + 7)

/** A host that answers and notes; its key is for verifying only. */
function listening(heard: Heard, answer: number[], refusal: () => Error): ProgramHost {
  const key = crypto.aes(verifyOnly)
  return {
    io: {
      command: { ins: 0, p1: 0, p2: 0, data: secret },
      fromSupplier: false,
      output: (memory, from, length) => void answer.push(...memory.subarray(from, from + length)),
      status: () => {},
    },
    data: {
      size: 64,
      read: () => {},
      write: (_offset, bytes) => {
        heard.write += bytes.length
      },
    },
    random: {
      bytes: (length) => {
        heard.bytes += length
        return new Uint8Array(length).fill(0xaa)
      },
    },
    mac: {
      cmac: (_place, data, use) => {
        heard.mac++
        heard.bytes += data.length
        if (data.length > 1024) return new Uint8Array(16)
        if (use !== 'verify') throw refusal()
        return key.cmac(data)
      },
    },
    cipher: {
      encrypt: (_place, iv, data) => key.cbcEncrypt(iv, data),
      decrypt: (_place, iv, data) => key.cbcDecrypt(iv, data),
    },
    sign: {
      sign: (data) => {
        heard.sign++
        heard.bytes += data.length
        return new Uint8Array(64).fill(0x51)
      },
    },
    clock: { now: () => 1 },
  }
}

/** A module in user mode whose instruction D0 runs f1 of the hostile program; where another program's key lies. */
async function product(
  target: Target,
  name: AttackName,
  granted: readonly ('io' | 'data' | 'mac')[],
  key = scriptedEntropy(name).bytes(16),
) {
  const testing = await target.import<typeof TestingModule>('testing/index.ts')
  const { serializeVectors } = await target.import<typeof RomModule>('rom/index.ts')
  const place = 0x0100_0001
  const { module } = testing.customizedModule({
    crypto,
    eepromSize: 32 * 1024,
    operating: true,
    prepare({ tx, objects, keys }) {
      objects.put(tx, 'vector-table', 0, serializeVectors([{ ins: 0xd0, program: 3, function: 1 }]))
      const software = { version: 1, interfaces: granted, budget: 1_000_000, keyPlaces: [] } as const
      objects.put(tx, 'software', 3, serializeSoftware({ ...software, program: hostile(name) }))
      objects.put(tx, 'product-data', dataAreaOf(3), new Uint8Array(8))
      const used = serializeKeyPlace({ kind: 'application', usage: 'M6', source: 0 })
      objects.put(tx, 'key-place', place, used)
      keys.putAes(tx, place, key)
    },
  })
  return {
    transport: testing.transportTo(module),
    counted: () => module.parts.objects.read('product-data', dataAreaOf(3))![0]!,
  }
}

const area = 0x142
const size = 40

/** A memory with a program's data area between two neighbours. */
async function memory(target: Target) {
  const { openNvm, Objects } = await target.import<typeof EepromModule>('eeprom/index.ts')
  const { geometryFor, RamMedium } = await target.import<typeof MediumModule>('medium/index.ts')
  const nvm = openNvm(new RamMedium(geometryFor(32 * 1024)))
  const objects = new Objects(nvm)
  nvm.transaction((tx) => {
    objects.put(tx, 'product-data', area - 1, new Uint8Array(size).fill(0xbb))
    objects.put(tx, 'product-data', area, new Uint8Array(size).fill(0xcc))
    objects.put(tx, 'product-data', area + 1, new Uint8Array(size).fill(0xdd))
  })
  return { nvm, objects }
}

function hex(sw: number): string {
  return sw.toString(16).toUpperCase().padStart(4, '0')
}
