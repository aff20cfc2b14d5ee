import type { CborInput, MapReader } from '../cbor/index.ts'
import { UsageError } from '../errors/index.ts'

/**
 * Key-agreement parameters as they stand in a supplier's request and a reservation, and stay with the resource: what the original text
 * calls base and module of Diffie-Hellman.
 */
export interface Agreement {
  readonly curve: string
  readonly kdf: string
  readonly cipher: string
}

/** The parameters that a module takes, by the number under which DEF keeps them. Everything else is weak or not known. */
export const agreements = {
  1: { curve: 'P-256', kdf: 'X9.63-SHA-256', cipher: 'AES-128' },
} as const satisfies Record<number, Agreement>

export type AgreementNumber = keyof typeof agreements

export const defaultAgreement: AgreementNumber = 1

export function isAgreementNumber(number: number): number is AgreementNumber {
  return Object.hasOwn(agreements, number)
}

/** The number of parameters, or undefined when a module must refuse them. */
export function agreementNumber({ curve, kdf, cipher }: Agreement): AgreementNumber | undefined {
  for (const [number, row] of Object.entries(agreements)) {
    if (row.curve === curve && row.kdf === kdf && row.cipher === cipher)
      return Number(number) as AgreementNumber
  }
  return undefined
}

export function agreementFields(number: AgreementNumber): { readonly [key: string]: CborInput } {
  const row = agreements[number]
  if (row === undefined) throw new UsageError(`there are no key-agreement parameters ${number}`)
  return { ...row }
}

/** Reads the parameters from a document; weak or unknown ones are a DecodeError. */
export function readAgreement(r: MapReader): AgreementNumber {
  const map = r.map('agreement')
  const parameters = { curve: map.text('curve'), kdf: map.text('kdf'), cipher: map.text('cipher') }
  map.end()
  const number = agreementNumber(parameters)
  if (number === undefined) {
    const { curve, kdf, cipher } = parameters
    throw r.fail(`key-agreement parameters ${curve}, ${kdf}, ${cipher} are weak or not known`)
  }
  return number
}
