/** The host of a mutual channel. */
export interface ChannelPeer {
  /** The key that it proved, 65 bytes. */
  readonly point: Uint8Array
  /** Of a unit: the key of its certificate from the manufacturer, which the key above is certified by. */
  readonly unitPoint?: Uint8Array
}
