export type { Definition, LoadedProgram, PendingLoad, Span } from './definition.ts'
export { parseDefinition, serializeDefinition } from './definition.ts'
export { Definitions } from './definitions.ts'
export { overlaps } from './gaps.ts'
export {
  blockLength,
  blocksOf,
  blockTargets,
  forgetPackageKey,
  heldPackageKey,
  holdPackageKey,
  layOutLoad,
  replacedSpans,
  stagedSpans,
  withBlock,
} from './loading.ts'
export { type OperatorRecord, parseOperatorRecord, serializeOperatorRecord } from './operator-record.ts'
