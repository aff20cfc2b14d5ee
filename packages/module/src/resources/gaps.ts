import type { Span } from './definition.ts'

/** Where `length` bytes fit first between `start` and `end` beside what is taken; undefined when they fit nowhere. */
export function firstFit(
  { start, end }: { readonly start: number; readonly end: number },
  taken: readonly Span[],
  length: number,
): number | undefined {
  let at = start
  for (const span of byAddress(taken)) {
    if (span.start - at >= length) return at
    at = Math.max(at, span.start + span.length)
  }
  return end - at >= length ? at : undefined
}

export function overlaps(a: Span, b: Span): boolean {
  return a.start < b.start + b.length && b.start < a.start + a.length
}

/** Those that have bytes, ascending. */
export function byAddress(spans: readonly Span[]): Span[] {
  return spans.filter(({ length }) => length > 0).sort((a, b) => a.start - b.start)
}
