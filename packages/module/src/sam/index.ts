export {
  countSession,
  forgetSessionChallenge,
  keepSessionChallenge,
  putSessionLimit,
  samState,
  takeSessionChallenge,
} from './sam.ts'
