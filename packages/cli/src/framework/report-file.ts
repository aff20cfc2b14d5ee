import { extname } from 'node:path'
import { UsageError } from '@sealwright/core/errors'

/** A cell of a report: undefined is empty in CSV and left out in JSON. */
export type ReportCell = string | number | boolean | undefined

/** Rows of a report by the names of their columns. */
export type ReportRows = AsyncIterable<ReportRow> | Iterable<ReportRow>
type ReportRow = Readonly<Record<string, ReportCell>>

/** Refuses (UsageError) a report whose name says neither CSV nor JSON: before anything else is done. */
export function requireReportName(file: string | undefined): void {
  if (file !== undefined && formatOf(file) === undefined) {
    throw new UsageError(`${file}: a report is a .csv or a .json file`)
  }
}

/** The report in the format that the file's name says: CSV (RFC 4180) with a head, or a JSON array with one object a line. */
export async function reportBytes(
  file: string,
  columns: readonly string[],
  rows: ReportRows,
): Promise<Uint8Array> {
  requireReportName(file)
  const lines: string[] = []
  const csv = formatOf(file) === 'csv'
  for await (const row of rows) {
    lines.push(
      csv
        ? columns.map((name) => cell(row[name])).join(',')
        : JSON.stringify(Object.fromEntries(columns.map((name) => [name, row[name]]))),
    )
  }
  const text = csv
    ? `${[columns.join(','), ...lines].join('\r\n')}\r\n`
    : lines.length === 0
      ? '[]\n'
      : `[\n${lines.join(',\n')}\n]\n`
  return new TextEncoder().encode(text)
}

function formatOf(file: string): 'csv' | 'json' | undefined {
  const ending = extname(file).toLowerCase()
  return ending === '.csv' ? 'csv' : ending === '.json' ? 'json' : undefined
}

/** What begins like a formula is no formula: spreadsheets run what others wrote. */
function cell(value: ReportCell): string {
  if (value === undefined) return ''
  const plain = String(value)
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(plain) ? `'${plain}` : plain
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
