export { type CheckedProgram, checkProgram } from './check.ts'
export type { ChipHost, CipherHost, DataHost, IoHost, MacHost, ProgramHost } from './host.ts'
export { defaultBudget, defaultLimits, highestBudget, type ProgramLimits } from './limits.ts'
export { meterProgram } from './meter.ts'
export { type ProgramCheck, ProgramRefused } from './refused.ts'
export {
  type CallResult,
  type CompiledProgram,
  compileProgram,
  type Instantiation,
  instantiate,
  ProgramInstance,
} from './run.ts'
export { ProgramSimulator, type SimulatedAnswer, type SimulatorOptions } from './simulator.ts'
export { type WasmMemory, webAssembly } from './web-assembly.ts'
