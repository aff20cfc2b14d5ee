import { type ErrorCode, StateError } from '@sealwright/core/errors'

interface Result {
  /** Name in pcsclite.h. */
  readonly name: string
  readonly code: ErrorCode
  readonly text: string
}

export const success = 0
export const sharingViolation = 0x8010_000b
export const notTransacted = 0x8010_0016
export const serviceStopped = 0x8010_001e
export const protocolMismatch = 0x8010_000f
export const resetByAnother = 0x8010_0068

/** The results of pcscd that mean something to who uses a card. */
const results: Readonly<Record<number, Result>> = {
  [0x8010_0009]: row('SCARD_E_UNKNOWN_READER', 'reader-missing', 'pcscd has no such reader'),
  [sharingViolation]: row(
    'SCARD_E_SHARING_VIOLATION',
    'card-in-use',
    'another program has the card for itself',
  ),
  [0x8010_000c]: row('SCARD_E_NO_SMARTCARD', 'card-missing', 'there is no card in the reader'),
  [protocolMismatch]: row('SCARD_E_PROTO_MISMATCH', 'card-mute', 'the card speaks neither T=1 nor T=0'),
  [notTransacted]: row('SCARD_E_NOT_TRANSACTED', 'card-mute', 'the card did not answer'),
  [0x8010_0017]: row('SCARD_E_READER_UNAVAILABLE', 'reader-vanished', 'the reader is gone'),
  [0x8010_001d]: row('SCARD_E_NO_SERVICE', 'pcsc-missing', 'pcscd does not serve'),
  [serviceStopped]: row('SCARD_E_SERVICE_STOPPED', 'pcsc-lost', 'pcscd was stopped'),
  [0x8010_0066]: row('SCARD_W_UNRESPONSIVE_CARD', 'card-mute', 'the card does not answer to its reset'),
  [0x8010_0067]: row('SCARD_W_UNPOWERED_CARD', 'card-mute', 'the reader cannot power the card'),
  [resetByAnother]: row('SCARD_W_RESET_CARD', 'card-in-use', 'another program has reset the card'),
  [0x8010_0069]: row('SCARD_W_REMOVED_CARD', 'card-removed', 'the card was pulled'),
  [0x8010_006a]: row('SCARD_W_SECURITY_VIOLATION', 'pcsc-denied', 'this user may not use the card'),
}

function row(name: string, code: ErrorCode, text: string): Result {
  return { name, code, text }
}

/** The error for a result of pcscd. @param where begins the message: the reader's name, or what was asked of pcscd */
export function resultError(where: string, result: number): StateError {
  const number = `0x${result.toString(16).toUpperCase().padStart(8, '0')}`
  const known = results[result]
  if (known === undefined)
    return new StateError(`${where}: pcscd answered ${number}`, { code: 'transport-failed' })
  return new StateError(`${where}: ${known.text}`, { code: known.code, details: { result: known.name } })
}
