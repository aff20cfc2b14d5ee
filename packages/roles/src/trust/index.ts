export { type KnownModule, knownModule } from './module-certificates.ts'
export {
  type CertifiedParty,
  findOwnCertificate,
  makeOwnKey,
  type OwnKey,
  ownCertificate,
  takeOwnCertificate,
} from './own-certificate.ts'
export { type PinnedRole, pinnedRoot, pinRoot } from './pins.ts'
