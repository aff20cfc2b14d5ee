import { equal } from '@sealwright/core/bytes'
import {
  type ChipStatus,
  isLotNote,
  type LotNote,
  lotImageOf,
  parseDeliveryNote,
  parseLotNote,
} from '@sealwright/core/customization'
import { StateError } from '@sealwright/core/errors'

/** What a delivery note says of one chip. */
export interface DeliveredChip {
  /** SHA-256 of the ROM image. */
  readonly romDigest: Uint8Array
  /** SHA-256 of the encrypted image. */
  readonly imageDigest: Uint8Array
  /** Of a lot with a key for each chip: the index of its image, which no other chip has. */
  readonly index?: number
}

/** A delivery note of the manufacturer: of a mask, or of a lot. */
export interface Delivery {
  /** What the note says of the chip that answers so; a chip that is not of this delivery is a StateError. */
  chip(status: Pick<ChipStatus, 'romDigest' | 'imageIv'>): DeliveredChip
}

/** Reads a delivery note of either kind. */
export function readDelivery(bytes: Uint8Array): Delivery {
  if (isLotNote(bytes)) return ofLot(parseLotNote(bytes))
  const { romDigest, imageDigest } = parseDeliveryNote(bytes)
  return {
    chip(status) {
      requireRom(status, romDigest)
      return { romDigest, imageDigest }
    },
  }
}

function ofLot({ lot, kind, romDigest, chips }: LotNote): Delivery {
  const digests = new Map(chips.map(({ number, imageDigest }) => [number, imageDigest]))
  return {
    chip(status) {
      requireRom(status, romDigest)
      const image = status.imageIv === undefined ? undefined : lotImageOf(status.imageIv)
      if (image === undefined || !equal(image.lot, lot)) {
        throw new StateError('the chip is not of the lot that the delivery note names', { code: 'wrong-lot' })
      }
      const imageDigest = kind === 'one-key' ? chips[0]?.imageDigest : digests.get(image.index)
      if (imageDigest === undefined || (kind === 'one-key' && image.index !== 0)) {
        throw new StateError(`the delivery note lists no chip with the image ${image.index}`, {
          code: 'wrong-lot',
        })
      }
      return { romDigest, imageDigest, ...(kind === 'one-key' ? {} : { index: image.index }) }
    },
  }
}

function requireRom({ romDigest }: Pick<ChipStatus, 'romDigest'>, expected: Uint8Array): void {
  if (!equal(romDigest, expected)) {
    throw new StateError('the chip is not of the mask that the delivery note names')
  }
}
