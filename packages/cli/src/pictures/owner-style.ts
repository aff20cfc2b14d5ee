import { element } from './svg.ts'

/** How an owner's bytes are drawn: never by colour alone. */
export interface OwnerStyle {
  readonly fill: string
  /** Of letters on it. */
  readonly ink: string
  /** Lines over the fill, as in `patternOf`; undefined: plain. */
  readonly pattern: PatternName | undefined
}

const patterns = {
  rising: 'M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2',
  falling: 'M-1,5 l2,2 M0,0 l6,6 M5,-1 l2,2',
  upright: 'M1.5,0 v6 M4.5,0 v6',
  level: 'M0,1.5 h6 M0,4.5 h6',
  cross: 'M0,3 h6 M3,0 v6',
} as const

export type PatternName = keyof typeof patterns

/** Parties that have kinds of objects of their own; tenants take turns in what follows. */
const parties: Readonly<Record<string, OwnerStyle>> = {
  module: { fill: '#4d5866', ink: '#ffffff', pattern: undefined },
  client: { fill: '#1f6fb5', ink: '#ffffff', pattern: 'rising' },
  manufacturer: { fill: '#7fb8de', ink: '#102030', pattern: 'level' },
  customer: { fill: '#1b8a5a', ink: '#ffffff', pattern: 'upright' },
  operator: { fill: '#e3a21a', ink: '#201800', pattern: 'falling' },
  loader: { fill: '#b66aa4', ink: '#ffffff', pattern: 'cross' },
  free: { fill: '#fafafa', ink: '#6b7280', pattern: undefined },
}
const tenants: readonly OwnerStyle[] = [
  { fill: '#c8501e', ink: '#ffffff', pattern: 'level' },
  { fill: '#7a4fb0', ink: '#ffffff', pattern: 'falling' },
  { fill: '#8a6d1f', ink: '#ffffff', pattern: 'rising' },
  { fill: '#0f8b8d', ink: '#ffffff', pattern: 'cross' },
  { fill: '#a8324e', ink: '#ffffff', pattern: 'upright' },
]

export function styleOf(owner: string): OwnerStyle {
  const party = parties[owner]
  if (party !== undefined) return party
  const number = Number(/[0-9]+$/.exec(owner)?.[0] ?? 0)
  return tenants[Math.max(0, number - 1) % tenants.length]!
}

/** Definitions of the patterns, for `fill="url(#p-rising)"`. */
export function patternDefinitions(): string[] {
  return Object.entries(patterns).map(([name, path]) =>
    element(
      'pattern',
      { id: `p-${name}`, width: 6, height: 6, patternUnits: 'userSpaceOnUse' },
      element('path', {
        d: path,
        stroke: '#ffffff',
        'stroke-opacity': 0.38,
        'stroke-width': 1,
        fill: 'none',
      }),
    ),
  )
}
