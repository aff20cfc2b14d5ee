import { ascii, concat, u16 } from '../bytes/index.ts'
import {
  type ChannelLevel,
  type CommandName,
  channelLevels,
  commands,
  productDataIds,
} from '../catalog/index.ts'
import { UsageError } from '../errors/index.ts'
import { type KeyPlace, serializeKeyPlace } from '../key-download/index.ts'
import { type PolicyName, serializePolicy } from '../personalization/index.ts'
import type { Crypto } from '../ports/index.ts'
import { dataAreaOf, type GrantableInterface, programNumbers, serializeSoftware } from './software.ts'
import { recordsOfObject, type WriteRecord, type WriteVector } from './write-records.ts'

/** What makes a product of a mask: all that customization writes and that no single module has for itself. */
export interface Product {
  /** 1 to 32 ASCII characters. */
  readonly name: string
  /** Native commands that answer in user mode; those of customization need no mention. */
  readonly natives: readonly CommandName[]
  /** Instructions that programs answer. */
  readonly vectors: readonly WriteVector[]
  readonly software: readonly ProductSoftware[]
  /** Content of the data area of the ROM's program. */
  readonly romData?: Uint8Array
  readonly keyPlaces: readonly (KeyPlace & { readonly place: number })[]
  /** Key-download suites that the module takes, most wanted first. */
  readonly suites: readonly number[]
  /** Variants that personalization may use (core/personalization, policyBits); chain only unless given. */
  readonly policy?: readonly PolicyName[]
  /** The least channel that personalization may run in; the module's proof unless given. */
  readonly leastChannel?: ChannelLevel
  /** The client chooses identical modules, which have no proof of identity (B22). */
  readonly identical?: boolean
  /** Certificates and the central system's key are kept outside; the module keeps their hashes (B21). */
  readonly outside?: boolean
  /** Off unless the client wants it: code and data may be written in user mode, by whoever has the SAM. */
  readonly laterCustomization?: boolean
}

export interface ProductSoftware {
  /** 2 (`programNumbers.added`) completes the ROM's program; 3 and up are programs of their own. */
  readonly program: number
  /** Name under which the wasm is handed to the plan. */
  readonly wasm: string
  readonly interfaces: readonly GrantableInterface[]
  readonly budget: number
  /** Key places that `mac` and `cipher` reach, ascending. */
  readonly keyPlaces: readonly number[]
  /** Bytes of the data area, zero at first. */
  readonly dataSize: number
}

/** An object that the plan writes besides the product: keys of this module, public keys, operators. */
export interface ProductObject {
  readonly object: Parameters<typeof recordsOfObject>[0]
  readonly id: number
  readonly bytes: Uint8Array
}

/**
 * The records that make a product, in an order in which each finds what it names: objects, then vectors, then the commands that end
 * customization. Writing them twice leaves the same memory.
 * @param programs wasm by the names that the product uses
 * @param issuer issuer identification (SIN), 8 bytes
 */
export function recordsOfProduct(
  product: Product,
  programs: Readonly<Record<string, Uint8Array>>,
  issuer: Uint8Array,
  objects: readonly ProductObject[],
  crypto: Crypto,
): WriteRecord[] {
  const data: [id: number, bytes: Uint8Array][] = [
    [productDataIds.name, ascii(product.name)],
    [productDataIds.issuer, issuer],
    [productDataIds.suites, concat(...product.suites.map(u16))],
    [
      productDataIds.flags,
      Uint8Array.of((product.identical === true ? 1 : 0) | (product.outside === true ? 2 : 0)),
    ],
    ...(product.policy === undefined
      ? []
      : [[productDataIds.policy, serializePolicy(product.policy)] as [number, Uint8Array]]),
    ...(product.leastChannel === undefined
      ? []
      : [
          [productDataIds.channelPolicy, Uint8Array.of(channelLevels[product.leastChannel].code)] as [
            number,
            Uint8Array,
          ],
        ]),
    ...(product.romData === undefined
      ? []
      : [[dataAreaOf(programNumbers.rom), product.romData] as [number, Uint8Array]]),
    ...product.software
      .filter(({ dataSize }) => dataSize > 0)
      .map(({ program, dataSize }): [number, Uint8Array] => [dataAreaOf(program), new Uint8Array(dataSize)]),
  ]
  const all: ProductObject[] = [
    ...data.map(([id, bytes]) => ({ object: 'product-data' as const, id, bytes })),
    ...product.software.map((one) => ({
      object: 'software' as const,
      id: one.program,
      bytes: softwareObject(one, programs),
    })),
    ...product.keyPlaces.map((place) => ({
      object: 'key-place' as const,
      id: place.place,
      bytes: serializeKeyPlace(place),
    })),
    ...objects,
  ]
  const later = ['CUSTOMIZE', 'PUT CUSTOMIZATION KEY'] as const
  const natives: CommandName[] = [
    ...product.natives,
    ...(product.laterCustomization === true ? later : []),
    ...(['MAKE IDENTITY', 'STORE IDENTITY', 'FINISH'] as const),
  ]
  return [
    ...all.flatMap(({ object, id, bytes }) => recordsOfObject(object, id, bytes, crypto.sha256(bytes))),
    ...(product.vectors.length === 0 ? [] : [{ kind: 'vectors' as const, vectors: product.vectors }]),
    ...natives.map((name) => ({ kind: 'activate' as const, entry: commands[name].entry })),
  ]
}

/** The software object of a program that the product names. */
export function softwareObject(
  { wasm, interfaces, budget, keyPlaces }: Omit<ProductSoftware, 'dataSize'>,
  programs: Readonly<Record<string, Uint8Array>>,
): Uint8Array {
  const program = programs[wasm]
  if (program === undefined)
    throw new UsageError(`the product needs the program ${wasm}, which was not given`)
  return serializeSoftware({ version: 1, interfaces, budget, keyPlaces, program })
}
