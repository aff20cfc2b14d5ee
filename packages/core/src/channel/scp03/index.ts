export {
  AwaitingExternalAuthenticateAnswer,
  AwaitingInitializeUpdateAnswer,
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
export { pseudoRandomChallenge, type Scp03Keys } from './session-keys.ts'
