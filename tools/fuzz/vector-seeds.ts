import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../files.ts'
import { bytesFromHex } from './hex.ts'

/** Vectors of primitives: keys, messages and digests have no structure. */
const ofPrimitives =
  /^(aes|an10922|check-values|cmac|derive-key|ec|ed25519|hkdf|hmac|kbkdf|kdf3|key-derivation|merkle|private|scp03-kdf|sha|x963)/

/** Every byte string and every text of the formats in `vectors/*.json`, each once. */
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
    if (file.endsWith('.json') && !ofPrimitives.test(file))
      visit(JSON.parse(readFileSync(join(folder, file), 'utf8')))
  }
  return [...found.values()]
}
