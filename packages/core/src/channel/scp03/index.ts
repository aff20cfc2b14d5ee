export {
  AwaitingExternalAuthenticateAnswer,
  AwaitingInitializeUpdateAnswer,
  type LentScp03Options,
  openLentScp03,
  openScp03,
  type Scp03HostOptions,
} from './host.ts'
export {
  type CardIdentification,
  type InitializeUpdateAnswer,
  type InitializeUpdateRequest,
  parameter as scp03Parameter,
  parseInitializeUpdateAnswer,
  parseInitializeUpdateRequest,
  serializeInitializeUpdateAnswer,
  serializeInitializeUpdateRequest,
} from './messages.ts'
export { AwaitingExternalAuthenticate, type Scp03ModuleOptions } from './module.ts'
export {
  cryptogram as scp03Cryptogram,
  deriveSessionKeyBytes,
  pseudoRandomChallenge,
  type Scp03Keys,
  type SessionKeyBytes,
  sessionKeysOf,
  wipeSessionKeyBytes,
} from './session-keys.ts'
