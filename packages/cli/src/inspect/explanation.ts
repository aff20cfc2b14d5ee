/** What something is, and what stands in it. */
export interface Explanation {
  readonly kind: string
  readonly json: Readonly<Record<string, unknown>>
  readonly lines: readonly string[]
}
