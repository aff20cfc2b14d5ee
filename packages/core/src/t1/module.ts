import { concat, wipe } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import { serializeAnswerToReset } from './answer-to-reset.ts'
import { type Block, type BlockFault, nextNumber, type SequenceNumber, serializeBlock } from './block.ts'
import { BlockReader, type Received } from './block-reader.ts'
import { initialIfs, type LineSettings, lineSettings, longestApdu } from './line-settings.ts'
import { segments, weightOf } from './segments.ts'

export type ModuleEvent =
  /** Reset the module, then call `wasReset`. */
  | { readonly kind: 'reset' }
  /** Carry this command out, once, then call `answer`. */
  | { readonly kind: 'command'; readonly apdu: Uint8Array }

type Task =
  /** Nobody has reset this module since it got power: an older conversation must not go on with it. */
  | { readonly kind: 'unreset' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'answering'; readonly pieces: readonly Uint8Array[]; at: number }
  | { readonly kind: 'aborting' }
  | {
      readonly kind: 'working'
      asked: boolean
      answer: Uint8Array | undefined
      next: 'answer' | 'resynch' | 'reset'
    }
  | { readonly kind: 'resetting' }

/**
 * The module's end of a T=1 line (ISO/IEC 7816-3, 11), without the line: bytes and the time in, bytes, events and a deadline out. It never
 * speaks unasked, and gives each command to the module once, whatever is said again on the line.
 */
export class T1Module {
  readonly #settings: LineSettings
  readonly #historical: Uint8Array
  readonly #reader: BlockReader
  readonly #output: Uint8Array[] = []
  readonly #events: ModuleEvent[] = []
  #task: Task = { kind: 'unreset' }
  /** Number of the I-block that is being answered with, and of the one expected from the host. */
  #number: SequenceNumber = 0
  #expected: SequenceNumber = 0
  #theirIfs = initialIfs
  #parts: Uint8Array[] = []
  #received = 0
  #tag: Uint8Array = new Uint8Array(0)
  #faults = 0
  #workDeadline: number | undefined

  /** @param historical bytes for the answer to reset, at most 15 */
  constructor(settings: Partial<LineSettings> = {}, historical: Uint8Array = new Uint8Array(0)) {
    this.#settings = lineSettings(settings)
    this.#historical = historical.slice()
    this.#reader = new BlockReader(this.#settings)
  }

  get deadline(): number | undefined {
    const [a, b] = [this.#reader.deadline, this.#workDeadline]
    return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)
  }

  receive(bytes: Uint8Array, now: number): void {
    for (const received of this.#reader.push(bytes, now)) this.#take(received, now)
  }

  /** Call when `deadline` has come. */
  tick(now: number): void {
    for (const received of this.#reader.tick(now)) this.#take(received, now)
    if (this.#workDeadline === undefined || now < this.#workDeadline) return
    this.#workDeadline = undefined
    this.#askForTime()
  }

  /** The answer to the last command. */
  answer(apdu: Uint8Array): void {
    const task = this.#task
    if (task.kind !== 'working' || task.answer !== undefined)
      throw new UsageError('no command waits for an answer')
    this.#workDeadline = undefined
    if (task.next === 'reset') this.#reset()
    else if (task.next === 'resynch') this.#resynchronized()
    else if (task.asked) task.answer = apdu.slice()
    else this.#begin(apdu.slice())
  }

  /** The module was reset as the event said. */
  wasReset(): void {
    if (this.#task.kind !== 'resetting') throw new UsageError('no reset was asked for')
    this.#startNumbers()
    const answer = serializeAnswerToReset({
      ifs: this.#settings.ifs,
      detection: this.#settings.detection,
      historical: this.#historical,
    })
    this.#task = { kind: 'ready' }
    this.#send({ kind: 'S', about: 'reset', response: true, information: concat(this.#tag, answer) })
  }

  takeOutput(): Uint8Array[] {
    return this.#output.splice(0)
  }

  takeEvent(): ModuleEvent | undefined {
    return this.#events.shift()
  }

  #take(received: Received, now: number): void {
    const { block } = received
    if (block === undefined) return void this.#takeFault(received.fault)
    this.#faults = 0
    if (block.kind === 'S') this.#takeSupervision(block, now)
    else if (this.#task.kind === 'unreset') this.#sendReady('other')
    else if (this.#task.kind === 'resetting') return
    else if (this.#task.kind === 'working') this.#takeWhileWorking()
    else if (block.kind === 'I') this.#takeInformation(block, now)
    else this.#takeReady(block.expected)
  }

  /** Says three times in succession that something was broken, and then waits (rule 7.4.2). */
  #takeFault(fault: Exclude<BlockFault, 'none'>): void {
    const { kind } = this.#task
    // To a stranger's speed or noise an unused module says nothing; one at work answers anyway.
    if (kind === 'unreset' || kind === 'resetting' || kind === 'working') return
    this.#faults++
    if (this.#faults > mostFaults) return
    if (kind === 'aborting') this.#askToAbort()
    else this.#sendReady(fault)
  }

  #takeInformation(block: Block & { kind: 'I' }, now: number): void {
    if (block.number !== this.#expected || this.#task.kind === 'aborting') return void this.#sayAgain()
    if (block.information.length > this.#settings.ifs) return void this.#sendReady('other')
    this.#expected = nextNumber(this.#expected)
    this.#forgetAnswer()
    this.#parts.push(block.information)
    this.#received += weightOf(block.information)
    if (this.#received > longestApdu) {
      this.#dropParts()
      this.#task = { kind: 'aborting' }
      return void this.#askToAbort()
    }
    if (block.more) return void this.#sendReady('none')
    const apdu = concat(...this.#parts)
    this.#dropParts()
    this.#task = { kind: 'working', asked: false, answer: undefined, next: 'answer' }
    this.#workDeadline = now + this.#settings.blockMs / 2
    this.#events.push({ kind: 'command', apdu })
  }

  #takeReady(expected: SequenceNumber): void {
    const task = this.#task
    const isNext = task.kind === 'answering' && task.at < task.pieces.length - 1 && expected !== this.#number
    if (isNext && task.kind === 'answering') {
      this.#number = nextNumber(this.#number)
      task.at++
    }
    this.#sayAgain(expected)
  }

  /** Says what the host has not heard, as far as it can be told. @param expected the I-block that the host waits for, if it said so */
  #sayAgain(expected: SequenceNumber = this.#number): void {
    const task = this.#task
    if (task.kind === 'aborting') this.#askToAbort()
    else if (task.kind === 'answering' && expected === this.#number) this.#sendPiece(task)
    // The host has everything that was said; so what is missing here is the host's.
    else this.#sendReady('none')
  }

  #takeSupervision({ about, response, information }: Block & { kind: 'S' }, now: number): void {
    const task = this.#task
    if (response) {
      if (about === 'wtx' && task.kind === 'working') this.#takeTime(task, information[0]!, now)
      if (about === 'abort' && task.kind === 'aborting') {
        this.#task = { kind: 'ready' }
        this.#sendReady('none')
      }
      return
    }
    if (about === 'reset') {
      this.#tag = information
      if (task.kind === 'working' && task.answer === undefined) task.next = 'reset'
      else this.#reset()
      return
    }
    if (task.kind === 'unreset') return void this.#sendReady('other')
    if (task.kind === 'resetting' || about === 'wtx') return
    if (about === 'resynch') {
      if (task.kind !== 'working' || task.answer !== undefined) return void this.#resynchronized()
      if (task.next === 'answer') task.next = 'resynch'
      return
    }
    if (task.kind === 'working') return void this.#takeWhileWorking()
    if (about === 'ifs') this.#theirIfs = information[0]!
    else {
      this.#forgetAnswer()
      this.#dropParts()
    }
    this.#send({ kind: 'S', about, response: true, information })
  }

  /** The host has waited too long, or asks again. */
  #takeWhileWorking(): void {
    const task = this.#task
    if (task.kind !== 'working') return
    if (task.answer !== undefined) this.#begin(task.answer)
    else this.#askForTime()
  }

  /** The host grants time. @param granted multiple of the waiting time */
  #takeTime(task: Task & { kind: 'working' }, granted: number, now: number): void {
    if (!task.asked) return
    task.asked = false
    if (task.answer !== undefined) this.#begin(task.answer)
    else this.#workDeadline = now + (granted - 0.5) * this.#settings.blockMs
  }

  #askForTime(): void {
    if (this.#task.kind !== 'working') return
    this.#task.asked = true
    this.#workDeadline = undefined
    this.#send({ kind: 'S', about: 'wtx', response: false, information: Uint8Array.of(timeMultiple) })
  }

  #askToAbort(): void {
    this.#send({ kind: 'S', about: 'abort', response: false, information: new Uint8Array(0) })
  }

  #begin(apdu: Uint8Array): void {
    const task: Task = { kind: 'answering', pieces: segments(apdu, this.#theirIfs), at: 0 }
    this.#task = task
    this.#sendPiece(task)
  }

  #sendPiece({ pieces, at }: Task & { kind: 'answering' }): void {
    const more = at < pieces.length - 1
    this.#send({ kind: 'I', number: this.#number, more, information: pieces[at]! })
  }

  #sendReady(fault: BlockFault): void {
    this.#send({ kind: 'R', expected: this.#expected, fault })
  }

  #send(block: Block): void {
    this.#output.push(serializeBlock(block, this.#settings.detection))
  }

  /** What was answered has arrived, or is not wanted any more. */
  #forgetAnswer(): void {
    const task = this.#task
    if (task.kind === 'working') wipe(task.answer)
    if (task.kind === 'answering') {
      wipe(...task.pieces)
      this.#number = nextNumber(this.#number)
    }
    this.#task = { kind: 'ready' }
  }

  #resynchronized(): void {
    this.#forgetAnswer()
    this.#startNumbers()
    this.#send({ kind: 'S', about: 'resynch', response: true, information: new Uint8Array(0) })
  }

  #reset(): void {
    if (this.#task.kind === 'resetting') return
    this.#forgetAnswer()
    this.#dropParts()
    this.#workDeadline = undefined
    this.#task = { kind: 'resetting' }
    this.#events.push({ kind: 'reset' })
  }

  #startNumbers(): void {
    this.#number = 0
    this.#expected = 0
    this.#theirIfs = initialIfs
    this.#dropParts()
  }

  #dropParts(): void {
    wipe(...this.#parts)
    this.#parts = []
    this.#received = 0
  }
}

/** Rule 7.4.2: the first try and two more. */
const mostFaults = 3
const timeMultiple = 2
