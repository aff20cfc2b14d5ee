export { certifyModule } from './certify-module.ts'
export { type CertifyUnitInput, certifyUnit } from './certify-unit.ts'
export { type Produced, type ProduceInput, produce } from './produce.ts'
export { certificateNumber, initRoot, noExpiry, type RootInput, root, rootKey } from './root.ts'
