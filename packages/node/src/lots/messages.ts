import {
  AuthError,
  DecodeError,
  type ErrorCode,
  InternalError,
  PeerError,
  RefusedError,
  SealwrightError,
  StateError,
  UsageError,
} from '@sealwright/core/errors'
import type { LotChipDone, LotJob } from '@sealwright/roles/issuer'
import type { ChipClaim } from '@sealwright/roles/ports'
import type { LotTask } from './task.ts'

/** What the main process says to one that works on chips; the task first. */
export type ToWorker =
  | { readonly kind: 'task'; readonly task: LotTask }
  | { readonly kind: 'job'; readonly job: LotJob }
  | { readonly kind: 'claimed'; readonly refusal: string | undefined }

/** What such a process says to the main one. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'claim'; readonly claim: ChipClaim }
  | { readonly kind: 'done'; readonly result: LotChipDone }
  | { readonly kind: 'failed'; readonly error: ErrorParts }

/** An error in values: between processes, objects lose their class. */
export interface ErrorParts {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code?: ErrorCode
  readonly details?: SealwrightError['details']
  readonly statusWord?: number
}

export function partsOfError(error: unknown): ErrorParts {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined }
  const { name, message, stack } = error
  if (!(error instanceof SealwrightError)) return { name, message, stack }
  const { code, details } = error
  const statusWord = error instanceof RefusedError ? { statusWord: error.statusWord } : {}
  return { name, message, stack, code, details, ...statusWord }
}

export function errorOfParts({ name, message, stack, code, details, statusWord }: ErrorParts): Error {
  const options = { ...(code === undefined ? {} : { code }), ...(details === undefined ? {} : { details }) }
  const error = ((): Error => {
    switch (name) {
      case 'AuthError':
        return new AuthError(options)
      case 'DecodeError':
        return new DecodeError(message, options)
      case 'PeerError':
        return new PeerError(message, options)
      case 'RefusedError':
        return new RefusedError(statusWord ?? 0, message, options)
      case 'StateError':
        return new StateError(message, options)
      case 'UsageError':
        return new UsageError(message, options)
      case 'InternalError':
        return new InternalError(message, options)
      default:
        return new Error(message)
    }
  })()
  if (stack !== undefined) error.stack = stack
  return error
}
