import { readFileSync } from 'node:fs'
import type { ProgramName, Programs } from './life.ts'

const names: readonly ProgramName[] = ['rom', 'customization', 'added', 'loyalty', 'bank']

/** The committed programs. */
export function readPrograms(): Programs {
  const read = (name: ProgramName): Uint8Array =>
    new Uint8Array(readFileSync(new URL(`../../../../programs/${name}/${name}.wasm`, import.meta.url)))
  return Object.fromEntries(names.map((name) => [name, read(name)])) as Record<ProgramName, Uint8Array>
}
