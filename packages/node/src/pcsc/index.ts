export { notTransacted, resultError } from './results.ts'
export { type ConnectedCard, type PcscOptions, PcscService } from './service.ts'
export { protocols, type ReaderState } from './structures.ts'
