export { beginDhSigned } from './dh-signed.ts'
export { agreeEphemeral } from './ephemeral.ts'
export {
  type ExchangeHostOptions,
  openDhSigned,
  openEphemeral,
  openSignedKey,
  type ProvingHostOptions,
} from './host.ts'
export { type Identification, parseIdentification, serializeIdentification } from './identification.ts'
export {
  isOpening,
  type KeyAnswer,
  type Opening,
  type Proof,
  parseCommitment,
  parseExponential,
  parseKeyAnswer,
  parseOpening,
  parseProof,
  serializeCommitment,
  serializeExponential,
  serializeKeyAnswer,
  serializeOpening,
  serializeProof,
} from './messages.ts'
export type {
  ExchangeModuleOptions,
  OpenedExchange,
  Peer,
  PendingExchange,
  ProvingModuleOptions,
} from './module-steps.ts'
export { type ProofRole, type ProofStatement, proofInput } from './proof-input.ts'
export { type ExchangeContext, exchangeKey, type KeyStage, stageKeys, Transcript } from './session-keys.ts'
export { beginSignedKey } from './signed-key.ts'
