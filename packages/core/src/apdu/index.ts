export {
  type Command,
  type CommandFields,
  command,
  parseCommand,
  serializeCommand,
} from './command.ts'
export { CommandChain, type CommandChainOptions, type CommandChainStep } from './command-chain.ts'
export { exchange } from './exchange.ts'
export { isSuccess, isWarning, parseResponse, type Response, serializeResponse } from './response.ts'
export { ResponseQueue } from './response-queue.ts'
