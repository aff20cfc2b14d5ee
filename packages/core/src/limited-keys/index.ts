export { type KeyLimits, limitsLength, readLimits, writeLimits } from './limits.ts'
export {
  type CheckRequest,
  incomingInput,
  longestMessage,
  messageModes,
  outgoingInput,
  type ProtectAnswer,
  type ProtectRequest,
  parseCheckRequest,
  parseProtectAnswer,
  parseProtectRequest,
  serializeCheckRequest,
  serializeProtectAnswer,
  serializeProtectRequest,
} from './message.ts'
export {
  type LimitedKeyData,
  limitedKeyEventInput,
  parseLimitedKeyData,
  parseToldTime,
  serializeLimitedKeyData,
  serializeToldTime,
} from './put.ts'
export { type LimitedKeyStatus, parseLimitedKeys, serializeLimitedKeys } from './status.ts'
