/** A Buffer seen as the Uint8Array it is: same memory, none of Buffer's methods. */
export function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}
