import { Module, type ModuleWorld } from '../module.ts'
import { isMemoryFailure } from '../self-test/index.ts'
import { FailedModule } from './failed-module.ts'

/**
 * Power-up as a reader sees it: the electrical test, then a chip that waits for commands, whatever the test found. Throws for a loss of
 * power and for what is no fault of the memory. Hosts that hold the memory make a Module instead: its error says more.
 */
export function startModule(world: ModuleWorld): Module | FailedModule {
  try {
    return new Module(world)
  } catch (error) {
    if (!isMemoryFailure(error)) throw error
    return new FailedModule(error)
  }
}
