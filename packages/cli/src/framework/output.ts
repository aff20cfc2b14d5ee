import { encodeHex } from '@sealwright/core/bytes'

/** What a command found out: one object for programs, lines for people. */
export interface Report {
  readonly json: Readonly<Record<string, unknown>>
  readonly lines: readonly string[]
}

export function report(json: Record<string, unknown>, ...lines: readonly string[]): Report {
  return { json, lines }
}

/** Columns padded to their widest cell, two blanks between. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows]
  const widths = head.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length)))
  return all.map((row) =>
    widths
      .map((width, i) => (row[i] ?? '').padEnd(width))
      .join('  ')
      .trimEnd(),
  )
}

/** Name and value on each line, values aligned; undefined values are left out. */
export function fields(values: Readonly<Record<string, string | number | undefined>>): string[] {
  const rows = Object.entries(values).filter(([, value]) => value !== undefined)
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`)
}

/** JSON with bytes as hex and big numbers as text. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(
    value,
    (_, inner) => {
      if (inner instanceof Uint8Array) return encodeHex(inner)
      if (typeof inner === 'bigint') return inner.toString()
      if (inner instanceof Map) return Object.fromEntries(inner)
      return inner
    },
    indent,
  )
}
