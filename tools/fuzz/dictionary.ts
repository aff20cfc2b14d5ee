import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as catalog from '@sealwright/core/catalog'
import { root } from '../files.ts'

/** What the formats are made of: numbers, texts and byte strings of the catalog, and the words that the sources of core quote. */
export interface Dictionary {
  readonly numbers: readonly number[]
  readonly words: readonly string[]
  /** All of it as bytes: numbers in one, two and four bytes, words in ASCII. */
  readonly tokens: readonly Uint8Array[]
}

const word = /^[A-Za-z][A-Za-z0-9 .+/-]{0,40}$/

export function readDictionary(): Dictionary {
  const numbers = new Set<number>()
  const words = new Set<string>()
  const strings = new Map<string, Uint8Array>()
  const visit = (value: unknown): void => {
    if (typeof value === 'number') numbers.add(value)
    else if (typeof value === 'string') {
      if (word.test(value)) words.add(value)
    } else if (value instanceof Uint8Array) strings.set(value.join(), value)
    else if (value instanceof Map || value instanceof Set) for (const inner of value) visit(inner)
    else if (typeof value === 'object' && value !== null)
      for (const inner of Object.values(value)) visit(inner)
  }
  visit(catalog)
  for (const found of quotedWords()) words.add(found)
  const integers = [...numbers].filter((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 32)
  return {
    numbers: integers,
    words: [...words],
    tokens: [
      ...strings.values(),
      ...[...words].map((text) => new TextEncoder().encode(text)),
      ...integers.map((n) => bigEndian(n, n < 0x100 ? 1 : n < 0x1_0000 ? 2 : 4)),
      ...integers.map((n) => bigEndian(n, 4)),
    ],
  }
}

export function bigEndian(value: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Math.floor(value / 2 ** (8 * (length - 1 - i))) & 0xff)
}

/** Names of fields and formats: the quoted words in core's sources. */
function quotedWords(): Set<string> {
  const folder = join(root, 'packages/core/src')
  const found = new Set<string>()
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue
    for (const [, text] of readFileSync(join(folder, file), 'utf8').matchAll(
      /'([A-Za-z][A-Za-z -]{0,40})'/g,
    )) {
      found.add(text!)
    }
  }
  return found
}
