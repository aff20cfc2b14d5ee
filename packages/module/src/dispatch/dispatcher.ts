import {
  type Command,
  CommandChain,
  parseCommand,
  ResponseQueue,
  serializeResponse,
} from '@sealwright/core/apdu'
import {
  type CommandName,
  type CommandRow,
  channelKeys,
  commandByEntry,
  commands,
  type StatusWord,
  statusWords,
} from '@sealwright/core/catalog'
import { AuthError, DecodeError } from '@sealwright/core/errors'
import type { OpenChannel } from '../channel/index.ts'
import { StorageFull } from '../eeprom/index.ts'
import { handlers } from '../handlers/index.ts'
import { PowerLoss } from '../medium/index.ts'
import type { Call, Handler, Parts } from '../parts.ts'
import { servesPersonalization } from '../personalization/index.ts'
import type { Vector } from '../rom/index.ts'
import { isMemoryFailure } from '../self-test/index.ts'
import { Refusal } from './refusal.ts'
import { registryNumber } from './selection.ts'
import { nativeProgram, vectorsInForce } from './vectors.ts'

interface Answer {
  readonly data: Uint8Array
  readonly sw: number
}

const nothing = new Uint8Array(0)
const secureMessagingBit = 0x04

/**
 * The module's input loop (Fig. 4 of the customization text): every input is taken through the same steps and ends in exactly one
 * status word. Chaining, secure messaging, vector, mode, state, channel, handler, protection of the answer.
 */
export class Dispatcher {
  readonly #parts: Parts
  readonly #chain = new CommandChain({ chainedByP1: (ins) => this.#isChainedByP1(ins) })
  readonly #queue = new ResponseQueue()
  #selected: number | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  select(resource: number | undefined): void {
    this.#parts.programs.leave()
    this.#selected = resource
  }

  reset(): void {
    this.#chain.drop()
    this.#queue.drop()
    this.#selected = undefined
  }

  transmit(bytes: Uint8Array): Uint8Array {
    let command: Command
    try {
      command = parseCommand(bytes)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#chain.drop()
      return answerOf('wrong-length')
    }
    if (ResponseQueue.isGetResponse(command)) return serializeResponse(this.#queue.next(command))
    this.#queue.drop()
    const { channels } = this.#parts
    if (channels.awaited !== undefined && command.ins !== commands[channels.awaited].ins)
      channels.dropPending()
    return serializeResponse(
      this.#queue.begin(
        command,
        this.#guarded(() => this.#chained(command)),
      ),
    )
  }

  #chained(command: Command): Answer {
    if (!this.#chain.open && !this.#mayBeginChain(command)) return refusal('instruction-not-supported')
    const step = this.#chain.accept(command)
    if (step.kind === 'more') return refusal('success')
    if (step.kind === 'refused') return refusal(step.refused)
    return this.#protected(step.command)
  }

  #isChainedByP1(ins: number): boolean {
    if (this.#selected !== undefined) return false
    const name = this.#native(this.#vector({ ins }))
    return name !== undefined && 'chainedByP1' in commands[name]
  }

  /** Segments are not collected for nobody: outside a channel a first one must name a command that could come of it. */
  #mayBeginChain(command: Command): boolean {
    const { channels } = this.#parts
    const chained = (command.cla & chainingBit) !== 0
    if (!chained || channels.current !== undefined || this.#selected !== undefined) return true
    const vector = this.#vector(command)
    if (vector === undefined) return false
    const name = this.#native(vector)
    const cla = command.cla & ~chainingBit
    // The second message of a set-up may be protected already.
    if (cla === 0x84 && channels.awaited !== undefined) return command.ins === commands[channels.awaited].ins
    return cla === 0x80 || (cla === 0x00 && name !== undefined && commands[name].class === 'iso')
  }

  #protected(command: Command): Answer {
    const { channels } = this.#parts
    const channel = channels.current
    // Class 84 also marks what sets a channel up: its own handler checks the MAC.
    const settingUp =
      channel === undefined &&
      (command.ins === commands['EXTERNAL AUTHENTICATE'].ins ||
        (channels.awaited !== undefined && command.ins === commands[channels.awaited].ins))
    if ((command.cla & secureMessagingBit) === 0 || settingUp) {
      if (channel !== undefined && !this.#mayComePlain(command)) {
        channels.close()
        return refusal('security-not-satisfied')
      }
      return this.#vectored(command, undefined)
    }
    if (channel === undefined) return refusal('security-not-satisfied')
    const step = channel.session.unwrap(command)
    if (step.command === undefined) {
      channels.close()
      return refusal(step.refused)
    }
    const answer = this.#vectored(step.command, channel)
    if (channels.current !== channel) return answer
    const wrapped = channel.session.wrap(answer)
    // FINISH, or DEPERSONALIZE, has erased what this channel was set up under.
    if (this.#isOver(channel)) channels.close()
    return wrapped
  }

  #isOver({ kind }: OpenChannel): boolean {
    const { life } = this.#parts
    if (kind === 'customization') return life.mode() !== 'customization'
    return (kind === 'central' || kind === 'supplier') && life.state() !== 'operating'
  }

  /** Inside a channel, only set-up of another one, SELECT, and what the apparatus says on the spot may come without a MAC. */
  #mayComePlain(command: Command): boolean {
    // Whoever stands between must not speak where the supplier has proven who he is.
    if (this.#selected !== undefined && this.#isApplications(command)) return false
    const vector = this.#vector(command)
    if (vector === undefined) return false
    if (vector.program !== nativeProgram) return true
    const name = this.#native(vector)
    return name !== undefined && ('local' in commands[name] || channelSetUp.has(name))
  }

  /**
   * With an application selected all commands are its, but for SELECT and the set-up of a channel: with its own supplier, or, of one that
   * was installed, with its security domain.
   */
  #isApplications({ ins, p1, p2 }: Command): boolean {
    if (ins === commands.SELECT.ins) return false
    if (this.#selected !== undefined && registryNumber(this.#selected) !== undefined) {
      return !domainSetUp.has(ins)
    }
    const setUp =
      (ins === commands['EXTERNAL AUTHENTICATE'].ins && p2 === channelKeys.supplier) ||
      (ins === commands['GENERAL AUTHENTICATE'].ins && supplierExchanges.has(p2))
    return !(setUp && p1 === this.#selected)
  }

  #native(vector: Vector | undefined): CommandName | undefined {
    return vector?.program === nativeProgram ? commandByEntry.get(vector.function) : undefined
  }

  #vector({ ins }: Pick<Command, 'ins'>): Vector | undefined {
    const { life, rom, objects } = this.#parts
    return vectorsInForce(life.mode(), rom, objects).find((vector) => vector.ins === ins)
  }

  #vectored(command: Command, channel: Call['channel']): Answer {
    return this.#guarded(() => this.#run(command, channel))
  }

  /** Whatever is thrown becomes a status word: damaged memory must not silence the module. */
  #guarded(work: () => Answer): Answer {
    try {
      return work()
    } catch (error) {
      if (error instanceof PowerLoss) throw error
      // Handles may have been prepared from what a transaction has just taken back.
      this.#parts.keys.forgetAll()
      if (error instanceof Refusal) return refusal(error.status)
      if (isMemoryFailure(error)) return refusal('memory-failure')
      if (error instanceof DecodeError) return refusal('wrong-data')
      if (error instanceof AuthError) return refusal('security-not-satisfied')
      if (error instanceof StorageFull) return refusal('no-space')
      this.#parts.report?.(error)
      return refusal('internal-error')
    }
  }

  #run(command: Command, channel: Call['channel']): Answer {
    const { programs, life, rom, nvm } = this.#parts
    if (this.#selected !== undefined && this.#isApplications(command)) {
      return programs.application(this.#selected, command, channel)
    }
    const vector = this.#vector(command)
    if (vector === undefined) {
      return life.mode() === 'customization'
        ? programs.customization(command, channel)
        : refusal('instruction-not-supported')
    }
    if (vector.program !== nativeProgram) return programs.software(vector.program, vector.function, command)
    const name = commandByEntry.get(vector.function)
    if (name === undefined || !rom.nativeEntries.includes(vector.function))
      return refusal('instruction-not-supported')
    this.#allow(name, command.cla & ~secureMessagingBit, channel)
    nvm.writer = name
    const handler: Handler = handlers[name]
    const answer = handler(this.#parts, { ...command, name, channel })
    return answer instanceof Uint8Array ? { data: answer, sw: statusWords.success.sw } : answer
  }

  #allow(name: CommandName, cla: number, channel: Call['channel']): void {
    const { life, registry } = this.#parts
    const row: CommandRow = commands[name]
    if (cla !== 0x80 && !(cla === 0x00 && row.class === 'iso')) throw new Refusal('class-not-supported')
    if (!row.modes.includes(life.mode())) throw new Refusal('conditions-not-satisfied')
    if (life.mode() === 'user' && row.states?.includes(life.state()) === false) {
      throw new Refusal('conditions-not-satisfied')
    }
    if (row.channel === 'none') return
    const served =
      row.channel === 'personalization'
        ? servesPersonalization(this.#parts, channel)
        : channel?.kind === row.channel
    if (!served) throw new Refusal('security-not-satisfied')
    if (row.managesContent === true && registry.locked) throw new Refusal('conditions-not-satisfied')
  }
}

const chainingBit = 0x10

const channelSetUp: ReadonlySet<CommandName> = new Set([
  'SELECT',
  'INITIALIZE UPDATE',
  'EXTERNAL AUTHENTICATE',
  'INTERNAL AUTHENTICATE',
  'GENERAL AUTHENTICATE',
  'PERFORM SECURITY OPERATION',
])

/** Key identifiers by which a resource's supplier sets up a channel with GENERAL AUTHENTICATE. */
const supplierExchanges: ReadonlySet<number> = new Set([
  channelKeys['supplier-dh-signed'],
  channelKeys['supplier-signed-key'],
])

/** Instructions that set a channel with a security domain up. */
const domainSetUp: ReadonlySet<number> = new Set(
  [...channelSetUp].filter((name) => name !== 'GENERAL AUTHENTICATE').map((name) => commands[name].ins),
)

function refusal(status: StatusWord): Answer {
  return { data: nothing, sw: statusWords[status].sw }
}

function answerOf(status: StatusWord): Uint8Array {
  return serializeResponse(refusal(status))
}
