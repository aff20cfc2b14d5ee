import { encodeHex, wipe } from '@sealwright/core/bytes'
import { keyVersions } from '@sealwright/core/catalog'
import {
  customizationChannelKeys,
  lotDocumentKey,
  lotImageKey,
  parseUnlockingFile,
  scp03KeysOf,
  type UnlockingFile,
  wipeChannelKeys,
} from '@sealwright/core/customization'
import { StateError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import { type Channel, openScp03, plain } from '../channel/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { isLot, requireIndex, useLot } from './lots.ts'

/** Name of the pair whose public key lies in ROM; it signs the customization software. */
export const clientKey = 'client'

/** The vault's name for the unlocking file of a mask. */
export function unlockingName(mask: string): string {
  return `unlocking/${mask}`
}

/** The store's name for a mask file. */
export function maskName(mask: string): string {
  return `masks/${mask}.mask`
}

/** The vault's name for the document key of a module. */
export function documentKeyName(serial: Uint8Array): string {
  return `document/${encodeHex(serial).toLowerCase()}`
}

/** Issuer identification (SIN): the first 8 bytes of SHA-256 over the client's public key. */
export async function issuerIdentification({ crypto, vault }: PartyPorts): Promise<Uint8Array> {
  return crypto.sha256(await vault.publicPoint(clientKey)).slice(0, 8)
}

/**
 * Lends the unlocking data of a chip, which the name of its mask or lot and the iv of its image find; they are wiped after. An image that
 * is none of the lot's is a StateError, before anything goes to the chip.
 */
export async function useUnlocking<T>(
  ports: Pick<PartyPorts, 'crypto' | 'vault'>,
  name: string,
  imageIv: Uint8Array | undefined,
  use: (file: UnlockingFile) => Promise<T>,
): Promise<T> {
  const { crypto, vault } = ports
  if (await isLot(ports, name)) {
    return useLot(ports, name, async (lot) => {
      const key = lotImageKey(crypto, lot.secret, { lot: lot.lot, index: requireIndex(name, lot, imageIv) })
      try {
        const { romDigest, form, hash } = lot
        return await use({ version: 1, romDigest, form, unlocking: { key, hash } })
      } finally {
        wipe(key)
      }
    })
  }
  return vault.useSecret(unlockingName(name), async (bytes) => {
    const file = parseUnlockingFile(bytes)
    try {
      return await use(file)
    } finally {
      wipe(file.unlocking.key, file.unlocking.hash)
    }
  })
}

/** Refuses a chip whose ROM is not this mask's, before any secret goes to it. */
export function requireMask(
  mask: string,
  file: Pick<UnlockingFile, 'romDigest'>,
  romDigest: Uint8Array,
): void {
  if (encodeHex(file.romDigest) !== encodeHex(romDigest)) {
    throw new StateError(`the chip was not made from the mask ${mask}: its ROM is another`)
  }
}

/** Works inside the customization channel and ends it after, so that the module takes plain commands again. */
export function inCustomizationChannel<T>(
  ports: PartyPorts,
  transport: Transport,
  input: { readonly mask: string; readonly serial: Uint8Array; readonly imageIv: Uint8Array | undefined },
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  return useUnlocking(ports, input.mask, input.imageIv, async ({ unlocking }) => {
    const { crypto, entropy } = ports
    const set = customizationChannelKeys(crypto, unlocking.key, input.serial)
    const keys = scp03KeysOf(crypto, set)
    wipeChannelKeys(set)
    try {
      const keyVersion = keyVersions.customization
      const channel = await openScp03(transport, { crypto, entropy, keys, keyVersion })
      try {
        return await work(channel)
      } finally {
        channel.close()
        await plain(transport).exchange('SELECT', { p1: 0x04 })
      }
    } finally {
      keys.enc[Symbol.dispose]()
      keys.mac[Symbol.dispose]()
    }
  })
}

/**
 * Lends the document key of a module: of a lot it comes from the lot's secret, otherwise it is made at the first call and kept in the
 * vault. It is wiped after.
 */
export async function useDocumentKey<T>(
  ports: Pick<PartyPorts, 'crypto' | 'vault'>,
  name: string,
  serial: Uint8Array,
  use: (key: Uint8Array) => T | Promise<T>,
): Promise<T> {
  const { crypto, vault } = ports
  if (await isLot(ports, name)) {
    return useLot(ports, name, async ({ lot, secret }) => {
      const key = lotDocumentKey(crypto, secret, { lot, serial })
      try {
        return await use(key)
      } finally {
        wipe(key)
      }
    })
  }
  const kept = documentKeyName(serial)
  if (!(await vault.has(kept))) await vault.createSecret(kept, 32)
  return vault.useSecret(kept, use)
}

/** The store's name for the manufacturer's root that a module was customized with. */
export function manufacturerRootName(serial: Uint8Array): string {
  return `modules/${encodeHex(serial).toLowerCase()}/manufacturer-root.der`
}

/** The store's name for the identity request of a module. */
export function identityRequestName(serial: Uint8Array): string {
  return `modules/${encodeHex(serial).toLowerCase()}/identity.request`
}

/** The store's name for a module's customization key as a SAM sealed it; the digest is of the SAM's serial number and the chip's identity key. */
export function envelopeName(serial: Uint8Array, digest: Uint8Array): string {
  const key = encodeHex(digest.subarray(0, 8)).toLowerCase()
  return `modules/${encodeHex(serial).toLowerCase()}/customization-key-${key}`
}
