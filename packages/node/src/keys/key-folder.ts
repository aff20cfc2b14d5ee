import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { wipe } from '@sealwright/core/bytes'
import type { Crypto } from '@sealwright/core/ports'
import type { KeyStorage, StoredKey, VaultKind } from '@sealwright/roles/ports'
import { onFile, readIfThere, writeAtomically } from '../files/index.ts'
import { fileNames } from '../store/index.ts'
import { keyFileEndings, parseKeyFile, serializeKeyFile } from './key-files.ts'
import { type KeySealer, openKeyFile, sealedEnding, sealKeyFile } from './sealed-key-file.ts'

/** One file a key (0600) in a folder (0700): as it is, or sealed. Keys of the other form are not seen. */
export function keyFolder(
  folder: string,
  world: { readonly crypto: Crypto },
  place: VaultKind,
  sealer?: KeySealer,
): KeyStorage {
  const after = sealer === undefined ? '' : sealedEnding
  const path = (name: string, kind: StoredKey['kind']): string =>
    join(folder, ...`${name}${keyFileEndings[kind]}${after}`.split('/'))
  return {
    place,
    async load(name) {
      for (const kind of kinds) {
        const file = readIfThere(path(name, kind))
        if (file === undefined) continue
        const bytes =
          sealer === undefined ? file : await openKeyFile(sealer, `${name}${keyFileEndings[kind]}`, file)
        try {
          return parseKeyFile(kind, bytes)
        } finally {
          wipe(bytes)
        }
      }
      return undefined
    },
    async save(name, key) {
      const bytes = serializeKeyFile(world.crypto, key)
      try {
        const file =
          sealer === undefined
            ? bytes
            : await sealKeyFile(sealer, `${name}${keyFileEndings[key.kind]}`, bytes)
        onFile(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }))
        writeAtomically(path(name, key.kind), file)
      } finally {
        wipe(bytes)
      }
    },
    names: async () =>
      fileNames(folder).flatMap((file) => {
        const ending = endings.find((one) => file.endsWith(one + after))
        return ending === undefined ? [] : [file.slice(0, -(ending + after).length)]
      }),
    async remove(name) {
      for (const kind of kinds) {
        const file = path(name, kind)
        onFile(file, () => rmSync(file, { force: true }))
      }
    },
  }
}

const kinds = Object.keys(keyFileEndings) as StoredKey['kind'][]
const endings = Object.values(keyFileEndings)
