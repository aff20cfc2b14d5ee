import type { StateError } from '@sealwright/core/errors'

/**
 * Bytes both ways, in order, of which some may be lost or changed on the way: a serial line, an I2C bus, Bluetooth's serial port, infrared. What a
 * new kind of line has to be for T=1 to run over it.
 */
export interface ByteStream {
  /** What people call it, for errors. */
  readonly name: string
  /** As a transport's: it leads straight to the module that the person at it sees. Nothing that goes through the air does. */
  readonly direct: boolean
  /** Hears what comes, and once why the stream is over; that never comes after `close`. Called once, before anything is written. */
  listen(listener: ByteListener): void
  /** Hands bytes over in the order of the calls. What goes wrong ends the stream. */
  write(bytes: Uint8Array): void
  /** Gives the line back; a second call does nothing. */
  close(): Promise<void>
}

export interface ByteListener {
  bytes(bytes: Uint8Array): void
  ended(reason: StateError): void
}
