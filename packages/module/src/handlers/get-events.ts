import { Reader, Writer } from '@sealwright/core/bytes'
import type { Call, Parts } from '../parts.ts'

/** GET EVENTS: kept events from a number on, as many as fit one short answer. */
export function getEvents({ events }: Pick<Parts, 'events'>, { data }: Pick<Call, 'data'>): Uint8Array {
  const r = new Reader(data, 'GET EVENTS')
  const from = r.u32('from')
  r.end()
  const answer = new Writer()
  for (const event of events.list(from).slice(0, eventsPerAnswer)) {
    answer.u32(event.number).u8(event.type).bytes(event.digest).bytes(event.chain)
  }
  return answer.finish()
}

// 69 bytes each; protected answers must still fit 256 bytes.
const eventsPerAnswer = 3
