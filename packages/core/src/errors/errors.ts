import type { ErrorCode } from './table.ts'

export interface ErrorOptions {
  readonly code?: ErrorCode
  /** Facts for the person who reads the error; never key material. */
  readonly details?: Readonly<Record<string, string | number | boolean>>
  readonly cause?: unknown
}

/** Base of every error that Sealwright throws on purpose. `code` is stable; the message is for people. */
export abstract class SealwrightError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, string | number | boolean>>

  constructor(message: string, fallback: ErrorCode, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = options.code ?? fallback
    this.details = options.details ?? {}
  }
}

/** The bytes are not what the format says. */
export class DecodeError extends SealwrightError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'bytes-malformed', options)
  }
}

/** The other side broke the protocol. */
export class PeerError extends SealwrightError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'peer-broke-protocol', options)
  }
}

/** Every cryptographic failure; one message, so that an attacker learns nothing from it. */
export class AuthError extends SealwrightError {
  constructor(options?: ErrorOptions) {
    super('authentication failed', 'authentication-failed', options)
  }
}

/** The module answered with a status word other than success. */
export class RefusedError extends SealwrightError {
  readonly statusWord: number

  constructor(statusWord: number, message: string, options?: ErrorOptions) {
    super(message, 'module-refused', options)
    this.statusWord = statusWord
  }
}

/** Right request, wrong moment: the state does not allow it. */
export class StateError extends SealwrightError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'wrong-state', options)
  }
}

/** The caller's mistake. */
export class UsageError extends SealwrightError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'usage', options)
  }
}

/** Our own mistake. */
export class InternalError extends SealwrightError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'internal', options)
  }
}
