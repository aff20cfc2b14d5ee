import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** One test that was run, as `tools/test.ts` writes it and `tools/trace.ts` reads it. */
export interface TestResult {
  readonly title: string
  /** From the top of the repository, with `/`. */
  readonly file: string
  readonly ok: boolean
  readonly skipped: boolean
  readonly ms: number
}

export interface Results {
  readonly version: 1
  /** Version of the Node that ran them. */
  readonly node: string
  readonly full: boolean
  readonly tests: readonly TestResult[]
}

export function serializeResults(results: Results): string {
  return `${JSON.stringify(results, null, 1)}\n`
}

export function parseResults(text: string): Results {
  const results = JSON.parse(text) as Results
  if (results.version !== 1 || !Array.isArray(results.tests)) throw new Error('no results of tools/test.ts')
  return results
}

export function saveResults(path: string, results: Results): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, serializeResults(results))
}
