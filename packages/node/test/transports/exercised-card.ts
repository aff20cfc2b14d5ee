import { command, parseCommand, serializeCommand, serializeResponse } from '@sealwright/core/apdu'

/** A card that does what a transport has to carry, and tells what reached it. */
export class ExercisedCard {
  /** Commands that it has carried out, as they came. */
  readonly executed: Uint8Array[] = []
  resets = 0
  /** Told when a command has come; the command waits for the promise, before or after it is carried out. */
  hold:
    | { readonly when: 'before' | 'after'; readonly until: Promise<void>; readonly reached: () => void }
    | undefined
  #remembered: Uint8Array | undefined

  transmit = (bytes: Uint8Array): Uint8Array | Promise<Uint8Array> => {
    const { hold } = this
    if (hold === undefined) return this.#carryOut(bytes)
    this.hold = undefined
    return this.#held(bytes, hold)
  }

  reset = (): void => {
    this.resets++
    this.#remembered = undefined
  }

  async #held(bytes: Uint8Array, hold: NonNullable<ExercisedCard['hold']>): Promise<Uint8Array> {
    if (hold.when === 'before') hold.reached()
    if (hold.when === 'before') await hold.until
    const answer = this.#carryOut(bytes)
    if (hold.when === 'after') hold.reached()
    if (hold.when === 'after') await hold.until
    return answer
  }

  #carryOut(bytes: Uint8Array): Uint8Array {
    this.executed.push(bytes.slice())
    const { ins, data, p1, p2, le } = parseCommand(bytes)
    switch (ins) {
      case instructions.echo:
        return serializeResponse({ data: data.slice().reverse(), sw: 0x9000 })
      case instructions.answer:
        return serializeResponse({ data: pattern((p1 << 8) | p2), sw: 0x9000 })
      case instructions.remember:
        this.#remembered = data.slice()
        return serializeResponse({ data: nothing, sw: 0x9000 })
      case instructions.recall:
        return this.#remembered === undefined
          ? serializeResponse({ data: nothing, sw: 0x6985 })
          : serializeResponse({ data: this.#remembered, sw: 0x9000 })
      case instructions.exact:
        return le === exactLength
          ? serializeResponse({ data: pattern(exactLength), sw: 0x9000 })
          : serializeResponse({ data: nothing, sw: 0x6c00 | exactLength })
      case instructions.more:
        return serializeResponse({ data: pattern(0x100), sw: 0x6100 | exactLength })
      case instructions.getResponse:
        return serializeResponse({ data: pattern(exactLength), sw: 0x9000 })
      default:
        return serializeResponse({ data: nothing, sw: 0x6d00 })
    }
  }
}

export const instructions = {
  echo: 0x10,
  answer: 0x12,
  remember: 0x14,
  recall: 0x16,
  exact: 0x18,
  more: 0x1a,
  getResponse: 0xc0,
} as const

export const exactLength = 0x17

export function asked(name: keyof typeof instructions, data: Uint8Array = nothing, answer = 0): Uint8Array {
  const [p1, p2] = [answer >>> 8, answer & 0xff]
  const extended = data.length > 255 || answer > 256
  const fields = { cla: 0x80, ins: instructions[name], p1, p2, data, extended }
  return serializeCommand(command({ ...fields, ...(answer > 0 ? { le: extended ? 0x1_0000 : 256 } : {}) }))
}

export function pattern(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 5 + (i >>> 8) + seed) & 0xff)
}

const nothing = new Uint8Array(0)
