import { wipe } from '@sealwright/core/bytes'
import { withHandle } from '@sealwright/core/crypto'
import type { Crypto, EcPrivateKey, Entropy } from '@sealwright/core/ports'
import type { KeyVault } from './key-vault.ts'
import { type KeyStorage, type StoredKey, vaultOver } from './memory.ts'

/** A vault that keeps in memory what was once asked for. */
export interface KeptVault extends KeyVault {
  /** Wipes and disposes of what is kept. */
  forget(): void
}

/**
 * The vault's rules over keys that are read once and kept ready: for work with many modules under the same few keys. Only for who holds the
 * storage alone, since changes that others make are not seen.
 */
export function keptVault(
  world: { readonly crypto: Crypto; readonly entropy: Entropy },
  storage: KeyStorage,
): KeptVault {
  const keys = new Map<string, StoredKey>()
  const handles = new Map<string, EcPrivateKey>()
  const drop = (name: string): void => {
    wipe(keys.get(name)?.secret)
    keys.delete(name)
    handles.get(name)?.[Symbol.dispose]()
    handles.delete(name)
  }
  const vault = vaultOver(world, {
    ...storage,
    async load(name) {
      let key = keys.get(name)
      if (key === undefined) {
        key = await storage.load(name)
        if (key === undefined) return undefined
        keys.set(name, key)
      }
      return { kind: key.kind, secret: key.secret.slice() }
    },
    async remove(name) {
      drop(name)
      await storage.remove(name)
    },
  })
  /** The handle of a P-256 pair; undefined for what is none: the vault says why. */
  const pair = async (name: string): Promise<EcPrivateKey | undefined> => {
    const known = handles.get(name)
    if (known !== undefined || !(await vault.has(name))) return known
    const key = keys.get(name)
    if (key?.kind !== 'p256') return undefined
    const handle = world.crypto.ecPrivateKey(key.secret)
    handles.set(name, handle)
    return handle
  }
  return {
    ...vault,
    async publicPoint(name) {
      return (await pair(name))?.publicPoint.slice() ?? vault.publicPoint(name)
    },
    async sign(name, ...parts) {
      return (await pair(name))?.sign(...parts) ?? vault.sign(name, ...parts)
    },
    async agree(name, peerPoint) {
      const own = await pair(name)
      if (own === undefined) return vault.agree(name, peerPoint)
      return withHandle(world.crypto.ecPublicKey(peerPoint), (peer) => own.agree(peer))
    },
    forget() {
      for (const name of [...keys.keys()]) drop(name)
    },
  }
}
