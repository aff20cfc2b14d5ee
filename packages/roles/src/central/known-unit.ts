/** A unit as the central system knows it, over a path that protects its integrity. */
export interface KnownUnit {
  /** 65 bytes. */
  readonly point: Uint8Array
  /** 16 bytes; compared with the module's certificate when it is known. */
  readonly customer?: Uint8Array
  /** The mark of its certificate; compared with the module's when it is known. */
  readonly test?: boolean
}
