import { equal } from '@sealwright/core/bytes'
import { blockCount, contentLength, type Manifest } from '@sealwright/core/resources'
import type { Ram } from '../ram/index.ts'
import {
  type Definition,
  emptyBitmap,
  type LoadedProgram,
  type PendingLoad,
  type Span,
} from './definition.ts'
import { firstFit } from './gaps.ts'

/**
 * Lays a package beside the program that runs: new program, and new data where the package brings them, into gaps of the area. Undefined
 * when they do not fit beside what is there; data that stay keep their place.
 */
export function layOutLoad(
  definition: Definition,
  manifest: Manifest,
  digest: Uint8Array,
): PendingLoad | undefined {
  const { loaded } = definition
  const keeps = !manifest.data.load && loaded !== undefined
  const taken = loaded === undefined ? [] : [loaded.program, loaded.data]
  const data = keeps ? loaded.data : spanFor(definition, taken, manifest.data.size)
  const program = data && spanFor(definition, [...taken, data], manifest.program)
  if (data === undefined || program === undefined) return undefined
  const { version, root, blockSize } = manifest
  return {
    ...{ version, manifest: digest, program, data, package: manifest.package, root, blockSize },
    loadsData: manifest.data.load,
    bitmap: emptyBitmap(),
  }
}

function spanFor(definition: Definition, taken: readonly Span[], length: number): Span | undefined {
  const start = firstFit(definition, taken, length)
  return start === undefined ? undefined : { start, length }
}

/** What a load wrote so far and a switch would replace nothing of: erased when the load is given up. */
export function stagedSpans({ loaded, pending }: Definition): Span[] {
  if (pending === undefined) return []
  const own = bringsData(pending, loaded) ? [pending.data] : []
  return [pending.program, ...own].filter(({ length }) => length > 0)
}

/** What the switch leaves behind of the program before. */
export function replacedSpans({ loaded, pending }: Definition): Span[] {
  if (loaded === undefined || pending === undefined) return []
  const data = bringsData(pending, loaded) ? [loaded.data] : []
  return [loaded.program, ...data].filter(({ length }) => length > 0)
}

/** Whether a load lays out a data area of its own; otherwise the one that is there stays. */
export function bringsData(pending: PendingLoad, loaded: LoadedProgram | undefined): boolean {
  return pending.loadsData || loaded === undefined
}

/** The blocks of a pending load, and whether each is there. */
export function blocksOf(pending: PendingLoad): boolean[] {
  const sizes = sizesOf(pending)
  return Array.from({ length: blockCount(sizes) }, (_, i) => (pending.bitmap[i >> 3]! & (1 << (i & 7))) !== 0)
}

export function withBlock(pending: PendingLoad, index: number): PendingLoad {
  const bitmap = pending.bitmap.slice()
  bitmap[index >> 3]! |= 1 << (index & 7)
  return { ...pending, bitmap }
}

/** Bytes of content that block `index` has. */
export function blockLength(pending: PendingLoad, index: number): number {
  const { blockSize } = pending
  return Math.min(blockSize, contentLength(sizesOf(pending)) - index * blockSize)
}

/** Where the content of a block goes: a block may end the program and begin the data. */
export function blockTargets(
  pending: PendingLoad,
  index: number,
  content: Uint8Array,
): { address: number; bytes: Uint8Array }[] {
  const { program, data, blockSize } = pending
  const from = index * blockSize
  const split = Math.min(Math.max(program.length - from, 0), content.length)
  return [
    { address: program.start + from, bytes: content.subarray(0, split) },
    { address: data.start + from + split - program.length, bytes: content.subarray(split) },
  ].filter(({ bytes }) => bytes.length > 0)
}

function sizesOf(pending: PendingLoad) {
  const { blockSize, program, data, loadsData } = pending
  return { blockSize, program: program.length, data: { size: data.length, load: loadsData } }
}

/** Name in RAM of the key of the package that is being loaded. */
const packageKey = 'package key'

/** Keeps the key in volatile memory until the load or the channel ends: manifest digest(32) ‖ key(16). */
export function holdPackageKey(ram: Ram, digest: Uint8Array, key: Uint8Array): void {
  forgetPackageKey(ram)
  const place = ram.allocate(packageKey, digest.length + key.length)
  place.set(digest)
  place.set(key, digest.length)
}

/** A view of the key, or undefined when another package's, or none, is held. */
export function heldPackageKey(ram: Ram, digest: Uint8Array): Uint8Array | undefined {
  const place = ram.view(packageKey)
  if (place === undefined || !equal(place.subarray(0, digest.length), digest)) return undefined
  return place.subarray(digest.length)
}

export function forgetPackageKey(ram: Ram): void {
  ram.release(packageKey)
}
