import { Module } from '@sealwright/module'
import { CountingMedium } from '@sealwright/module/medium'
import type { Compile } from '@sealwright/module/programs'
import { nodeCrypto, nodeEntropy } from '../crypto/index.ts'
import { ChipDraft, ChipFile, type ChipOptions } from '../medium/index.ts'
import { type CountingTransport, counting } from './counting.ts'

export interface ModuleFileOptions extends ChipOptions {
  /** Makes programs of their bytes: one for many modules makes each once. */
  readonly compile?: Compile
  /** Hears of defects that the answer 6F00 hides. */
  readonly report?: (error: unknown) => void
}

export interface ModuleFile extends CountingTransport {
  /** For the picture of the memory; no role reaches it. */
  readonly module: Module
}

/** A module whose chip file is written as a whole by `save`, between commands, and not before. */
export interface LoadedModule extends ModuleFile {
  /** Durable on return; a cut leaves the chip as it was or as it is now. */
  save(): void
}

/** Powers up the module in a chip file and holds the file until `close`. Each command is durable before it is answered. */
export function openModuleFile(path: string, options: ModuleFileOptions = {}): ModuleFile {
  return powered(ChipFile.open(path, options), options)
}

/** The same in RAM: for many commands that count only together. */
export function loadModuleFile(path: string, options: ModuleFileOptions = {}): LoadedModule {
  const draft = ChipDraft.load(path, options)
  return { ...powered(draft, options), save: () => draft.save() }
}

function powered(chip: ChipFile | ChipDraft, options: ModuleFileOptions): ModuleFile {
  const { crypto = nodeCrypto, entropy = nodeEntropy, compile, report } = options
  try {
    const medium = new CountingMedium(chip.medium)
    const module = new Module({
      ...{ medium, crypto, entropy },
      ...(compile === undefined ? {} : { compile }),
      ...(report === undefined ? {} : { report }),
    })
    const below = {
      direct: true,
      transmit: async (command: Uint8Array) => module.transmit(command),
      close: async () => {
        module.reset()
        chip.close()
      },
    }
    return { ...counting(below, () => medium.programs), module }
  } catch (error) {
    chip.close()
    throw error
  }
}
