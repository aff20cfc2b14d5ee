import {
  parseDocument,
  prepareDocument,
  readDocument,
  type SignedDocument,
  type UnsignedDocument,
} from '../cbor/index.ts'
import { DecodeError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { readPositive, readResource } from './fields.ts'

/**
 * What a package begins with: payload of a `manifest` document, signed by the supplier (design, section 5, C). The content of a package
 * is the program, followed by the data area's new content where `data.load` says so, cut into blocks.
 */
export interface Manifest {
  /** Serial number of the module, 8 bytes. */
  readonly module: Uint8Array
  readonly resource: number
  /** Identifies the package, 16 random bytes. */
  readonly package: Uint8Array
  /** Higher than that of the program it replaces. */
  readonly version: number
  /** Bytes of the program. */
  readonly program: number
  /** The data area: its size, and whether the package brings its content. If not, what is there stays; zeros where nothing is. */
  readonly data: { readonly size: number; readonly load: boolean }
  /** Bytes of content in each block but the last. */
  readonly blockSize: number
  /** Root of the RFC 6962 tree over the encrypted blocks, 32 bytes. */
  readonly root: Uint8Array
}

/** Blocks of one package at most: what the bitmap in DEF has room for. */
export const mostBlocks = 512
export const blockSizes = { smallest: 64, largest: 8192 } as const

/** Bytes of content. */
export function contentLength({ program, data }: Pick<Manifest, 'program' | 'data'>): number {
  return program + (data.load ? data.size : 0)
}

export function blockCount(manifest: Pick<Manifest, 'program' | 'data' | 'blockSize'>): number {
  return Math.ceil(contentLength(manifest) / manifest.blockSize)
}

/** The manifest without its signature, which the supplier's key makes. */
export function prepareManifest(
  manifest: Manifest,
  supplierPoint: Uint8Array,
  crypto: Crypto,
): UnsignedDocument {
  const { data, ...fields } = manifest
  return prepareDocument('manifest', { ...fields, data: { ...data } }, supplierPoint, crypto)
}

/** Parses a manifest. The signature is not checked. */
export function parseManifest(bytes: Uint8Array): {
  readonly manifest: Manifest
  readonly signed: SignedDocument
} {
  const signed = parseDocument(bytes)
  if (signed.type !== 'manifest') throw new DecodeError(`expected a manifest, got a ${signed.type}`)
  const r = readDocument(signed)
  const data = r.map('data')
  const manifest = {
    module: r.bytes('module', 8),
    resource: readResource(r),
    package: r.bytes('package', 16),
    version: readPositive(r, 'version'),
    program: readPositive(r, 'program'),
    data: { size: data.uint('size'), load: data.boolean('load') },
    blockSize: r.uint('blockSize', blockSizes.largest),
    root: r.bytes('root', 32),
  }
  data.end()
  r.end()
  if (manifest.blockSize < blockSizes.smallest)
    throw r.fail(`blockSize expected at least ${blockSizes.smallest}`)
  if (blockCount(manifest) > mostBlocks) throw r.fail(`expected at most ${mostBlocks} blocks`)
  return { manifest, signed }
}
