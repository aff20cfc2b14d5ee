export { type Restored, type Restoring, restoreMemory } from './restored-memory.ts'
