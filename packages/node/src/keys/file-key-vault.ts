import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { wipe } from '@sealwright/core/bytes'
import type { Crypto, Entropy } from '@sealwright/core/ports'
import {
  type KeptVault,
  type KeyStorage,
  type KeyVault,
  keptVault,
  type StoredKey,
  vaultOver,
} from '@sealwright/roles/ports'
import { onFile, readIfThere, writeAtomically } from '../files/index.ts'
import { fileNames } from '../store/index.ts'
import { keyFileEndings, parseKeyFile, serializeKeyFile } from './key-files.ts'

/** A vault in a folder of its own (0700), one file a key (0600), not encrypted: as safe as the account that owns it. */
export function fileKeyVault(
  folder: string,
  world: { readonly crypto: Crypto; readonly entropy: Entropy },
): KeyVault {
  return vaultOver(world, keyFolder(folder, world))
}

/** The same, with every key read once and kept in memory until it is told to forget. */
export function keptFileKeyVault(
  folder: string,
  world: { readonly crypto: Crypto; readonly entropy: Entropy },
): KeptVault {
  return keptVault(world, keyFolder(folder, world))
}

function keyFolder(folder: string, world: { readonly crypto: Crypto }): KeyStorage {
  onFile(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }))
  const path = (name: string, kind: StoredKey['kind']) =>
    join(folder, ...`${name}${keyFileEndings[kind]}`.split('/'))
  const kinds = Object.keys(keyFileEndings) as StoredKey['kind'][]
  return {
    async load(name) {
      for (const kind of kinds) {
        const bytes = readIfThere(path(name, kind))
        if (bytes === undefined) continue
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
        writeAtomically(path(name, key.kind), bytes)
      } finally {
        wipe(bytes)
      }
    },
    names: async () =>
      fileNames(folder).flatMap((file) => {
        const ending = Object.values(keyFileEndings).find((one) => file.endsWith(one))
        return ending === undefined ? [] : [file.slice(0, -ending.length)]
      }),
    async remove(name) {
      for (const kind of kinds) {
        const file = path(name, kind)
        onFile(file, () => rmSync(file, { force: true }))
      }
    },
  }
}
