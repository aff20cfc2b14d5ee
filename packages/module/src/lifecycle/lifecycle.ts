import { type ChipMode, type PersonalizationState, personalizationStates } from '@sealwright/core/catalog'
import { InternalError } from '@sealwright/core/errors'
import type { Objects, Transaction } from '../eeprom/index.ts'
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
    const code = this.#objects.read('control', stateId)?.[0]
    if (code === undefined) return 'awaiting-personalization'
    for (const [name, row] of Object.entries(personalizationStates)) {
      if (row.code === code) return name as PersonalizationState
    }
    throw new InternalError(`the control object holds state ${code}`)
  }

  setState(tx: Transaction, state: PersonalizationState): void {
    const allowed: readonly string[] = personalizationStates[this.state()].next
    if (!allowed.includes(state)) throw new InternalError(`no way from ${this.state()} to ${state}`)
    this.#objects.put(tx, 'control', stateId, Uint8Array.of(personalizationStates[state].code))
  }
}

const stateId = 1
