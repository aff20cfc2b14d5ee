import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { wat } from '../wat.ts'
import { built } from './built.ts'

const folder = new URL('programs/', import.meta.url)

/** Every hostile program by its name, made from its source: text in programs/, or what `built` puts together. */
export function hostileSources(): ReadonlyMap<string, () => Uint8Array> {
  const texts = readdirSync(folder)
    .filter((file) => file.endsWith('.wat'))
    .map((file): [string, () => Uint8Array] => [
      file.slice(0, -'.wat'.length),
      () => wat(readFileSync(new URL(file, folder), 'utf8')),
    ])
  return new Map([...texts, ...Object.entries(built)].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The committed bytes of a hostile program. */
export function hostile(name: string): Uint8Array {
  return new Uint8Array(readFileSync(hostileFile(name)))
}

export function hostileFile(name: string): string {
  return fileURLToPath(new URL(`${name}.wasm`, folder))
}
