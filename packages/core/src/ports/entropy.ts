/** Random bytes from outside: cryptographically strong in use, scripted in tests. */
export interface Entropy {
  bytes(length: number): Uint8Array
}
