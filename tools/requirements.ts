/** `docs/requirements.md` as data: sections, rows, clauses. */
export interface Clause {
  readonly id: string
  readonly text: string
  readonly done: boolean
}

export interface Row {
  readonly id: string
  readonly title: string
  readonly section: string
  readonly clauses: readonly Clause[]
}

export interface Requirements {
  readonly rows: readonly Row[]
  /** What is wrong with the page itself. */
  readonly problems: readonly string[]
}

/** How many rows each section of the requirements has. */
export const rowCounts: Readonly<Record<string, number>> = {
  D: 13,
  B: 24,
  A: 16,
  C: 17,
  X: 10,
  E: 8,
  P: 8,
  R: 9,
}

/** Rows before the heading `## Narrower …`; everything that looks like a row or clause and is none is a problem. */
export function parseRequirements(page: string): Requirements {
  const rows: (Row & { clauses: Clause[] })[] = []
  const problems: string[] = []
  let section = ''
  for (const [i, line] of page.split('\n').entries()) {
    const problem = (text: string): unknown => problems.push(`requirements.md:${i + 1} ${text}`)
    if (line.startsWith('## ')) {
      if (line.startsWith('## Narrower')) break
      section = line.slice(3)
    } else if (line.startsWith('#### ') || line.startsWith('### ')) {
      const match = /^### ([A-Z]\d+) · (.+)$/.exec(line)
      if (match === null) problem('a row is "### D3 · title"')
      else if (!section.startsWith(`${match[1]![0]}. `)) problem(`${match[1]} stands in section ${section}`)
      else if (rows.some(({ id }) => id === match[1])) problem(`${match[1]} stands twice`)
      else rows.push({ id: match[1]!, title: match[2]!, section, clauses: [] })
    } else if (/^\s*[-*] /.test(line)) {
      const match = /^- \[([ x])\] ([A-Z]\d+)([a-z]) (\S.*)$/.exec(line)
      const row = rows.at(-1)
      if (match === null || row === undefined) problem('a clause is "- [ ] D3a text" under its row')
      else if (match[2] !== row.id) problem(`${match[2]}${match[3]} stands under ${row.id}`)
      else if (match[3] !== letter(row.clauses.length))
        problem(`the next clause of ${row.id} is ${row.id}${letter(row.clauses.length)}`)
      else row.clauses.push({ id: match[2] + match[3]!, text: match[4]!, done: match[1] === 'x' })
    }
  }
  for (const { id, clauses } of rows)
    if (clauses.length === 0) problems.push(`requirements.md: ${id} has no clause`)
  return { rows, problems }
}

/** The rows of a table page `| D1 | text |`, as in the requirements the project was given. */
export function tableRows(page: string): string[] {
  return [...page.matchAll(/^\| ([A-Z]\d+) \|/gm)].map((match) => match[1]!)
}

export function allRows(): string[] {
  return Object.entries(rowCounts).flatMap(([section, count]) =>
    Array.from({ length: count }, (_, i) => `${section}${i + 1}`),
  )
}

function letter(index: number): string {
  return String.fromCharCode(0x61 + index)
}
