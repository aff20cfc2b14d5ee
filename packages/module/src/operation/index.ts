export { carryOut, type OperationParts } from './carry-out.ts'
