import { Reader, Writer } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import {
  parseSealedCustomizationKey,
  type SealedCustomizationKey,
  serializeSealedCustomizationKey,
} from './sealed-customization-key.ts'

/** What a SAM is told of a chip that has answered INITIALIZE UPDATE to the SAM's challenge. */
export interface SessionRequest {
  /** Serial number of the chip, 8 bytes. */
  readonly serial: Uint8Array
  /** As the chip gave it. */
  readonly sealed: SealedCustomizationKey
  /** 8 bytes. */
  readonly cardChallenge: Uint8Array
  /** 8 bytes: shows the SAM that a chip with this key is there now. */
  readonly cardCryptogram: Uint8Array
}

/** serial(8) ‖ sealed key(69) ‖ card challenge(8) ‖ card cryptogram(8): 93 bytes. */
export function serializeSessionRequest(request: SessionRequest): Uint8Array {
  const { serial, sealed, cardChallenge, cardCryptogram } = request
  for (const field of [serial, cardChallenge, cardCryptogram]) {
    if (field.length !== 8) throw new UsageError(`session request: expected 8 bytes, got ${field.length}`)
  }
  return new Writer()
    .bytes(serial)
    .bytes(serializeSealedCustomizationKey(sealed))
    .bytes(cardChallenge)
    .bytes(cardCryptogram)
    .finish()
}

export function parseSessionRequest(bytes: Uint8Array): SessionRequest {
  const r = new Reader(bytes, 'session request')
  const request = {
    serial: r.take(8, 'serial number'),
    sealed: parseSealedCustomizationKey(r.take(69, 'sealed key')),
    cardChallenge: r.take(8, 'card challenge'),
    cardCryptogram: r.take(8, 'card cryptogram'),
  }
  r.end()
  return request
}

/** What is known of a SAM: the answer of MAKE MASTER KEY. */
export interface SamState {
  /** CMAC check value of the master key, 5 bytes. */
  readonly checkValue: Uint8Array
  /** Sessions that it still gives keys for; undefined: without limit. */
  readonly sessionsLeft: number | undefined
}

/** check value(5) ‖ sessions left(4), FFFFFFFF without limit. */
export function serializeSamState({ checkValue, sessionsLeft }: SamState): Uint8Array {
  if (checkValue.length !== 5) throw new UsageError(`check value: expected 5 bytes, got ${checkValue.length}`)
  return new Writer().bytes(checkValue).bytes(serializeSessionLimit(sessionsLeft)).finish()
}

export function parseSamState(bytes: Uint8Array): SamState {
  const r = new Reader(bytes, 'state of a SAM')
  const checkValue = r.take(5, 'check value')
  const sessionsLeft = limitOf(r.u32('sessions left'))
  r.end()
  return { checkValue, sessionsLeft }
}

/** sessions(4), FFFFFFFF without limit: the data of MAKE MASTER KEY. */
export function serializeSessionLimit(sessions: number | undefined): Uint8Array {
  if (sessions !== undefined && (!Number.isInteger(sessions) || sessions < 0 || sessions >= unlimited)) {
    throw new UsageError(`sessions: expected 0 to ${unlimited - 1}, got ${sessions}`)
  }
  return new Writer().u32(sessions ?? unlimited).finish()
}

export function parseSessionLimit(bytes: Uint8Array): number | undefined {
  const r = new Reader(bytes, 'limit of sessions')
  const limit = limitOf(r.u32('sessions'))
  r.end()
  return limit
}

function limitOf(value: number): number | undefined {
  return value === unlimited ? undefined : value
}

const unlimited = 0xffff_ffff
