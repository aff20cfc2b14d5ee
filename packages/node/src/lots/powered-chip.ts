import { setTimeout as pause } from 'node:timers/promises'
import { StateError } from '@sealwright/core/errors'
import type { PoweredChip } from '@sealwright/roles/ports'
import { loadModuleFile, type ModuleFileOptions } from '../transport/index.ts'

/**
 * Powers up the module in a chip file; the file is replaced as a whole when it is saved. A process of a run that was killed ends with the
 * chip that it has: so long the chip is waited for.
 */
export async function powerChip(path: string, options: ModuleFileOptions): Promise<PoweredChip> {
  const module = await onceFree(() => loadModuleFile(path, options))
  return { transport: module, save: async () => module.save(), close: () => module.close() }
}

async function onceFree<T>(open: () => T): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return open()
    } catch (error) {
      const held = error instanceof StateError && error.code === 'memory-held'
      if (!held || tries === mostTries) throw error
    }
    await pause(pauseMs)
  }
}

/** Two seconds in all. */
const mostTries = 41
const pauseMs = 50
