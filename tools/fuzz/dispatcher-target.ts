import { type CommandName, commands } from '@sealwright/core/catalog'
import { securityLevels } from '@sealwright/core/channel/secure-messaging'
import { sweepValue } from './bytes-mutation.ts'
import type { Dictionary } from './dictionary.ts'
import { bytesFromHex } from './hex.ts'
import { type Chip, Line } from './line.ts'
import type { Random } from './random.ts'
import { smallerBytes } from './smaller-bytes.ts'
import {
  type ChannelChoice,
  type CommandStep,
  forms,
  instructionName,
  type OpenStep,
  readStep,
  type Step,
  writeStep,
} from './step.ts'
import { mutateStructured } from './structure-mutation.ts'
import type { Target } from './target.ts'

export interface DispatcherInput {
  readonly chip: string
  readonly steps: readonly Step[]
}

const mostSteps = 64
const longestData = 4_096

/**
 * Modules, from the memory of a chip on: sequences of commands with resets and losses of power between, through channels too.
 * @param transcripts sequences that are known to lead somewhere, by the chip's name
 * @param names each of these commands is tried with each chip at the beginning
 */
export function dispatcherTarget(
  chips: readonly Chip[],
  transcripts: ReadonlyMap<string, readonly (readonly Step[])[]>,
  dictionary: Dictionary,
  names: readonly CommandName[] = Object.keys(commands) as CommandName[],
): Target<DispatcherInput> {
  const byName = new Map(chips.map((chip) => [chip.name, chip]))
  const known = [...transcripts.values()].flat(2)
  /** Genuine data of each instruction. */
  const genuine = new Map<number, CommandStep[]>()
  for (const step of known) {
    if (step.kind === 'command') genuine.set(step.ins, [...(genuine.get(step.ins) ?? []), step])
  }

  /** A command as its catalog row has it, with data that it was once sent with. */
  function tried(name: CommandName): Step[] {
    const row = commands[name]
    const secured = row.channel !== 'none'
    const bare: CommandStep = {
      kind: 'command',
      ...{ cla: row.class === 'iso' ? 0x00 : 0x80, ins: row.ins, p1: 0, p2: 0, data: new Uint8Array(0) },
      ...{ le: 256, form: 'short', secured },
    }
    const more =
      name === 'IMPORT KEY' ? [...(genuine.get(commands.PREPARE.ins) ?? []), importOf(unknownKey)] : []
    return [
      ...(row.channel === 'none' ? [] : [opening(row.channel)]),
      bare,
      ...(genuine.get(row.ins) ?? []).slice(0, 3),
      ...more,
    ]
  }

  function* seeds(): Iterable<DispatcherInput> {
    for (const { name: chip } of chips) {
      const known = transcripts.get(chip) ?? []
      for (const steps of known) yield { chip, steps }
      // A power-up costs as much as some commands: several go together where a transcript has shown the chip.
      const together = known.length === 0 ? 1 : 12
      for (let at = 0; at < names.length; at += together) {
        yield {
          chip,
          steps: names
            .slice(at, at + together)
            .flatMap(tried)
            .slice(0, mostSteps),
        }
      }
    }
  }

  return {
    name: 'dispatcher',
    batch: 32,
    seeds,
    run: ({ chip, steps }) => new Line(byName.get(chip)!).run(steps),
    subject: ({ chip, steps }) => {
      const last = steps.findLast((step) => step.kind === 'command')
      return last === undefined ? chip : instructionName(last.ins)
    },
    mutate(input: DispatcherInput, random: Random, pick, turn) {
      if (turn % 3 === 2) return { ...input, steps: sweepField(input.steps, Math.floor(turn / 3)) }
      const chip = random.oneIn(40) ? random.pick(chips)!.name : input.chip
      const steps = [...input.steps]
      for (let n = 1 + random.small(6); n > 0; n--)
        mutateSteps(steps, { random, dictionary, pick: () => pick().steps, genuine })
      return { chip, steps: steps.slice(0, mostSteps) }
    },
    *smaller({ chip, steps }) {
      for (let size = steps.length; size >= 1; size >>= 1) {
        for (let at = 0; at < steps.length; at += size) yield { chip, steps: steps.toSpliced(at, size) }
      }
      for (const [at, step] of steps.entries()) {
        for (const simpler of simplerSteps(step)) yield { chip, steps: steps.with(at, simpler) }
      }
    },
    write: ({ chip, steps }) => ({ chip, steps: steps.map(writeStep) }),
    read(value) {
      const { chip, steps } = value as { chip: string; steps: unknown[] }
      if (!byName.has(chip)) throw new Error(`there is no chip ${chip}`)
      return { chip, steps: steps.map(readStep) }
    },
  }
}

interface StepWorld {
  readonly random: Random
  readonly dictionary: Dictionary
  pick(): readonly Step[]
  readonly genuine: ReadonlyMap<number, readonly CommandStep[]>
}

function mutateSteps(steps: Step[], world: StepWorld): void {
  const { random } = world
  const at = random.below(steps.length + 1)
  const step = steps[at]
  switch (random.below(14)) {
    case 0:
      steps.splice(at, 1)
      return
    case 1:
      if (step !== undefined) steps.splice(at, 0, step)
      return
    case 2:
      steps.splice(at, 0, newStep(world))
      return
    case 3: {
      const other = world.pick()
      const from = random.below(other.length + 1)
      steps.splice(at, random.small(4), ...other.slice(from, from + 1 + random.small(8)))
      return
    }
    case 4:
      if (steps.length > 1) {
        const to = random.below(steps.length)
        const one = steps[Math.min(at, steps.length - 1)]!
        steps[Math.min(at, steps.length - 1)] = steps[to]!
        steps[to] = one
      }
      return
    case 5:
      if (random.oneIn(4)) steps.splice(at)
      return
    default: {
      // Towards the end, where what came before has led somewhere.
      const late = random.oneIn(2) ? steps.length - 1 - random.small(4) : at
      const chosen = steps[late]
      if (chosen !== undefined) steps[late] = mutateStep(chosen, world)
      else steps.push(newStep(world))
    }
  }
}

function opening(channel: ChannelChoice['channel']): OpenStep {
  return channel === 'security-domain'
    ? { kind: 'open', channel, protocol: 'scp03', version: 0, level: 0x33 }
    : { kind: 'open', channel }
}

function newOpening(random: Random): OpenStep {
  const channel = random.pick(channels)!
  if (channel === 'supplier')
    return { kind: 'open', channel, resource: random.oneIn(4) ? random.below(256) : 1 }
  if (channel !== 'security-domain') return { kind: 'open', channel }
  const protocol = random.pick(['scp03', 'scp03', 'scp11a', 'scp11b', 'scp11c'] as const)!
  const version = random.pick([0, 1, 2, 3, 0x30, 0xff, random.below(256)])!
  const level = random.oneIn(2) ? 0x33 : random.pick(securityLevels)!
  return { kind: 'open', channel, protocol, version, level, ...(random.oneIn(4) ? { s16: true } : {}) }
}

const channels = [
  'customization',
  'later-customization',
  'document',
  'personalization',
  'central',
  'supplier',
  'security-domain',
  'security-domain',
] as const satisfies readonly ChannelChoice['channel'][]

/** One field of one command changed, the last command's first: P1, P2, INS, CLA and the first bytes of data, in turn to all values. */
function sweepField(steps: readonly Step[], turn: number): Step[] {
  const places: ((value: number) => Step[])[] = []
  for (const [at, step] of [...steps.entries()].reverse()) {
    if (step.kind !== 'command') continue
    for (const field of ['p1', 'p2', 'ins', 'cla'] as const) {
      places.push((value) => steps.with(at, { ...step, [field]: value }))
    }
    for (let i = 0; i < Math.min(4, step.data.length); i++) {
      places.push((value) => steps.with(at, { ...step, data: step.data.with(i, value) }))
    }
  }
  const change = places[turn % places.length]
  return change === undefined ? [...steps] : change(sweepValue(Math.floor(turn / places.length)))
}

function newStep({ random, dictionary, genuine }: StepWorld): Step {
  switch (random.below(8)) {
    case 0:
      return { kind: random.oneIn(3) ? 'power' : 'reset' }
    case 1:
    case 2:
      return newOpening(random)
    default: {
      const row = random.pick(Object.values(commands))!
      const known = random.pick(genuine.get(row.ins) ?? [])
      if (known !== undefined && !random.oneIn(4)) return known
      const data = random.pick(dictionary.tokens) ?? new Uint8Array(0)
      return {
        kind: 'command',
        ...{ cla: row.class === 'iso' && random.oneIn(2) ? 0x00 : 0x80, ins: row.ins },
        ...{ p1: random.small(256), p2: random.small(256), data: data.subarray(0, longestData), le: 256 },
        ...{ form: 'short', secured: row.channel !== 'none' },
      }
    }
  }
}

function mutateStep(step: Step, world: StepWorld): Step {
  const { random } = world
  switch (step.kind) {
    case 'wire':
      return {
        kind: 'wire',
        bytes: mutateStructured(step.bytes, world, otherData(world)).subarray(0, longestData),
      }
    case 'open':
    case 'reset':
    case 'power':
      return newStep(world)
    case 'command':
      return random.oneIn(24) ? { kind: 'wire', bytes: wireOf(step) } : mutateCommand(step, world)
    default:
      return step satisfies never
  }
}

function mutateCommand(step: CommandStep, world: StepWorld): CommandStep {
  const { random, dictionary } = world
  const number = () => (random.oneIn(2) ? random.below(256) : (random.pick(dictionary.numbers) ?? 0) & 0xff)
  switch (random.below(20)) {
    case 0:
      return { ...step, cla: random.oneIn(2) ? step.cla ^ (1 << random.below(8)) : number() }
    case 1:
      return { ...step, ins: random.oneIn(8) ? number() : random.pick(Object.values(commands))!.ins }
    case 2:
      return { ...step, p1: number() }
    case 3:
      return { ...step, p1: step.p1 ^ (1 << random.below(8)) }
    case 4:
      return { ...step, p2: number() }
    case 5: {
      const { le: _, ...rest } = step
      return random.oneIn(2) ? rest : { ...step, le: 1 + random.below(256) }
    }
    case 6:
      return { ...step, form: random.pick(forms)! }
    case 7:
      return { ...step, secured: !step.secured }
    case 8: {
      if (!random.oneIn(4)) return step
      return { ...step, tamper: { at: random.below(step.data.length + 16), xor: 1 << random.below(8) } }
    }
    case 9: {
      if (step.ins === commands['IMPORT KEY'].ins && random.oneIn(2)) return sealedImport(random)
      const same = random.pick(world.genuine.get(step.ins) ?? [])
      return same === undefined ? step : { ...step, data: same.data }
    }
    default: {
      const data = mutateStructured(step.data, world, otherData(world)).subarray(0, longestData)
      return { ...step, data }
    }
  }
}

function otherData(world: StepWorld): Uint8Array {
  const step = world.random.pick(world.pick())
  return step?.kind === 'command' ? step.data : step?.kind === 'wire' ? step.bytes : new Uint8Array(0)
}

/** IMPORT KEY whose message is sealed for the module; what it says is changed from there. */
function sealedImport(random: Random): CommandStep {
  return importOf(random.bytes(16))
}

/** Not one of the published keys, which only test modules take. */
const unknownKey = bytesFromHex('8F1B63D20C7A95E4413876CD5AF09E27')

function importOf(key: Uint8Array): CommandStep {
  const attributes = new TextEncoder().encode('M6AC01N')
  return {
    kind: 'command',
    ...{ cla: 0x80, ins: commands['IMPORT KEY'].ins, p1: 0x01, p2: 0 },
    data: Uint8Array.of(0xa1, 0x01, 0, 0, 0, 9, ...attributes, key.length, ...key),
    ...{ le: 256, form: 'short', secured: false, sealed: true },
  }
}

/** As one APDU, without core's writer: extended when the data asks for it. */
function wireOf({ cla, ins, p1, p2, data, le }: CommandStep): Uint8Array {
  const long = data.length > 255
  const lc = data.length === 0 ? [] : long ? [0, data.length >> 8, data.length & 0xff] : [data.length]
  const tail = le === undefined ? [] : long ? [le >> 8, le & 0xff] : [le & 0xff]
  return Uint8Array.of(cla, ins, p1, p2, ...lc, ...data, ...tail)
}

function* simplerSteps(step: Step): Iterable<Step> {
  if (step.kind === 'wire') {
    for (const bytes of smallerBytes(step.bytes)) yield { kind: 'wire', bytes }
  }
  if (step.kind !== 'command') return
  const { tamper, le: _, ...rest } = step
  if (tamper !== undefined) yield { ...rest, ...(step.le === undefined ? {} : { le: step.le }) }
  if (step.form !== 'short') yield { ...step, form: 'short' }
  if (step.secured) yield { ...step, secured: false }
  const { sealed: __, ...bare } = step
  if (step.sealed) yield bare
  for (const data of smallerBytes(step.data)) yield { ...step, data }
}
