import { type ChipMode, type PersonalizationState, personalizationStates } from '@sealwright/core/catalog'
import { InternalError } from '@sealwright/core/errors'
import { type CardState, cardMayBecome, cardStates, parseCardState } from '@sealwright/core/globalplatform'
import { controlIds, type Objects, type Transaction } from '../eeprom/index.ts'
import type { Otp } from '../otp/index.ts'

/** Chip mode (OTP) and personalization state (EEPROM). The tables are in the catalog; this reads and moves them. */
export class Lifecycle {
  readonly #otp: Otp
  readonly #objects: Objects

  constructor(otp: Otp, objects: Objects) {
    this.#otp = otp
    this.#objects = objects
  }

  mode(): ChipMode {
    if (this.#otp.test('mode-terminated')) return 'terminated'
    if (this.#otp.test('mode-user')) return 'user'
    if (this.#otp.test('mode-customization')) return 'customization'
    return 'issuer'
  }

  state(): PersonalizationState {
    const code = this.#objects.read('control', controlIds.personalizationState)?.[0]
    if (code === undefined) return 'awaiting-personalization'
    for (const [name, row] of Object.entries(personalizationStates)) {
      if (row.code === code) return name as PersonalizationState
    }
    throw new InternalError(`the control object holds state ${code}`)
  }

  setState(tx: Transaction, state: PersonalizationState): void {
    const allowed: readonly string[] = personalizationStates[this.state()].next
    if (!allowed.includes(state)) throw new InternalError(`no way from ${this.state()} to ${state}`)
    this.#objects.put(
      tx,
      'control',
      controlIds.personalizationState,
      Uint8Array.of(personalizationStates[state].code),
    )
  }

  /** GlobalPlatform's card state: the module's own where it is a plain one, else what follows from personalization; CARD_LOCKED over both. */
  cardState(): CardState {
    if (this.mode() === 'terminated') return 'terminated'
    const code = this.#objects.read('control', controlIds.cardState)?.[0]
    if (code === undefined) return personalizationStates[this.state()].globalPlatform
    return parseCardState(code)
  }

  /** Whether the card's state is moved by SET STATUS alone: a plain GlobalPlatform module. */
  get plain(): boolean {
    return this.#objects.read('control', controlIds.plain) !== undefined
  }

  /** Makes the module a plain GlobalPlatform one, OP_READY: when it is made. */
  beginPlain(tx: Transaction): void {
    this.#objects.put(tx, 'control', controlIds.plain, Uint8Array.of(1))
    this.#objects.put(tx, 'control', controlIds.cardState, Uint8Array.of(cardStates['op-ready'].code))
  }

  setCardState(tx: Transaction, state: CardState): void {
    if (!cardMayBecome(this.cardState(), state)) {
      throw new InternalError(`no way from ${this.cardState()} to ${state}`)
    }
    if (state === 'terminated') tx.setOtp('mode-terminated')
    // A lock that is taken off leaves the state to personalization again.
    else if (!this.plain && state !== 'card-locked') this.#objects.remove(tx, 'control', controlIds.cardState)
    else this.#objects.put(tx, 'control', controlIds.cardState, Uint8Array.of(cardStates[state].code))
  }
}
