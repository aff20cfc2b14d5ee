import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../files.ts'
import { bytesFromHex } from './hex.ts'

/** Every byte string and every text of `vectors/*.json`, each once. */
export function vectorSeeds(folder: string = join(root, 'vectors')): Uint8Array[] {
  const found = new Map<string, Uint8Array>()
  const visit = (value: unknown): void => {
    if (typeof value === 'string' && value !== '') {
      const bytes = /^([0-9A-Fa-f]{2})+$/.test(value) ? bytesFromHex(value) : new TextEncoder().encode(value)
      found.set(bytes.join(), bytes)
    } else if (typeof value === 'object' && value !== null)
      for (const inner of Object.values(value)) visit(inner)
  }
  for (const file of readdirSync(folder).sort()) {
    if (file.endsWith('.json')) visit(JSON.parse(readFileSync(join(folder, file), 'utf8')))
  }
  return [...found.values()]
}
