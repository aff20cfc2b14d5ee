export { type ChainedEvent, chainStart, nextLink, passportHeadInput } from './event-chain.ts'
