export { exchangeProtected, protectedTransport } from './exchange.ts'
export { HostSession } from './host-session.ts'
export { type CommandStep, ModuleSession } from './module-session.ts'
export {
  isSecurityLevel,
  level,
  type SecurityLevel,
  type SessionKeys,
  type SessionStart,
  securityLevels,
  withoutProtection,
} from './session.ts'
export type { Refused, Reply } from './step.ts'
