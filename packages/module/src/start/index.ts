export { FailedModule } from './failed-module.ts'
export { startModule } from './start-module.ts'
