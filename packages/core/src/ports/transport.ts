/** The only door of a role to a module: one command APDU in, one response APDU (data and status word) out. */
export interface Transport {
  transmit(command: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}
