import { StateError } from '@sealwright/core/errors'
import { type OtpBit, otpBits, otpFollows, otpLength } from './bits.ts'

/** The one-time-programmable memory as its readers see it; bits are set by `Transaction.setOtp` only. */
export class Otp {
  readonly #page: () => Uint8Array

  /** @param page reads the OTP page */
  constructor(page: () => Uint8Array) {
    this.#page = page
  }

  test(bit: OtpBit): boolean {
    return testBit(this.#page(), otpBits[bit])
  }

  /** All 256 bits, 32 bytes; bit n is bit n mod 8 of byte n div 8. */
  dump(): Uint8Array {
    return this.#page().slice(0, otpLength)
  }

  /** The named bits and which of the spare ones are set, for a person to read. */
  list(): { bits: Record<OtpBit, boolean>; spare: number[] } {
    const page = this.#page()
    const names = Object.keys(otpBits) as OtpBit[]
    const bits = Object.fromEntries(names.map((name) => [name, testBit(page, otpBits[name])]))
    return { bits: bits as Record<OtpBit, boolean>, spare: this.spare() }
  }

  /** Bits that are set and have no name. */
  spare(): number[] {
    const page = this.#page()
    const spare: number[] = []
    for (let at = 0; at < otpLength; at++) {
      if (page[at] === 0) continue
      for (let n = 8 * at; n < 8 * at + 8; n++) if (testBit(page, n) && !named.has(n)) spare.push(n)
    }
    return spare
  }
}

/** Refuses a combination of bits that no step leads to. */
export function checkOtp(otp: Otp): void {
  for (const [bit, before] of Object.entries(otpFollows) as [OtpBit, OtpBit][]) {
    if (otp.test(bit) && !otp.test(before)) {
      throw new StateError(`one-time memory: ${bit} without ${before}`, { code: 'memory-damaged' })
    }
  }
  const spare = otp.spare()
  if (spare.length > 0) {
    throw new StateError(`one-time memory: spare bit ${spare[0]} is set`, { code: 'memory-damaged' })
  }
}

const named: ReadonlySet<number> = new Set(Object.values(otpBits))

function testBit(page: Uint8Array, n: number): boolean {
  return (page[n >> 3]! & (1 << (n & 7))) !== 0
}
