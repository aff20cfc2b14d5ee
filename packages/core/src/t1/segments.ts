/** An APDU in pieces of at most `size` bytes; an empty one is one empty piece. */
export function segments(apdu: Uint8Array, size: number): Uint8Array[] {
  const all: Uint8Array[] = []
  for (let at = 0; at < apdu.length || all.length === 0; at += size) all.push(apdu.subarray(at, at + size))
  return all
}

/** What a received piece counts towards the longest APDU. An empty one counts too: a chain of such has no end. */
export function weightOf(piece: Uint8Array): number {
  return Math.max(1, piece.length)
}
