/** The world's time; the module has none of its own. */
export interface Clock {
  /** Seconds since 1970-01-01T00:00:00Z. */
  now(): number
}
