import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../files.ts'
import { type Defect, identity } from './target.ts'

/** One file of `vectors/regress`: an input that broke a law once. */
export interface Finding {
  readonly version: 1
  readonly target: string
  /** What was broken when it was found. */
  readonly defect: Defect
  /** As the target writes it. */
  readonly input: unknown
}

export const regressFolder = join(root, 'vectors/regress')

/** Every finding of the folder by its file's name. */
export function readFindings(folder: string = regressFolder): Map<string, Finding> {
  if (!existsSync(folder)) return new Map()
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  return new Map(files.sort().map((name) => [name, readFinding(join(folder, name))]))
}

export function readFinding(path: string): Finding {
  const finding = JSON.parse(readFileSync(path, 'utf8')) as Finding
  if (finding.version !== 1) throw new Error(`${path}: no finding of version 1`)
  return finding
}

/** Writes a file that is named for the defect, unless there is one for it; its path. */
export function writeFinding(finding: Finding, folder: string = regressFolder): string {
  for (const [name, known] of readFindings(folder)) {
    if (known.target === finding.target && identity(known.defect) === identity(finding.defect)) {
      return join(folder, name)
    }
  }
  mkdirSync(folder, { recursive: true })
  const { kind, subject, detail } = finding.defect
  const words = `${subject} ${kind} ${detail.split(' ')[0]}`.replaceAll(/([a-z])([A-Z])/g, '$1-$2')
  const name = words
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, 70)
  let path = join(folder, `${name}.json`)
  for (let n = 2; existsSync(path); n++) path = join(folder, `${name}-${n}.json`)
  writeFileSync(path, `${JSON.stringify(finding, null, 2)}\n`)
  return path
}
