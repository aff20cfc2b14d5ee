import { type Command, command, parseResponse, type Response, serializeCommand } from '@sealwright/core/apdu'
import { commands, statusWordName } from '@sealwright/core/catalog'
import type { HostSession } from '@sealwright/core/channel/secure-messaging'
import { AuthError } from '@sealwright/core/errors'
import type { Entropy } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import type { Module } from '@sealwright/module'
import type { Medium, Snapshot } from '@sealwright/module/medium'
import { refusalChanges } from '@sealwright/module/testing'
import { bytesToHex } from './hex.ts'
import { openHostEnd } from './host-end.ts'
import { sealedKeyMessage } from './key-message.ts'
import { place } from './place.ts'
import { insecureStampingCrypto } from './stamping-crypto.ts'
import { type CommandStep, instructionName, type Step } from './step.ts'
import type { Defect } from './target.ts'
import { WatchedMedium } from './watched-medium.ts'

/** What a module is to the fuzzer. */
export type Machine = Pick<Module, 'transmit' | 'reset' | 'parts'>

/** A module in some state, and how it gets power. */
export interface Chip {
  readonly name: string
  readonly snapshot: Snapshot
  /** Its random numbers after the first power-up follow from this. */
  readonly seed: string
  /** `report` hears of defects that the answer 6F00 hides. */
  power(medium: Medium, entropy: Entropy, report: (error: unknown) => void): Machine
}

/** Stops a run at the first law that was broken. */
class Broken extends Error {
  readonly defect: Defect

  constructor(defect: Defect) {
    super(defect.kind)
    this.defect = defect
  }
}

/**
 * The line to a chip: sends what steps say, holds the host's end of its channel, and looks after each command that the laws hold. It never
 * throws; one answer whose status word the catalog knows and that is not 6F00; no data with an error; a refused command left the memory
 * byte for byte but for what *Order of effects* names; an answer in a channel unwraps at the host; one command ends in time; and
 * after all of it the chip starts again.
 */
export class Line {
  readonly #chip: Chip
  readonly #medium: WatchedMedium
  readonly #hostEntropy = scriptedEntropy('host')
  #machine: Machine
  #powerUps = 0
  #host: HostSession | undefined
  #reported: { readonly error: unknown } | undefined
  /** A program answered, or what it answered is fetched still: it has status words of its own. An application may keep what it wrote, too. */
  #program: 'software' | 'application' | undefined

  constructor(chip: Chip) {
    this.#chip = chip
    this.#medium = new WatchedMedium(chip.snapshot)
    this.#machine = this.#powered(this.#medium)
  }

  /** Takes the steps; the first law that is broken, if any. */
  run(steps: readonly Step[]): Defect | undefined {
    try {
      for (const step of steps) this.#take(step)
      this.#startAgain()
      return undefined
    } catch (error) {
      if (error instanceof Broken) return error.defect
      throw error
    }
  }

  #take(step: Step): void {
    switch (step.kind) {
      case 'reset':
        this.#machine.reset()
        this.#host = undefined
        return
      case 'power':
        this.#machine = this.#powered(this.#medium)
        this.#host = undefined
        return
      case 'open':
        this.#host = openHostEnd(
          {
            crypto: insecureStampingCrypto,
            entropy: this.#hostEntropy,
            parts: this.#machine.parts,
            exchange: (sent) => this.#exchange(blocksOf(sent, 'short')),
          },
          step,
        )
        return
      case 'wire':
        this.#transmit(step.bytes)
        return
      case 'command':
        this.#command(step)
        return
      default:
        step satisfies never
    }
  }

  #command(step: CommandStep): void {
    const { form, tamper } = step
    const host = step.secured && this.#host?.closed === false ? this.#host : undefined
    const data = step.sealed
      ? sealedKeyMessage(insecureStampingCrypto, this.#machine.parts, step.data)
      : step.data
    const plain = command({ ...step, data, extended: form === 'extended' })
    if (host === undefined) {
      this.#exchange(blocksOf(plain, form))
      return
    }
    const { channels } = this.#machine.parts
    const open = channels.current
    const wrapped = host.wrap(plain)
    const sent = tamper === undefined ? wrapped : tampered(wrapped, tamper)
    const answer = this.#exchange(blocksOf(sent, form))
    // A segment of a chain, however it came to be one, is answered without protection.
    const segment = (wrapped.cla & 0x10) !== 0 || ((wrapped.p1 & 0x80) !== 0 && isChainedByP1(wrapped.ins))
    if (open === undefined || tamper !== undefined || segment || channels.current !== open) return
    try {
      host.unwrap(answer)
    } catch (error) {
      if (!(error instanceof AuthError)) throw error
      throw this.#broken('answer that does not unwrap', plain.ins, {
        detail: '',
        text: bytesToHex(answer.data),
      })
    }
  }

  /** A command in its blocks, and its whole answer. */
  #exchange(blocks: readonly Uint8Array[]): Response {
    let answer: Response = { data: new Uint8Array(0), sw: 0 }
    for (const block of blocks) {
      answer = this.#transmit(block)
      if (answer.sw !== 0x9000) break
    }
    const parts = [answer.data]
    for (let n = 0; answer.sw >> 8 === 0x61 && n < 300; n++) {
      answer = this.#transmit(Uint8Array.of(0x00, 0xc0, 0x00, 0x00, answer.sw & 0xff))
      parts.push(answer.data)
    }
    return { data: new Uint8Array(Buffer.concat(parts)), sw: answer.sw }
  }

  #transmit(bytes: Uint8Array): Response {
    const ins = bytes[1] ?? 0
    if (ins !== 0xc0) this.#program = undefined
    this.#medium.mark()
    this.#reported = undefined
    const start = performance.now()
    let answer: Uint8Array
    try {
      answer = this.#machine.transmit(bytes)
    } catch (error) {
      throw this.#broken('throws', ins, place(error))
    }
    if (performance.now() - start > slowMs) {
      throw this.#broken('slow', ins, { detail: '', text: `more than ${slowMs} ms` })
    }
    const reported = this.#reported as { readonly error: unknown } | undefined
    if (reported !== undefined) throw this.#broken('internal error', ins, place(reported.error))
    if (answer.length < 2) throw this.#broken('no status word', ins, { detail: '', text: bytesToHex(answer) })
    const response = parseResponse(answer)
    this.#check(ins, response)
    return response
  }

  #check(ins: number, { data, sw }: Response): void {
    const text = sw.toString(16).toUpperCase()
    if (sw === 0x6f00) throw this.#broken('internal error', ins, { detail: '', text })
    const kind = sw >> 8
    const known =
      this.#program !== undefined ? kind >> 4 === 6 || kind >> 4 === 9 : statusWordName(sw) !== undefined
    if (!known && kind !== 0x61) throw this.#broken('unknown status word', ins, { detail: text, text })
    if (sw === 0x9000 || (kind >= 0x61 && kind <= 0x63)) return
    if (data.length > 0) throw this.#broken('refused with data', ins, { detail: '', text: bytesToHex(data) })
    if (!this.#medium.changed || this.#program === 'application') return
    const changes = refusalChanges(this.#medium.before(), this.#medium.now())
    if (changes.length === 0) return
    throw this.#broken('refused and changed', ins, { detail: text, text: changes.join('\n') })
  }

  /** The chip as it is left must start, and say how it is. */
  #startAgain(): void {
    if (this.#medium.programs === 0) return
    const started = startedOf(this.#chip)
    const state = this.#medium.digest()
    if (started.has(state)) return
    this.#machine = this.#powered(this.#medium.now())
    this.#transmit(Uint8Array.of(0x80, 0x30, 0x00, 0x00, 0x00))
    this.#transmit(Uint8Array.of(0x80, 0xca, 0xdf, 0x20, 0x00))
    started.add(state)
  }

  #powered(medium: Medium): Machine {
    const entropy = scriptedEntropy(
      this.#powerUps === 0 ? this.#chip.seed : `${this.#chip.seed} ${this.#powerUps}`,
    )
    this.#powerUps++
    let machine: Machine
    try {
      machine = this.#chip.power(medium, entropy, (error) => {
        this.#reported ??= { error }
      })
    } catch (error) {
      throw new Broken({ kind: 'does not start', subject: 'power-up', ...place(error) })
    }
    const { programs } = machine.parts
    for (const name of ['customization', 'software', 'application'] as const) {
      const run = programs[name].bind(programs) as (...given: unknown[]) => Response
      programs[name] = (...given: unknown[]) => {
        this.#program = name === 'application' ? 'application' : 'software'
        return run(...given)
      }
    }
    return machine
  }

  #broken(kind: string, ins: number, what: { readonly detail: string; readonly text: string }): Broken {
    return new Broken({ kind, subject: instructionName(ins), ...what })
  }
}

function isChainedByP1(ins: number): boolean {
  return Object.values(commands).some((row) => row.ins === ins && 'chainedByP1' in row)
}

/** Memories that a chip has started from: many sequences leave the same, and a power-up costs as much as many commands. */
const started = new WeakMap<Chip, Set<string>>()

function startedOf(chip: Chip): Set<string> {
  const states = started.get(chip) ?? new Set()
  started.set(chip, states)
  return states
}

/** One command may take this long on a busy machine. */
const slowMs = 3_000

function blocksOf(sent: Command, form: CommandStep['form']): Uint8Array[] {
  const { data } = sent
  if (sent.extended || (data.length <= 255 && form === 'short')) return [serializeCommand(sent)]
  // Short data travels in two segments, so that chaining is tried with it too.
  const size = data.length > 255 ? 255 : Math.max(1, data.length >> 1)
  const blocks: Uint8Array[] = []
  for (let at = 0; at < data.length || at === 0; at += size) {
    const last = at + size >= data.length
    const chained = last ? {} : form === 'P1 chain' ? { p1: sent.p1 | 0x80 } : { cla: sent.cla | 0x10 }
    const { le: _, ...rest } = sent
    const block = { ...rest, ...chained, data: data.subarray(at, at + size) }
    blocks.push(serializeCommand(last && sent.le !== undefined ? { ...block, le: sent.le } : block))
  }
  return blocks
}

function tampered(sent: Command, { at, xor }: { readonly at: number; readonly xor: number }): Command {
  const head = [sent.cla, sent.ins, sent.p1, sent.p2]
  const i = at % (head.length + sent.data.length)
  if (i >= head.length)
    return { ...sent, data: sent.data.with(i - head.length, sent.data[i - head.length]! ^ xor) }
  head[i]! ^= xor
  const [cla = 0, ins = 0, p1 = 0, p2 = 0] = head
  return { ...sent, cla, ins, p1, p2 }
}
