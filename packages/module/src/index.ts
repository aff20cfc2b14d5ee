export { PowerLoss } from './medium/index.ts'
export { Module, type ModuleWorld } from './module.ts'
export { FailedModule, startModule } from './start/index.ts'
