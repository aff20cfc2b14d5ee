import { encodeHex } from '@sealwright/core/bytes'
import type { ErrorCode } from '@sealwright/core/errors'

/** What a command found out: one object for programs, lines for people. */
export interface Report {
  readonly json: Readonly<Record<string, unknown>>
  readonly lines: readonly string[]
  /** The command ran, but what it looked at is not as it should be: its exit status and hint are this code's. */
  readonly failure?: ErrorCode
}

export function report(json: Record<string, unknown>, ...lines: readonly string[]): Report {
  return { json, lines }
}

/** A report whose exit status tells that something is wrong; `ok` in its JSON is false. */
export function failing(code: ErrorCode, found: Report): Report {
  return { ...found, json: { ...found.json, ok: false, code }, failure: code }
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
