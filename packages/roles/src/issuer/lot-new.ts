import { encodeHex, equal, wipe } from '@sealwright/core/bytes'
import { withHandle } from '@sealwright/core/crypto'
import {
  isTestMask,
  type LotFile,
  type LotKind,
  lotImageIv,
  lotImageKey,
  lotOrderOf,
  parseMaskFile,
  sealImage,
  serializeLotFile,
  serializeLotOrder,
} from '@sealwright/core/customization'
import { InternalError, StateError, UsageError } from '@sealwright/core/errors'
import type { Crypto } from '@sealwright/core/ports'
import type { MaskLayout, PartyPorts } from '../ports/index.ts'
import { lotImagesName, serializeLotImages } from './lot-images.ts'
import { isLot, lotIndices, lotName, useLot } from './lots.ts'
import { maskName, unlockingName, useUnlocking } from './masks.ts'

export interface NewLotInput {
  /** Name of the lot among the issuer's files: a-z, 0-9, hyphen; no mask has it. */
  readonly name: string
  /** The mask that the chips are made from. */
  readonly mask: string
  readonly layout: MaskLayout
  /** How many chips, 1 to 100,000. */
  readonly count: number
  readonly kind: LotKind
}

export interface NewLot {
  /** The order for the manufacturer. */
  readonly file: Uint8Array
  /** 8 bytes. */
  readonly lot: Uint8Array
  readonly romDigest: Uint8Array
  readonly test: boolean
  /** False: the lot of this name was made before, and this is its order. */
  readonly made: boolean
}

/**
 * Makes a lot of chips of one mask: the customization software is encrypted anew, for each chip under a key of its own or for all under one,
 * which all come from a secret that stays in the vault. Asked again for the same name it gives the same order.
 */
export async function newLot(ports: PartyPorts, input: NewLotInput): Promise<NewLot> {
  const { entropy, store, vault } = ports
  const { name, mask: maskNamed, layout, count, kind } = input
  if (!Number.isInteger(count) || count < 1 || count > mostChips) {
    throw new UsageError(`a lot has 1 to ${mostChips} chips, not ${count}`)
  }
  if (await vault.has(unlockingName(name)))
    throw new UsageError(`a mask is named ${name}; choose another name`)
  const stored = await store.read(maskName(maskNamed))
  if (stored === undefined) {
    throw new StateError(`there is no mask named ${maskNamed}: make it with \`sealwright issuer mask\``)
  }
  const mask = parseMaskFile(stored)
  const image = layout.image(mask)
  return useUnlocking(ports, maskNamed, image.bytes.subarray(0, 16), async (file) => {
    const { romDigest, form, unlocking } = file
    const made = !(await isLot(ports, name))
    if (made) {
      const secret = entropy.bytes(32)
      const draft: LotFile = {
        version: 1,
        lot: entropy.bytes(8),
        kind,
        count,
        romDigest,
        form,
        hash: unlocking.hash,
        secret,
      }
      const bytes = serializeLotFile(draft)
      try {
        await vault.importSecret(lotName(name), bytes)
      } finally {
        wipe(secret, bytes)
      }
    }
    return useLot(ports, name, async (lot) => {
      requireSame(input, lot, file)
      const plaintext = decrypted(ports.crypto, unlocking, image.bytes)
      try {
        const images = sealedImages(ports, lot, plaintext)
        const place = { address: image.address, length: image.bytes.length }
        const order = lotOrderOf(mask, place, { lot: lot.lot, kind: lot.kind, count: lot.count, images })
        const { lot: id } = lot
        await store.write(
          lotImagesName(name),
          serializeLotImages(images.map((one) => ports.crypto.sha256(one))),
        )
        return { file: serializeLotOrder(order), lot: id, romDigest, test: isTestMask(mask), made }
      } finally {
        wipe(plaintext)
      }
    })
  })
}

/** A lot that is there is the one asked for, or the name is taken. */
function requireSame(
  { name, count, kind, mask }: NewLotInput,
  lot: LotFile,
  { romDigest, unlocking }: { romDigest: Uint8Array; unlocking: { hash: Uint8Array } },
): void {
  const differs =
    lot.count !== count
      ? `${lot.count} chips`
      : lot.kind !== kind
        ? `${lot.kind === 'one-key' ? 'one key' : 'a key for each chip'}`
        : encodeHex(lot.romDigest) !== encodeHex(romDigest) || !equal(lot.hash, unlocking.hash)
          ? `another mask than ${mask}`
          : undefined
  if (differs !== undefined) {
    throw new UsageError(`the lot ${name} was made before, with ${differs}; choose another name`)
  }
}

function decrypted(
  crypto: Crypto,
  { key, hash }: { readonly key: Uint8Array; readonly hash: Uint8Array },
  sealed: Uint8Array,
): Uint8Array {
  const plaintext = withHandle(crypto.aes(key), (handle) =>
    handle.ctr(sealed.subarray(0, 16), sealed.subarray(16)),
  )
  if (equal(crypto.sha256(plaintext), hash)) return plaintext
  wipe(plaintext)
  throw new InternalError('the image of the mask does not open with its key')
}

function sealedImages({ crypto, progress }: PartyPorts, lot: LotFile, plaintext: Uint8Array): Uint8Array[] {
  return lotIndices(lot).map((index) => {
    if (index > 0 && index % 10_000 === 0) progress(`image ${index} of ${lot.count}`)
    const image = { lot: lot.lot, index }
    const key = lotImageKey(crypto, lot.secret, image)
    try {
      return sealImage(crypto, key, lotImageIv(image), plaintext)
    } finally {
      wipe(key)
    }
  })
}

const mostChips = 100_000
