export { type CertifyInput, certify } from './certify.ts'
export { findRegistered, type RegisteredModule, register, registered } from './register.ts'
export { authorityCertificate, authorityKey, initAuthority } from './root.ts'
