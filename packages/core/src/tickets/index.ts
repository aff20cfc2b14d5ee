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
