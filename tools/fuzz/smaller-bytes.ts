/** Shorter and plainer versions of these bytes: large pieces left out first, then small ones, then bytes made zero. */
export function* smallerBytes(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let size = bytes.length; size >= 1; size = size >> 1) {
    for (let at = 0; at < bytes.length; at += size) {
      const out = new Uint8Array(bytes.length - Math.min(size, bytes.length - at))
      out.set(bytes.subarray(0, at))
      out.set(bytes.subarray(Math.min(bytes.length, at + size)), at)
      yield out
    }
  }
  for (let size = 16; size >= 1; size = size >> 2) {
    for (let at = 0; at < bytes.length; at += size) {
      if (bytes.subarray(at, at + size).some((byte) => byte !== 0)) {
        yield Uint8Array.from(bytes, (byte, i) => (i >= at && i < at + size ? 0 : byte))
      }
    }
  }
}
