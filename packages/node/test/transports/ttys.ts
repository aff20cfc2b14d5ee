import assert from 'node:assert/strict'
import { relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { whyNoPty } from '../../src/testing/index.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** Why this file's tests over ttys do not run here, told on standard error too; undefined where they do. In CI they have to. */
export function tellWhyNoTtys(file: string): string | undefined {
  const missing = whyNoPty()
  if (missing !== undefined)
    process.stderr.write(`NOT RUN: ${relative(root, fileURLToPath(file))}: ${missing}\n`)
  test('ttys can be had here, or this is not CI', () => {
    assert.ok(missing === undefined || process.env['CI'] === undefined, missing)
  })
  return missing
}
