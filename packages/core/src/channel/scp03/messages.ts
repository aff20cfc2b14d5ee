import { type Command, command } from '../../apdu/index.ts'
import { concat, Reader, Writer } from '../../bytes/index.ts'
import { DecodeError } from '../../errors/index.ts'
import { level as flag, type SecurityLevel } from '../secure-messaging/index.ts'

/** Bits of `i`, the parameter of the protocol (Amendment D, 5.1). */
export const parameter = { s16: 0x01, pseudoRandom: 0x10, rMac: 0x20, rEnc: 0x40 } as const

/** INITIALIZE UPDATE 80 50 KVN 00: key version wanted (0: the module's first), host challenge of 8 (S8) or 16 (S16) bytes. */
export interface InitializeUpdateRequest {
  readonly keyVersion: number
  readonly hostChallenge: Uint8Array
}

/** What the answer says before the host knows which keys to use. */
export interface CardIdentification {
  /** 10 bytes, any value. */
  readonly diversificationData: Uint8Array
  /** The version that the module uses, also when 0 was asked for. */
  readonly keyVersion: number
  readonly i: number
  /** 0..FFFFFF; present exactly when `i` says that the challenge is pseudo-random. */
  readonly sequenceCounter?: number
}

export interface InitializeUpdateAnswer extends CardIdentification {
  /** 8 or 16 bytes, as `i` says. */
  readonly cardChallenge: Uint8Array
  readonly cardCryptogram: Uint8Array
}

/** Throws DecodeError for a challenge of another length than 8 or 16, or P2 other than 0. */
export function parseInitializeUpdateRequest({ p1, p2, data }: Command): InitializeUpdateRequest {
  if (p2 !== 0) throw new DecodeError(`INITIALIZE UPDATE: expected P2 00, got ${p2}`)
  if (data.length !== 8 && data.length !== 16) {
    throw new DecodeError(`INITIALIZE UPDATE: expected a challenge of 8 or 16 bytes, got ${data.length}`)
  }
  return { keyVersion: p1, hostChallenge: data.slice() }
}

export function serializeInitializeUpdateRequest(request: InitializeUpdateRequest): Command {
  const { keyVersion, hostChallenge } = request
  return command({ cla: 0x80, ins: 0x50, p1: keyVersion, data: hostChallenge, le: 0x100 })
}

export function parseInitializeUpdateAnswer(bytes: Uint8Array): InitializeUpdateAnswer {
  const r = new Reader(bytes, 'answer of INITIALIZE UPDATE')
  const diversificationData = r.take(10, 'key diversification data')
  const keyVersion = r.u8('key version')
  const protocol = r.u8('protocol')
  if (protocol !== 0x03) throw r.fail(`expected protocol 03, got ${protocol.toString(16).padStart(2, '0')}`)
  const i = r.u8('i')
  const length = (i & parameter.s16) !== 0 ? 16 : 8
  const cardChallenge = r.take(length, 'card challenge')
  const cardCryptogram = r.take(length, 'card cryptogram')
  const counted = (i & parameter.pseudoRandom) !== 0
  const answer = {
    diversificationData,
    keyVersion,
    i,
    cardChallenge,
    cardCryptogram,
    ...(counted ? { sequenceCounter: r.u24('sequence counter') } : {}),
  }
  r.end()
  return answer
}

export function serializeInitializeUpdateAnswer(answer: InitializeUpdateAnswer): Uint8Array {
  const { diversificationData, keyVersion, i, cardChallenge, cardCryptogram, sequenceCounter } = answer
  const head = new Writer().bytes(diversificationData).u8(keyVersion).u8(0x03).u8(i).finish()
  const counter =
    sequenceCounter === undefined ? new Uint8Array(0) : new Writer().u24(sequenceCounter).finish()
  return concat(head, cardChallenge, cardCryptogram, counter)
}

/** Whether the module's parameter allows answers protected as the level says. */
export function levelPossible(level: SecurityLevel, i: number): boolean {
  if ((level & flag.rMac) !== 0 && (i & parameter.rMac) === 0) return false
  return (level & flag.rEnc) === 0 || (i & parameter.rEnc) !== 0
}
