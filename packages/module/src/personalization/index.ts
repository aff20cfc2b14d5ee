export { longestStep, mayFollow, readTime, timeOf, writeTime } from './authority-time.ts'
export { readChannelPolicy, servesPersonalization } from './channel-policy.ts'
export {
  checkedDigest,
  outsideDigests,
  presentChecked,
  putChecked,
  readChecked,
  removeChecked,
} from './checked-object.ts'
export { depersonalize } from './depersonalize.ts'
export { isIdentical, readIdentityProof } from './identity-proof.ts'
export { clearPending, type Pending, readPending, writePending } from './pending.ts'
export { readCertification, readPolicy, writeCertification } from './policy.ts'
