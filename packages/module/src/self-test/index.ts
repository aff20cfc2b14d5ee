export { isMemoryFailure, selfTestResultOf } from './memory-failure.ts'
export { testMemory } from './test-memory.ts'
