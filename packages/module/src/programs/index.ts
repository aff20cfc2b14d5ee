export { customizationWrites, isReservedPlace } from './customization-writes.ts'
export { installedInterfaces } from './installed-host.ts'
export { Programs } from './programs.ts'
export { requireSoftware, requireVector } from './software-check.ts'
