import { fileURLToPath } from 'node:url'
import { readWhole } from '@sealwright/node/files'

/** Programs that come with Sealwright, compiled. */
export const shippedPrograms = ['rom', 'customization', 'added', 'loyalty', 'bank'] as const
export type ShippedProgram = (typeof shippedPrograms)[number]

/** The wasm of a program that comes with Sealwright. */
export function shippedProgram(name: ShippedProgram): Uint8Array {
  return readWhole(fileURLToPath(new URL(`../../../programs/${name}/${name}.wasm`, import.meta.url)))
}

/** Every program that a product may name, by its name. */
export function productPrograms(): Record<string, Uint8Array> {
  return { added: shippedProgram('added'), loyalty: shippedProgram('loyalty') }
}
