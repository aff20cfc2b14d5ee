import { type ErrorCode, SealwrightError, StateError } from '@sealwright/core/errors'

/** What a PKCS#11 module answered instead of CKR_OK (PKCS#11 2.40, 4.3), as pkcs11js throws it. */
export interface ReturnValue extends Error {
  /** CKR number. */
  readonly code: number
}

/** The CKR number of an error that came from a PKCS#11 module; undefined for any other error. */
export function returnValue(error: unknown): number | undefined {
  const { name, code } = error as { name?: unknown; code?: unknown }
  return name === 'Pkcs11Error' && typeof code === 'number' ? code : undefined
}

/**
 * What it means to the person at the command line. Other errors pass unchanged.
 * @param doing `signing with the key unit/signing`
 */
export function tokenFailure(error: unknown, doing: string): unknown {
  if (error instanceof SealwrightError) return error
  const code = returnValue(error)
  if (code === undefined) return error
  const row = rows.get(code)
  const number = `CKR 0x${code.toString(16).toUpperCase().padStart(8, '0')}`
  const text = row === undefined ? 'the token failed' : row.text
  return new StateError(`${doing}: ${text} (${number})`, {
    code: row?.code ?? 'token-failed',
    details: { returned: number },
    cause: error,
  })
}

/** Runs calls of a PKCS#11 module; what they throw becomes an error in plain words. */
export async function onToken<T>(doing: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw tokenFailure(error, doing)
  }
}

interface FailureRow {
  readonly code: ErrorCode
  readonly text: string
}

const removed = { code: 'token-removed', text: 'the token is gone' } as const
const closed = { code: 'token-removed', text: 'the token has closed the session' } as const
const forgotten = {
  code: 'token-removed',
  text: 'the token no longer knows the key: it was removed, or emptied',
} as const
const unsuitable = (text: string): FailureRow => ({ code: 'token-unsuitable', text })

// Numbers of PKCS#11 2.40, 4.3 (CKR).
const rows: ReadonlyMap<number, FailureRow> = new Map([
  [0x03, removed],
  [0x30, { code: 'token-failed', text: 'the token reports a defect' }],
  [0x31, { code: 'token-failed', text: 'the token has no room left' }],
  [0x32, removed],
  [0x54, unsuitable('the token has no such function')],
  [0x60, forgotten],
  [0x62, unsuitable('the token takes no key of that size')],
  [0x68, unsuitable('the token does not allow this use of the key')],
  [0x70, unsuitable('the token lacks the mechanism')],
  [0x71, unsuitable('the token does not take the parameters of the mechanism')],
  [0x82, forgotten],
  [0xa0, { code: 'token-pin-wrong', text: 'the PIN is wrong' }],
  [0xa1, { code: 'token-pin-wrong', text: 'the PIN has characters that the token does not take' }],
  [0xa2, { code: 'token-pin-wrong', text: 'the PIN is too short or too long for the token' }],
  [0xa3, { code: 'token-unready', text: 'the PIN has expired' }],
  [0xa4, { code: 'token-pin-locked', text: 'the PIN is locked' }],
  [0xb0, closed],
  [0xb1, { code: 'token-failed', text: 'too many programs use the token' }],
  [0xb3, closed],
  [0xb5, unsuitable('the token opens for reading only')],
  [0xe0, removed],
  [0xe1, unsuitable('what is in the slot is no token that the module knows')],
  [0xe2, unsuitable('the token is write-protected')],
  [0x101, closed],
  [0x102, { code: 'token-unready', text: "the token has no user's PIN yet" }],
  [0x130, unsuitable('the token does not know the curve')],
  [0x140, unsuitable('the token does not know the curve')],
  [0x190, closed],
] as const)
