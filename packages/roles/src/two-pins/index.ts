export {
  longestPin,
  mostTries,
  type PinHolder,
  parsePinHolder,
  serializePinHolder,
  shortestPin,
} from './holder.ts'
export { type PinRequest, parsePinRequest, serializePinRequest } from './pin-request.ts'
export { type PinRules, parsePinRules, serializePinRules } from './pin-rules.ts'
export { type PinCost, type SlowHash, usualPinCost } from './slow-hash.ts'
export {
  type AgreedByPins,
  beginTwoPins,
  changePin,
  confirmWithPin,
  guardedVault,
  pinHolders,
  pinPatience,
  pinRequests,
  pinRules,
  requestPinReset,
  requestWithPin,
  resetPin,
  setPin,
  type TwoPinsWorld,
  twoPinsLabel,
  waitingRequest,
} from './two-pins.ts'
