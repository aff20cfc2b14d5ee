import type { PoweredChip } from '@sealwright/roles/ports'
import { loadModuleFile, type ModuleFileOptions } from '../transport/index.ts'

/** Powers up the module in a chip file; the file is replaced as a whole when it is saved. */
export function powerChip(path: string, options: ModuleFileOptions): PoweredChip {
  const module = loadModuleFile(path, options)
  return { transport: module, save: async () => module.save(), close: () => module.close() }
}
