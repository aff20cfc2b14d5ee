import { mkdirSync } from 'node:fs'
import type { Crypto, Entropy } from '@sealwright/core/ports'
import { type KeptVault, type KeyStorage, type KeyVault, keptVault, vaultOver } from '@sealwright/roles/ports'
import { onFile } from '../files/index.ts'
import { keyFolder } from './key-folder.ts'

/** A vault in a folder of its own (0700), one file a key (0600), not encrypted: as safe as the account that owns it. */
export function fileKeyVault(
  folder: string,
  world: { readonly crypto: Crypto; readonly entropy: Entropy },
): KeyVault {
  return vaultOver(world, bareFolder(folder, world))
}

/** The same, with every key read once and kept in memory until it is told to forget. */
export function keptFileKeyVault(
  folder: string,
  world: { readonly crypto: Crypto; readonly entropy: Entropy },
): KeptVault {
  return keptVault(world, bareFolder(folder, world))
}

function bareFolder(folder: string, world: { readonly crypto: Crypto }): KeyStorage {
  onFile(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }))
  return keyFolder(folder, world, 'file')
}
