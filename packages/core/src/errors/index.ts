export {
  AuthError,
  DecodeError,
  InternalError,
  PeerError,
  RefusedError,
  SealwrightError,
  StateError,
  UsageError,
} from './errors.ts'
export { type Culprit, type ErrorCode, errorTable } from './table.ts'
