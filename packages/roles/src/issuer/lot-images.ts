import { concat } from '@sealwright/core/bytes'
import { encodeCanonical, MapReader } from '@sealwright/core/cbor'
import { StateError } from '@sealwright/core/errors'
import type { PartyPorts } from '../ports/index.ts'

/** The store's name for the digests of a lot's encrypted images. */
export function lotImagesName(name: string): string {
  return `lots/${name}/images`
}

/** Digests of the images in their order, as a file: deterministic CBOR `{ v, format, digests }`, 32 bytes each. */
export function serializeLotImages(digests: readonly Uint8Array[]): Uint8Array {
  return encodeCanonical({ v: 1, format: 'sealwright lot images', digests: concat(...digests) })
}

/** All digests back to back. */
export function parseLotImages(bytes: Uint8Array): Uint8Array {
  const r = MapReader.of(bytes, 'images of a lot')
  r.begin('lot images')
  const digests = r.bytes('digests')
  r.end()
  if (digests.length === 0 || digests.length % 32 !== 0) throw r.fail('expected digests of 32 bytes')
  return digests
}

/** What the image of an index must have as its SHA-256. */
export async function lotImageDigests(
  { store }: Pick<PartyPorts, 'store'>,
  name: string,
): Promise<(index: number) => Uint8Array> {
  const bytes = await store.read(lotImagesName(name))
  if (bytes === undefined) {
    throw new StateError(
      `the images of the lot ${name} are not listed here: run \`sealwright issuer lot new\` for it again`,
    )
  }
  const digests = parseLotImages(bytes)
  return (index) => digests.slice(32 * Math.max(0, index - 1), 32 * Math.max(1, index))
}
