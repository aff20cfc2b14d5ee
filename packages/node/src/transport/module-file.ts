import { Module } from '@sealwright/module'
import { CountingMedium } from '@sealwright/module/medium'
import { nodeCrypto, nodeEntropy } from '../crypto/index.ts'
import { ChipFile, type ChipOptions } from '../medium/index.ts'
import { type CountingTransport, counting } from './counting.ts'

export interface ModuleFileOptions extends ChipOptions {
  /** Hears of defects that the answer 6F00 hides. */
  readonly report?: (error: unknown) => void
}

export interface ModuleFile extends CountingTransport {
  /** For the picture of the memory; no role reaches it. */
  readonly module: Module
}

/** Powers up the module in a chip file and holds the file until `close`. */
export function openModuleFile(path: string, options: ModuleFileOptions = {}): ModuleFile {
  const { crypto = nodeCrypto, entropy = nodeEntropy, report } = options
  const file = ChipFile.open(path, options)
  try {
    const medium = new CountingMedium(file.medium)
    const module = new Module({ medium, crypto, entropy, ...(report === undefined ? {} : { report }) })
    const below = {
      transmit: async (command: Uint8Array) => module.transmit(command),
      close: async () => {
        module.reset()
        file.close()
      },
    }
    return { ...counting(below, () => medium.programs), module }
  } catch (error) {
    file.close()
    throw error
  }
}
