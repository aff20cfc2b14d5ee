import { readFileSync } from 'node:fs'
import binaryen from 'assemblyscript/binaryen'

/** A program written as text, with every feature that binaryen knows. */
export function wat(text: string): Uint8Array {
  const module = binaryen.parseText(text)
  try {
    module.setFeatures(binaryen.Features.All)
    return module.emitBinary()
  } finally {
    module.dispose()
  }
}

/** A committed program, e.g. `bank` or `elsewhere/median`. */
export function committed(name: string): Uint8Array {
  const file = name.includes('/') ? `${name}.wasm` : `${name}/${name}.wasm`
  return new Uint8Array(readFileSync(new URL(`../../../../programs/${file}`, import.meta.url)))
}

export const committedNames = [
  'added',
  'bank',
  'customization',
  'loyalty',
  'rom',
  'elsewhere/calculator',
  'elsewhere/median',
] as const
