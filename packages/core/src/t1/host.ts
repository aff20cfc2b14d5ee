import { concat, equal, wipe } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import { type AnswerToReset, parseAnswerToReset } from './answer-to-reset.ts'
import {
  type Block,
  type BlockFault,
  longestResetTag,
  nextNumber,
  type SequenceNumber,
  serializeBlock,
} from './block.ts'
import { BlockReader, type Received } from './block-reader.ts'
import { initialIfs, type LineSettings, lineSettings, longestApdu } from './line-settings.ts'
import { segments, weightOf } from './segments.ts'

/** Why a line is given up. Whatever it is, no further command goes over it. */
export type LineFailure =
  /** Not one block has come. */
  | 'silent'
  /** Blocks were lost or changed more often than they may be; the command was not carried out. */
  | 'noisy'
  /** The same, when the command may have been carried out: nobody here can know. */
  | 'unknown-outcome'
  /** The module broke off a chain, or said what T=1 does not allow. */
  | 'broken-rules'
  /** The module asked for more time again and again. */
  | 'too-slow'

export type HostEvent =
  /** The module was reset, and both know how long a block may be. */
  | { readonly kind: 'reset'; readonly answer: Uint8Array }
  | { readonly kind: 'answer'; readonly apdu: Uint8Array }
  | { readonly kind: 'failed'; readonly failure: LineFailure }

type Supervised = Block & { readonly kind: 'S' }

type Task =
  | { readonly kind: 'idle' }
  | { readonly kind: 'asking'; readonly request: Supervised }
  | { readonly kind: 'sending'; readonly pieces: readonly Uint8Array[]; at: number }
  | { readonly kind: 'receiving' }
  | { readonly kind: 'failed' }

/**
 * The host's end of a T=1 line (ISO/IEC 7816-3, 11), without the line: bytes and the time in, bytes, events and a deadline out. It speaks first,
 * and after every timeout; the module only answers. A command is said again only while the module cannot have carried it out.
 */
export class T1Host {
  readonly #settings: LineSettings
  readonly #reader: BlockReader
  readonly #output: Uint8Array[] = []
  readonly #events: HostEvent[] = []
  #task: Task = { kind: 'idle' }
  /** Number of the next I-block from here, and of the one expected from there. */
  #number: SequenceNumber = 0
  #expected: SequenceNumber = 0
  #theirIfs = initialIfs
  /** What the module can take after a reset or a resynchronization. */
  #announcedIfs = initialIfs
  #command: Uint8Array | undefined
  /** The last piece of the command has been sent: the module may have carried it out. */
  #committed = false
  #parts: Uint8Array[] = []
  #received = 0
  #tag: Uint8Array = new Uint8Array(0)
  #answerToReset: Uint8Array = new Uint8Array(0)
  /** Timeouts and broken blocks in succession, and R-blocks from the module. */
  #attempt = 0
  #reminders = 0
  /** Multiple of the waiting time: what is said again too early fills a slow line with itself. */
  #patience = 1
  #heardSince = false
  #resynchs = 0
  #heard = false
  #blockDeadline: number | undefined
  #answerDeadline = 0

  constructor(settings: Partial<LineSettings> = {}) {
    this.#settings = lineSettings(settings)
    this.#reader = new BlockReader(this.#settings)
  }

  /** When `tick` wants to be called; undefined while nothing is waited for. */
  get deadline(): number | undefined {
    return this.#reader.deadline ?? this.#blockDeadline
  }

  /**
   * Resets the module and agrees with it on the length of blocks. @param tag fresh bytes that tell this reset from earlier ones, whose answers
   * may still be on the line
   */
  reset(tag: Uint8Array, now: number): void {
    if (this.#task.kind === 'failed') throw new UsageError('the line was given up')
    if (tag.length > longestResetTag) throw new UsageError(`a reset tag has at most ${longestResetTag} bytes`)
    this.#tag = tag.slice()
    this.#dropCommand()
    this.#ask({ kind: 'S', about: 'reset', response: false, information: this.#tag }, now)
  }

  /** Sends one command; `answer` or `failed` follows. */
  send(command: Uint8Array, now: number): void {
    if (this.#task.kind !== 'idle') throw new UsageError('one command at a time, on a line that stands')
    if (command.length > longestApdu)
      throw new UsageError(`a command has at most ${longestApdu} bytes, this one ${command.length}`)
    this.#command = command.slice()
    this.#resynchs = 0
    this.#begin(now)
  }

  receive(bytes: Uint8Array, now: number): void {
    for (const received of this.#reader.push(bytes, now)) this.#take(received, now)
  }

  /** Call when `deadline` has come. */
  tick(now: number): void {
    for (const received of this.#reader.tick(now)) this.#take(received, now)
    if (this.#reader.deadline !== undefined) return
    if (this.#blockDeadline !== undefined && now >= this.#blockDeadline) this.#again('other', now)
  }

  /** What has to be written to the line, in order. */
  takeOutput(): Uint8Array[] {
    return this.#output.splice(0)
  }

  takeEvent(): HostEvent | undefined {
    return this.#events.shift()
  }

  #take(received: Received, now: number): void {
    if (this.#task.kind === 'idle' || this.#task.kind === 'failed') return
    const { block } = received
    this.#heardSince = true
    if (block === undefined) return void this.#again(received.fault, now)
    this.#heard = true
    if (block.kind === 'I') this.#takeInformation(block, now)
    else if (block.kind === 'R') this.#takeReady(block.expected, now)
    else if (block.response) this.#takeResponse(block, now)
    else this.#takeRequest(block, now)
  }

  #takeInformation(block: Block & { kind: 'I' }, now: number): void {
    const task = this.#task
    // Said again because something of ours was late: it is known already. Answering would have it said again for ever.
    if (task.kind === 'asking' || block.number !== this.#expected) return
    if (block.information.length > this.#settings.ifs) return void this.#again('other', now)
    if (task.kind === 'sending') {
      if (task.at < task.pieces.length - 1) return void this.#fail('broken-rules')
      this.#number = nextNumber(this.#number)
      this.#task = { kind: 'receiving' }
    }
    this.#expected = nextNumber(this.#expected)
    this.#parts.push(block.information)
    this.#received += weightOf(block.information)
    if (!block.more) return void this.#finish()
    if (this.#received > longestApdu)
      return void this.#ask({ kind: 'S', about: 'abort', response: false, information: nothing }, now)
    this.#progress({ kind: 'R', expected: this.#expected, fault: 'none' }, now)
  }

  #takeReady(expected: SequenceNumber, now: number): void {
    const task = this.#task
    if (task.kind === 'sending' && expected !== this.#number && task.at < task.pieces.length - 1) {
      this.#number = nextNumber(this.#number)
      task.at++
      return void this.#sendPiece(now)
    }
    // One that was late says what others have said before it; so they count less than silence does.
    this.#reminders++
    if (this.#reminders >= reminders * this.#settings.attempts) return void this.#tooOften(now)
    if (task.kind === 'sending' && expected === this.#number) this.#transmit(this.#piece(task), now)
    else if (task.kind === 'asking') this.#transmit(task.request, now)
    // The module has all that was sent, and did not get the question for its answer.
    else this.#transmit({ kind: 'R', expected: this.#expected, fault: 'none' }, now)
  }

  #takeRequest({ about, information }: Supervised, now: number): void {
    const task = this.#task
    const respond = (): void =>
      this.#transmit(
        { kind: 'S', about, response: true, information },
        now,
        about === 'wtx' ? information[0]! : 1,
      )
    switch (about) {
      case 'ifs':
        this.#theirIfs = information[0]!
        return void respond()
      case 'wtx':
        // A module that asks for time before its command is complete, or while it is being reset, speaks of an earlier one.
        if (!this.#committed || task.kind === 'asking') return
        if (now >= this.#answerDeadline) return void this.#fail('too-slow')
        this.#attempt = 0
        this.#reminders = 0
        return void respond()
      case 'abort':
        if (task.kind === 'asking') return
        respond()
        return void this.#fail('broken-rules')
      case 'resynch':
      case 'reset':
        // Only the host may ask for these (ISO/IEC 7816-3, rule 6.2); an echo of our own.
        return
      default:
        about satisfies never
    }
  }

  #takeResponse({ about, information }: Supervised, now: number): void {
    const task = this.#task
    if (task.kind !== 'asking' || task.request.about !== about) return
    switch (about) {
      case 'reset': {
        // An earlier reset's answer that was still on the line.
        if (!equal(information.subarray(0, this.#tag.length), this.#tag)) return
        this.#answerToReset = information.slice(this.#tag.length)
        this.#announcedIfs = announcedIfs(this.#answerToReset)
        this.#startNumbers()
        return void this.#askIfs(now)
      }
      case 'resynch':
        this.#startNumbers()
        return void this.#askIfs(now)
      case 'ifs':
        if (!equal(information, task.request.information)) return
        if (this.#command !== undefined) return void this.#begin(now)
        this.#events.push({ kind: 'reset', answer: this.#answerToReset })
        return void this.#rest()
      case 'abort':
        return void this.#fail('broken-rules')
      case 'wtx':
        return
      default:
        about satisfies never
    }
  }

  #askIfs(now: number): void {
    this.#ask(
      { kind: 'S', about: 'ifs', response: false, information: Uint8Array.of(this.#settings.ifs) },
      now,
    )
  }

  #begin(now: number): void {
    this.#committed = false
    this.#dropParts()
    this.#task = { kind: 'sending', pieces: segments(this.#command!, this.#theirIfs), at: 0 }
    this.#sendPiece(now)
  }

  #sendPiece(now: number): void {
    const task = this.#task
    if (task.kind !== 'sending') return
    if (task.at === task.pieces.length - 1) {
      this.#committed = true
      this.#answerDeadline = now + this.#settings.answerMs
    }
    this.#progress(this.#piece(task), now)
  }

  #piece({ pieces, at }: Task & { kind: 'sending' }): Block {
    return {
      kind: 'I',
      number: this.#number,
      more: at < pieces.length - 1,
      information: pieces[at]!,
    }
  }

  /** Something did not come, or came broken (rules 7.1 to 7.4). */
  #again(fault: BlockFault, now: number): void {
    const task = this.#task
    if (task.kind === 'idle' || task.kind === 'failed') return
    this.#attempt++
    if (this.#attempt >= this.#settings.attempts) return void this.#tooOften(now)
    if (this.#heardSince) this.#patience = Math.min(2 * this.#patience, longestPatience)
    this.#heardSince = false
    if (task.kind === 'asking') this.#transmit(task.request, now)
    else this.#transmit({ kind: 'R', expected: this.#expected, fault }, now)
  }

  /** Resynchronizes once, where the command begins anew without harm; else gives up (rule 7.4). */
  #tooOften(now: number): void {
    const isFirst = this.#resynchs === 0
    if (this.#task.kind === 'asking' || this.#committed || !isFirst)
      return void this.#fail(this.#committed ? 'unknown-outcome' : this.#heard ? 'noisy' : 'silent')
    this.#resynchs++
    this.#ask({ kind: 'S', about: 'resynch', response: false, information: nothing }, now)
  }

  #ask(request: Supervised, now: number): void {
    this.#task = { kind: 'asking', request }
    this.#progress(request, now)
  }

  /** A block that is said for the first time. */
  #progress(block: Block, now: number): void {
    this.#attempt = 0
    this.#reminders = 0
    this.#patience = Math.max(1, this.#patience / 2)
    this.#heardSince = false
    this.#transmit(block, now)
  }

  #transmit(block: Block, now: number, multiple = this.#patience): void {
    const bytes = serializeBlock(block, this.#settings.detection)
    this.#output.push(bytes)
    this.#blockDeadline = now + bytes.length * this.#settings.byteMs + multiple * this.#settings.blockMs
  }

  #finish(): void {
    const apdu = concat(...this.#parts)
    this.#rest()
    this.#events.push({ kind: 'answer', apdu })
  }

  #fail(failure: LineFailure): void {
    this.#rest()
    this.#task = { kind: 'failed' }
    this.#events.push({ kind: 'failed', failure })
  }

  #rest(): void {
    this.#task = { kind: 'idle' }
    this.#blockDeadline = undefined
    this.#dropCommand()
  }

  #startNumbers(): void {
    this.#number = 0
    this.#expected = 0
    this.#theirIfs = this.#announcedIfs
  }

  #dropCommand(): void {
    this.#committed = false
    wipe(this.#command)
    this.#command = undefined
    this.#dropParts()
  }

  #dropParts(): void {
    wipe(...this.#parts)
    this.#parts = []
    this.#received = 0
  }
}

/** A module of another make says it in another form, and gets short blocks until it asks for longer ones. */
function announcedIfs(answer: Uint8Array): number {
  let parsed: AnswerToReset
  try {
    parsed = parseAnswerToReset(answer)
  } catch {
    return initialIfs
  }
  return parsed.ifs
}

const nothing = new Uint8Array(0)
const reminders = 8
const longestPatience = 8
