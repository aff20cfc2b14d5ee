import { parseCommand, serializeCommand } from '@sealwright/core/apdu'
import { DecodeError, type ErrorCode, SealwrightError, StateError, UsageError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import {
  type ConnectedCard,
  notTransacted,
  type PcscOptions,
  PcscService,
  protocols,
  type ReaderState,
  resultError,
} from '../pcsc/index.ts'

/** A card in a reader, held against all other programs until `close`. */
export interface ReaderTransport extends Transport {
  readonly reader: string
  readonly atr: Uint8Array | undefined
  readonly protocol: 'T=0' | 'T=1'
}

/** The readers that pcscd has now, in its order. */
export async function listReaders(options: PcscOptions = {}): Promise<ReaderState[]> {
  const service = await PcscService.open(options)
  try {
    return await service.readers()
  } finally {
    await service.close()
  }
}

/**
 * The card in a reader, reset. It is held in one transaction from here to `close`: another program's command in between would end a
 * channel, and ours another's. `close` resets it again, so that nothing of a session is left for whoever comes next.
 * @param name of the reader, or a part of it that no other has
 */
export async function openReader(name: string, options: PcscOptions = {}): Promise<ReaderTransport> {
  const service = await PcscService.open(options)
  try {
    const reader = chosenReader(await service.readers(), name)
    const { handle } = await service.connect(reader)
    await service.beginTransaction(reader, handle)
    const protocol = await service.reset(reader, handle)
    return new CardInReader(service, reader, { handle, protocol })
  } catch (error) {
    await service.close()
    throw error
  }
}

/** The reader of that name, else the only one whose name has it as a part. Throws UsageError `reader-missing` that lists them. */
export function chosenReader(readers: readonly ReaderState[], name: string): ReaderState {
  const exact = readers.find((reader) => reader.name === name)
  if (exact !== undefined) return exact
  const part = name.toLowerCase()
  const found = part === '' ? [] : readers.filter((reader) => reader.name.toLowerCase().includes(part))
  if (found.length === 1) return found[0]!
  const names = (list: readonly ReaderState[]): string =>
    list.map((reader) => JSON.stringify(reader.name)).join(', ')
  const reason =
    found.length > 1
      ? `several readers have ${JSON.stringify(name)} in their name: ${names(found)}`
      : `there is no reader ${JSON.stringify(name)}; ${readers.length === 0 ? 'pcscd has none' : `there are ${names(readers)}`}`
  throw new UsageError(reason, { code: 'reader-missing' })
}

class CardInReader implements ReaderTransport {
  readonly direct = true
  readonly reader: string
  readonly atr: Uint8Array | undefined
  readonly protocol: 'T=0' | 'T=1'
  readonly #service: PcscService
  readonly #state: ReaderState
  readonly #card: ConnectedCard
  #failure: SealwrightError | undefined

  constructor(service: PcscService, state: ReaderState, card: ConnectedCard) {
    this.reader = state.name
    this.atr = state.atr
    this.protocol = card.protocol === protocols.T0 ? 'T=0' : 'T=1'
    this.#service = service
    this.#state = state
    this.#card = card
  }

  async transmit(command: Uint8Array): Promise<Uint8Array> {
    if (this.#failure !== undefined) throw this.#failure
    try {
      const answer = await this.#service.transmit(
        this.#card,
        this.protocol === 'T=0' ? withoutLeOfCase4(command) : command,
      )
      if (typeof answer === 'number') throw await this.#explained(answer)
      // vpcd whose card is gone tells pcscd that all is well, and brings nothing.
      if (answer.length < shortestAnswer) throw await this.#explained(notTransacted)
      return answer
    } catch (error) {
      // What was said inside a channel is lost with the card; a later answer would belong to nothing.
      if (error instanceof SealwrightError) this.#failure = error
      throw error
    }
  }

  async close(): Promise<void> {
    try {
      if (this.#failure === undefined) {
        await this.#service.endTransaction(this.#state, this.#card.handle)
        await this.#service.disconnect(this.#state, this.#card.handle)
      }
    } catch (error) {
      // A card that is gone needs no reset, and a service that ended holds nothing.
      if (!(error instanceof SealwrightError) || !gone.has(error.code)) throw error
    } finally {
      await this.#service.close()
    }
  }

  /** pcscd says "not transacted" for whatever goes wrong below, and sees a card or reader vanish only when it looks next. */
  async #explained(result: number): Promise<StateError> {
    const error = resultError(this.reader, result)
    if (error.code === 'card-missing') return this.#error('card-removed', 'the card was pulled')
    if (result !== notTransacted) return error
    for (let look = 0; look < looks; look++) {
      if (look > 0) await new Promise((done) => setTimeout(done, lookMs))
      const reader = (await this.#service.readers()).find(({ name }) => name === this.reader)
      if (reader === undefined) return this.#error('reader-vanished', 'the reader is gone')
      if (reader.card === 'absent')
        return this.#error('card-removed', 'the card was pulled while it worked on a command')
    }
    return error
  }

  #error(code: ErrorCode, text: string): StateError {
    return new StateError(`${this.reader}: ${text}`, { code })
  }
}

/** In T=0 a command with data carries no Le; the card says with 61XX that there is an answer to fetch (ISO/IEC 7816-3, 12.2.1). */
function withoutLeOfCase4(bytes: Uint8Array): Uint8Array {
  try {
    const { le, ...command } = parseCommand(bytes)
    return le === undefined || command.data.length === 0 || command.extended
      ? bytes
      : serializeCommand(command)
  } catch (error) {
    if (error instanceof DecodeError) return bytes
    throw error
  }
}

const gone: ReadonlySet<ErrorCode> = new Set([
  'card-missing',
  'card-removed',
  'reader-vanished',
  'pcsc-lost',
  'pcsc-missing',
])
const shortestAnswer = 2
/** pcscd looks at a reader that cannot report by itself every 400 ms. */
const looks = 12
const lookMs = 100
