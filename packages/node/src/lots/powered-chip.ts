import type { PoweredChip } from '@sealwright/roles/ports'
import { openModuleFile } from '../transport/index.ts'

/** Powers up the module in a chip file. */
export function powerChip(path: string, command: string): PoweredChip {
  const module = openModuleFile(path, { command })
  return { transport: module, save: async () => {}, close: () => module.close() }
}
