import { readFileSync } from 'node:fs'

/** A committed program. */
export function committed(name: 'rom' | 'customization' | 'added' | 'loyalty' | 'bank'): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../../programs/${name}/${name}.wasm`, import.meta.url)))
}
