export { AwaitingReceipt, openScp11, type Scp11HostOptions } from './host.ts'
export {
  type KeyAgreementAnswer,
  type KeyAgreementRequest,
  keyUsage,
  parseKeyAgreementAnswer,
  parseKeyAgreementRequest,
  type Scp11Variant,
  serializeKeyAgreementAnswer,
  serializeKeyAgreementRequest,
  variantOf,
} from './messages.ts'
export { agreeKeys, type Scp11ModuleOptions } from './module.ts'
export { deriveScp11Keys, hostIdOf, type Identities, type Scp11Keys } from './session-keys.ts'
