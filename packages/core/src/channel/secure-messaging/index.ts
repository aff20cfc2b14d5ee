export { exchangeProtected, protectedTransport } from './exchange.ts'
export { HostSession } from './host-session.ts'
export { type CommandStep, ModuleSession } from './module-session.ts'
export {
  isProtected,
  isSecurityLevel,
  level,
  type SecurityLevel,
  type SessionKeys,
  type SessionStart,
  securityLevels,
  withoutProtection,
  withProtection,
} from './session.ts'
export type { Refused, Reply } from './step.ts'
