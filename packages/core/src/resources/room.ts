import { concat, Reader, u16, u32 } from '../bytes/index.ts'

/** Room for resources in a module: GET DATA tag DF2A. */
export interface ResourceRoom {
  /** Addresses of the resource zone, `end` not included. */
  readonly start: number
  readonly end: number
  /** Entries of DEF, and how many are free. */
  readonly entries: number
  readonly free: number
}

/** start(4) ‖ end(4) ‖ entries(2) ‖ free ones(2). */
export function serializeResourceRoom({ start, end, entries, free }: ResourceRoom): Uint8Array {
  return concat(u32(start), u32(end), u16(entries), u16(free))
}

export function parseResourceRoom(bytes: Uint8Array): ResourceRoom {
  const r = new Reader(bytes, 'room for resources')
  const room = {
    start: r.u32('start'),
    end: r.u32('end'),
    entries: r.u16('entries'),
    free: r.u16('free entries'),
  }
  r.end()
  if (room.end <= room.start || room.free > room.entries) throw r.fail('no such room')
  return room
}

/** One resource as GET DATA tag DF26 tells it. */
export interface ResourceSummary {
  readonly id: number
  /** Code of its state (`resourceStates`). */
  readonly state: number
  readonly start: number
  readonly end: number
  readonly aid: Uint8Array
}

/** id(1) ‖ state(1) ‖ start(4) ‖ end(4) ‖ length(1) ‖ AID, repeated. */
export function serializeResourceSummaries(list: readonly ResourceSummary[]): Uint8Array {
  return concat(
    ...list.flatMap(({ id, state, start, end, aid }) => [
      Uint8Array.of(id, state),
      u32(start),
      u32(end),
      Uint8Array.of(aid.length),
      aid,
    ]),
  )
}

export function parseResourceSummaries(bytes: Uint8Array): ResourceSummary[] {
  const r = new Reader(bytes, 'resources')
  const list: ResourceSummary[] = []
  while (r.remaining > 0) {
    list.push({
      id: r.u8('id'),
      state: r.u8('state'),
      start: r.u32('start'),
      end: r.u32('end'),
      aid: r.take(r.u8('length of the AID'), 'AID'),
    })
  }
  return list
}
