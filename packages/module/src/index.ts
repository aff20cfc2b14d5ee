export { PowerLoss } from './medium/index.ts'
export { Module, type ModuleWorld } from './module.ts'
