import { equal, wipe } from '@sealwright/core/bytes'
import { indexInLot, type LotFile, lotImageOf, parseLotFile } from '@sealwright/core/customization'
import { StateError } from '@sealwright/core/errors'
import { type Certificate, parseCertificate } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'

/** The vault's name for the file of a lot. */
export function lotName(name: string): string {
  return `lots/${name}`
}

/** The store's name for the manufacturer's root that a lot was customized with. */
export function lotRootName(name: string): string {
  return `lots/${name}/manufacturer-root.der`
}

/** The manufacturer's root that a lot was customized with. */
export async function lotRoot({ store }: Pick<PartyPorts, 'store'>, name: string): Promise<Certificate> {
  const root = await store.read(lotRootName(name))
  if (root === undefined) throw new StateError(`the lot ${name} was not customized here`)
  return parseCertificate(root)
}

/** Whether a lot has this name. */
export function isLot({ vault }: Pick<PartyPorts, 'vault'>, name: string): Promise<boolean> {
  return vault.has(lotName(name))
}

/** Lends the file of a lot; its secret is wiped after. */
export function useLot<T>(
  { vault }: Pick<PartyPorts, 'vault'>,
  name: string,
  use: (file: LotFile) => T | Promise<T>,
): Promise<T> {
  return vault.useSecret(lotName(name), async (bytes) => {
    const file = parseLotFile(bytes)
    try {
      return await use(file)
    } finally {
      wipe(file.secret, file.hash)
    }
  })
}

/** The index of a chip's image in the lot; a chip of no lot, of another one or outside the order is a StateError. */
export function requireIndex(name: string, lot: LotFile, imageIv: Uint8Array | undefined): number {
  const index = imageIv === undefined ? undefined : indexInLot(lot, imageIv)
  if (index !== undefined) return index
  const other = imageIv === undefined ? undefined : lotImageOf(imageIv)
  const reason =
    imageIv === undefined
      ? 'it has no encrypted image'
      : other !== undefined && equal(other.lot, lot.lot)
        ? `its image ${other.index} was not ordered`
        : 'its image is of another lot or of none'
  throw new StateError(`the chip is not of the lot ${name}: ${reason}`, { code: 'wrong-lot' })
}

/** The indices of a lot's images: one for each chip, or 0 for all. */
export function lotIndices({ kind, count }: Pick<LotFile, 'kind' | 'count'>): number[] {
  return kind === 'one-key' ? [0] : Array.from({ length: count }, (_, i) => i + 1)
}
