/** The only door of a role to a module: one command APDU in, one response APDU (data and status word) out. */
export interface Transport {
  /**
   * The line leads straight to one module that the person at it sees: a cable, a reader, the same process. Absent: others may stand in it.
   * That a link encrypts what passes does not make it direct.
   */
  readonly direct?: boolean | undefined
  transmit(command: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}
