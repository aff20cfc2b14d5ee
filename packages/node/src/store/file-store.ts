import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { requireStoreName, type Store } from '@sealwright/roles/ports'
import { isMissing, onFile, readIfThere, writeAtomically } from '../files/index.ts'

/** A store in a folder of its own (0700). Names that begin with a dot are unfinished writes and not listed. */
export function fileStore(folder: string): Store {
  onFile(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }))
  const path = (name: string): string => {
    requireStoreName(name)
    return join(folder, ...name.split('/'))
  }
  return {
    read: async (name) => readIfThere(path(name)),
    write: async (name, bytes) => writeAtomically(path(name), bytes),
    list: async (prefix = '') =>
      fileNames(folder)
        .filter((name) => name.startsWith(prefix))
        .sort(),
    remove: async (name) => {
      const file = path(name)
      onFile(file, () => rmSync(file, { force: true }))
    },
  }
}

/** Every file below the folder, with `/` between the parts of its name, in no order. */
export function fileNames(folder: string, above = ''): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      if (entry.name.startsWith('.')) return []
      const name = above + entry.name
      if (entry.isDirectory()) return fileNames(join(folder, entry.name), `${name}/`)
      return entry.isFile() ? [name] : []
    })
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}
