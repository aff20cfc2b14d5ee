export { type AnswerToReset, parseAnswerToReset, serializeAnswerToReset } from './answer-to-reset.ts'
export {
  type Block,
  type BlockFault,
  longestInformation,
  longestResetTag,
  parseBlock,
  prologueLength,
  type SequenceNumber,
  type Supervision,
  serializeBlock,
} from './block.ts'
export { type ErrorDetection, epilogueLength } from './error-detection.ts'
export { type HostEvent, type LineFailure, T1Host } from './host.ts'
export { defaultSettings, initialIfs, type LineSettings, longestApdu } from './line-settings.ts'
export { exchangeBytes, lineMs, resetBytes } from './line-time.ts'
export { type ModuleEvent, T1Module } from './module.ts'
