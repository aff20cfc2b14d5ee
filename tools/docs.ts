/**
 * `npm run docs`: writes the tables between `<!-- generated:NAME -->` and `<!-- /generated -->` in docs/ from the
 * catalog in packages/core, and draws the picture in docs/pictures. `--check` writes nothing and fails where a table is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { catalogTables, type Table } from './catalog-tables.ts'
import { repositoryFiles, root } from './files.ts'

const begin = /^<!-- generated:([a-z-]+) -->$/
const end = '<!-- /generated -->'

/** The page with every generated table renewed; throws on a name without a table and on a missing end mark. */
export function renewed(page: string, tables: Readonly<Record<string, Table>>): string {
  const lines = page.split('\n')
  const out: string[] = []
  for (let i = 0; i < lines.length; i++) {
    out.push(lines[i]!)
    const name = begin.exec(lines[i]!)?.[1]
    if (name === undefined) continue
    const table = tables[name]
    if (table === undefined) throw new Error(`no table is named ${name}: ${Object.keys(tables).join(', ')}`)
    const stop = lines.indexOf(end, i)
    if (stop < 0) throw new Error(`generated:${name} has no ${end}`)
    out.push('', ...markdown(table), '', end)
    i = stop
  }
  return out.join('\n')
}

function markdown({ head, rows }: Table): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function main(check: boolean): void {
  const tables = catalogTables()
  const used = new Set<string>()
  let stale = 0
  for (const path of repositoryFiles().filter((name) => /^docs\/.*\.md$/.test(name))) {
    const before = readFileSync(join(root, path), 'utf8')
    for (const [, name] of before.matchAll(new RegExp(begin, 'gm'))) used.add(name!)
    const after = renewed(before, tables)
    if (after === before) continue
    stale++
    if (check) console.log(`${path}: tables are out of date; run npm run docs`)
    else {
      writeFileSync(join(root, path), after)
      console.log(`${path}: renewed`)
    }
  }
  const unused = Object.keys(tables).filter((name) => !used.has(name))
  console.log(`${used.size} tables in use, ${stale} pages ${check ? 'out of date' : 'renewed'}`)
  if (unused.length > 0) console.log(`not in any page: ${unused.join(', ')}`)
  if (check && stale > 0) process.exitCode = 1
}

/** Takes the life of a module; a test of the full suite compares. */
async function draw(): Promise<void> {
  const { drawMemory, memoryPicture } = await import('./pictures.ts')
  writeFileSync(join(root, memoryPicture), await drawMemory())
  console.log(`${memoryPicture}: drawn`)
}

if (process.argv[1] !== undefined && pathToFileURL(process.argv[1]).href === import.meta.url) {
  const check = process.argv.includes('--check')
  main(check)
  if (!check) await draw()
}
