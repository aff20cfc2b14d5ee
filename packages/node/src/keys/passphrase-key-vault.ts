import { join } from 'node:path'
import { wipe } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import { type KeyVault, vaultOver } from '@sealwright/roles/ports'
import { readIfThere, writeAtomically } from '../files/index.ts'
import { fileKeyVault } from './file-key-vault.ts'
import { keyFolder } from './key-folder.ts'
import {
  makeVaultKey,
  openVaultKey,
  rewrapVaultKey,
  type VaultWorld,
  vaultKeySealer,
} from './vault-key-file.ts'

/** A vault that is open; `close` forgets what opens its keys. */
export interface OpenVault {
  readonly vault: KeyVault
  close(): void
}

/**
 * Opens a vault of files under a passphrase, which stays the caller's. Bare files of keys that are sealed as well, which a `protectKeyFiles` that
 * broke off has left, are removed.
 * StateError `keys-passphrase-wrong`; `keys-unprotected` where the folder has no vault key.
 */
export async function openPassphraseVault(
  folder: string,
  passphrase: Uint8Array,
  world: VaultWorld,
): Promise<OpenVault> {
  const key = openVaultKey(world.crypto, requireVaultKey(folder), passphrase)
  try {
    return await sealedVault(folder, key, world)
  } finally {
    wipe(key)
  }
}

/** Makes an empty one. */
export async function makePassphraseVault(
  folder: string,
  passphrase: Uint8Array,
  world: VaultWorld,
): Promise<OpenVault> {
  const { file, key } = makeVaultKey(world, passphrase)
  try {
    writeAtomically(vaultKeyPath(folder), file)
    return await sealedVault(folder, key, world)
  } finally {
    wipe(key)
  }
}

/**
 * Seals the bare key files of a folder under a new passphrase. `commit` makes the sealed ones count, once all of them are on the disk and were
 * read back; the bare ones go after it. Broken off before, nothing has changed; after, opening the vault removes what is left.
 */
export async function protectKeyFiles(
  folder: string,
  passphrase: Uint8Array,
  world: VaultWorld,
  commit: () => void,
): Promise<number> {
  const { file, key } = makeVaultKey(world, passphrase)
  const sealer = vaultKeySealer(world, key)
  try {
    writeAtomically(vaultKeyPath(folder), file)
    const [bare, sealed] = [keyFolder(folder, world, 'file'), keyFolder(folder, world, 'passphrase', sealer)]
    const names = await bare.names()
    for (const name of names) {
      const stored = await bare.load(name)
      if (stored === undefined) continue
      try {
        await sealed.save(name, stored)
        // What cannot be read back must not be the only copy.
        wipe((await sealed.load(name))?.secret)
      } finally {
        wipe(stored.secret)
      }
    }
    commit()
    for (const name of names) await bare.remove(name)
    return names.length
  } finally {
    sealer[Symbol.dispose]()
    wipe(key)
  }
}

/** Puts the vault's key under another passphrase; the key files stay as they are. */
export function changePassphrase(
  folder: string,
  passphrases: { readonly old: Uint8Array; readonly new: Uint8Array },
  world: VaultWorld,
): void {
  writeAtomically(vaultKeyPath(folder), rewrapVaultKey(world, requireVaultKey(folder), passphrases))
}

async function sealedVault(folder: string, key: Uint8Array, world: VaultWorld): Promise<OpenVault> {
  const sealer = vaultKeySealer(world, key)
  const vault = vaultOver(world, keyFolder(folder, world, 'passphrase', sealer))
  const bare = fileKeyVault(folder, world)
  for (const { name } of await bare.list()) if (await vault.has(name)) await bare.remove(name)
  return { vault, close: () => sealer[Symbol.dispose]() }
}

function requireVaultKey(folder: string): Uint8Array {
  const file = readIfThere(vaultKeyPath(folder))
  if (file !== undefined) return file
  throw new StateError(`there is no ${vaultKeyPath(folder)}: what would open the keys is lost`, {
    code: 'vault-key-missing',
  })
}

function vaultKeyPath(folder: string): string {
  return join(folder, 'vault.key')
}
