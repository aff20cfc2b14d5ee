import { ascii, concat, u16 } from '../bytes/index.ts'
import { type CommandName, commands, productDataIds } from '../catalog/index.ts'
import { UsageError } from '../errors/index.ts'
import { type KeyPlace, serializeKeyPlace } from '../key-download/index.ts'
import type { Crypto } from '../ports/index.ts'
import { serializeAesKeyObject } from './key-object.ts'
import { type ProductSoftware, softwareObject } from './product.ts'
import { dataAreaOf } from './software.ts'
import {
  packWrites,
  recordsOfObject,
  serializeWriteRecords,
  type WriteRecord,
  type WriteVector,
} from './write-records.ts'

/** What later customization changes in a module in user mode. What is not named stays. */
export interface LaterChange {
  /** Another product name. */
  readonly name?: string
  /** New software, or another in its place. */
  readonly software?: readonly LaterSoftware[]
  /** Other contents of data areas, by the number of their program (1: the ROM's). */
  readonly data?: readonly { readonly program: number; readonly bytes: Uint8Array }[]
  /** Key-download suites that the module takes from now on. */
  readonly suites?: readonly number[]
  readonly keyPlaces?: readonly (KeyPlace & { readonly place: number })[]
  /** AES keys for places of applications. Secret: the caller wipes them. */
  readonly keys?: readonly { readonly place: number; readonly key: Uint8Array }[]
  readonly vectors?: readonly WriteVector[]
  /** Native commands that answer from now on. */
  readonly natives?: readonly CommandName[]
}

/** Software with a new data area of so many zeros, or, without a size, with the one that is there. */
export type LaterSoftware = Omit<ProductSoftware, 'dataSize'> & { readonly dataSize?: number }

/** Bytes of records in one CUSTOMIZE at most. */
export const laterWriteLimit = 8192

/**
 * The data of the CUSTOMIZE commands that make a change, in order: drafts of everything long, then one command that puts all of it in force.
 * Until that last one nothing runs otherwise. Wipe them: they may hold keys.
 * @param programs wasm by the names that the software uses
 */
export function laterWrites(
  change: LaterChange,
  programs: Readonly<Record<string, Uint8Array>>,
  crypto: Crypto,
): Uint8Array[] {
  const { keyPlaces = [], keys = [], vectors = [], natives = [] } = change
  const drafts = draftsOf(change, programs).map((draft) => ({
    ...draft,
    digest: crypto.sha256(draft.bytes),
  }))
  const switching: WriteRecord[] = [
    ...drafts.map(({ object, id, digest }): WriteRecord => ({ kind: 'verify', object, id, digest })),
    ...keyPlaces.map(
      (place): WriteRecord => ({
        kind: 'put',
        object: 'key-place',
        id: place.place,
        bytes: serializeKeyPlace(place),
      }),
    ),
    ...keys.map(
      ({ place, key }): WriteRecord => ({
        kind: 'put',
        object: 'key',
        id: place,
        bytes: serializeAesKeyObject(key),
      }),
    ),
    ...(vectors.length === 0 ? [] : [{ kind: 'vectors', vectors } as const]),
    ...natives.map((name): WriteRecord => ({ kind: 'activate', entry: commands[name].entry })),
  ]
  if (switching.length === 0) throw new UsageError('the change names nothing that is to change')
  const last = serializeWriteRecords(switching)
  if (last.length > laterWriteLimit) {
    throw new UsageError(`the change is too large to come into force at once: ${last.length} bytes`)
  }
  const begun = drafts.flatMap(({ object, id, bytes, digest }) =>
    recordsOfObject(object, id, bytes, digest, laterWriteLimit).filter(({ kind }) => kind !== 'verify'),
  )
  return [...packWrites(begun, laterWriteLimit), last]
}

interface Draft {
  readonly object: 'software' | 'product-data'
  readonly id: number
  readonly bytes: Uint8Array
}

function draftsOf(
  { name, software = [], data = [], suites }: LaterChange,
  programs: Readonly<Record<string, Uint8Array>>,
): Draft[] {
  const productData = (id: number, bytes: Uint8Array): Draft => ({ object: 'product-data', id, bytes })
  return [
    ...(name === undefined ? [] : [productData(productDataIds.name, ascii(name))]),
    ...(suites === undefined ? [] : [productData(productDataIds.suites, concat(...suites.map(u16)))]),
    ...software.map(
      (one): Draft => ({ object: 'software', id: one.program, bytes: softwareObject(one, programs) }),
    ),
    ...software.flatMap(({ program, dataSize }) =>
      dataSize === undefined ? [] : [productData(dataAreaOf(program), new Uint8Array(dataSize))],
    ),
    ...data.map(({ program, bytes }) => productData(dataAreaOf(program), bytes)),
  ]
}
