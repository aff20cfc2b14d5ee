export { type DoubleUse, type Merged, type MergeInput, mergeTickets, type TicketAccount } from './merge.ts'
export { parseTicketRecord, serializeTicketRecord, type TicketRecord } from './record.ts'
export {
  checkTicket,
  highestCount,
  nextUse,
  parseTicket,
  prepareTicket,
  type Ticket,
  type TicketExpectation,
  type TicketReason,
  type TicketRefusal,
  type TicketResult,
  ticketReasons,
} from './ticket.ts'
