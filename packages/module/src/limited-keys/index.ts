export {
  type CountedUse,
  countUse,
  hearTime,
  isLimited,
  type LimitedKey,
  limitedKeys,
  putLimitedKey,
  removeLimitedKey,
  takeMessage,
} from './limited-key.ts'
