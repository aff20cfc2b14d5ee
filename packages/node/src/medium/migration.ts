import { equal } from '@sealwright/core/bytes'
import { DecodeError } from '@sealwright/core/errors'
import { isCode } from '../lock/index.ts'
import { placeKeyFile } from './chip-key.ts'
import type { ChipWorld } from './chip-world.ts'
import { syncFolderOf, writeError } from './files.ts'
import type { FirstFormat } from './first-format.ts'
import { isOfDraft, makeKeyFile, sealInRam, withNewKey } from './new-chip.ts'

/**
 * Puts a sealed chip file in the place of one of format version 1, with a key file; the old file stays as `path`.v1. A cut at any point
 * leaves the old file under its name or the new one with its key.
 */
export function replaceFirstFormat(path: string, first: FirstFormat, world: ChipWorld): void {
  const { files, say, keys } = world
  try {
    withNewKey(world, (key) => {
      refuseSealedBefore(path, placeKeyFile(path, key.chipId, keys), files)
      const sealed = sealInRam(world, key, { geometry: first.geometry, pages: first.pages })
      const keyPath = placeKeyFile(path, key.chipId, keys)
      const copy = keepCopy(path, files)
      makeKeyFile(path, keyPath, key, sealed, world)
      files.renameSync(`${path}.new`, path)
      syncFolderOf(files, path)
      say(`${path} was of format version 1, which is not sealed: it is version 2 now, its key is ${keyPath}`)
      say(`the old file is kept as ${copy}; it holds every key in clear: remove it when the new one works`)
    })
  } catch (error) {
    files.rmSync(`${path}.new`, { force: true })
    throw writeError(path, error)
  }
}

/**
 * Anybody can make a file of format version 1. Where the key of a sealed chip lies already, such a file is not made new: that would be the way
 * around the seal.
 */
function refuseSealedBefore(path: string, keyPath: string, files: ChipWorld['files']): void {
  if (!files.existsSync(keyPath) || isOfDraft(path, keyPath, files)) return
  throw new DecodeError(
    `${path} is of format version 1, which is not sealed, and the key of a sealed chip lies there already, ${keyPath}: somebody put an old file, or one of his own, in the place of the chip`,
    { code: 'memory-rolled-back' },
  )
}

/** A second name for the old file. One of a run that was cut is the same file; anything else under that name is left alone. */
function keepCopy(path: string, files: ChipWorld['files']): string {
  for (let n = 0; ; n++) {
    const copy = n === 0 ? `${path}.v1` : `${path}.v1.${n}`
    try {
      files.linkSync(path, copy)
      return copy
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error
      if (equal(files.readFileSync(copy), files.readFileSync(path))) return copy
    }
  }
}
