import { concat, Reader } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'
import { type CurveName, curves, isPointOf, parseCurve, requirePointOf } from './curves.ts'
import { readKeyVersion, requireKeyVersion } from './key-identifiers.ts'
import { readBerLength, serializeBerLength } from './length-value.ts'

/** Key types of key data fields and key information (GPC 2.3.1, table 11-16; Amendment E, table 4-1). */
export const keyTypes = {
  des: 0x80,
  aes: 0x88,
  'rsa-exponent': 0xa0,
  'rsa-modulus': 0xa1,
  'ec-public': 0xb0,
  'ec-private': 0xb1,
  'key-parameter-reference': 0xf0,
} as const

/**
 * A secret key that the data encryption key wraps: CBC with a zero IV. With an inner length the component begins with the clear length
 * and may hold padding; without it the clear length is the component's, and that is a multiple of 16 (Amendment D, 7.2).
 */
interface WrappedKey {
  readonly wrapped: Uint8Array
  /** Whether the clear length stands in front of the wrapped bytes. */
  readonly innerLength: boolean
}

export interface AesKeyComponent extends WrappedKey {
  readonly kind: 'aes'
  /** Clear length, bytes. */
  readonly length: 16 | 24 | 32
  /** 3 bytes. */
  readonly checkValue: Uint8Array
}

export interface DesKeyComponent extends WrappedKey {
  readonly kind: 'des'
  /** Clear length, bytes. */
  readonly length: 16 | 24
  /** 3 bytes. */
  readonly checkValue: Uint8Array
}

export interface EcPrivateKeyComponent extends WrappedKey {
  readonly kind: 'ec-private'
  readonly curve: CurveName
}

export interface EcPublicKeyComponent {
  readonly kind: 'ec-public'
  readonly curve: CurveName
  /** Uncompressed; not checked to be on the curve. */
  readonly point: Uint8Array
}

export interface RsaPublicKeyComponent {
  readonly kind: 'rsa-public'
  /** 64 to 512 bytes, big-endian. */
  readonly modulus: Uint8Array
  /** 1 to 4 bytes, big-endian. */
  readonly exponent: Uint8Array
}

export type PutKeyComponent =
  | AesKeyComponent
  | DesKeyComponent
  | EcPrivateKeyComponent
  | EcPublicKeyComponent
  | RsaPublicKeyComponent

/** Data field of PUT KEY, format 1 (GPC 2.3.1, 11.8.2.3): new version(1) ‖ keys. */
export interface PutKeyData {
  /** 01..7F. */
  readonly keyVersion: number
  /** At least one; the first has the identifier in P2, each further one the next. */
  readonly keys: readonly PutKeyComponent[]
}

/** What PUT KEY answers: version(1) ‖ check value(3) of each key that has one. */
export interface PutKeyAnswer {
  readonly keyVersion: number
  readonly checkValues: readonly Uint8Array[]
}

export function parsePutKeyData(bytes: Uint8Array): PutKeyData {
  const r = new Reader(bytes, 'PUT KEY data')
  const keyVersion = readKeyVersion(r)
  const keys: PutKeyComponent[] = []
  do keys.push(readComponent(r))
  while (r.remaining > 0)
  return { keyVersion, keys }
}

/** Lengths that do not belong to the kind are a UsageError. */
export function serializePutKeyData({ keyVersion, keys }: PutKeyData): Uint8Array {
  requireKeyVersion(keyVersion)
  if (keys.length === 0) throw new UsageError('PUT KEY needs at least one key')
  return concat(Uint8Array.of(keyVersion), ...keys.map(serializeComponent))
}

export function parsePutKeyAnswer(bytes: Uint8Array): PutKeyAnswer {
  const r = new Reader(bytes, 'PUT KEY answer')
  const keyVersion = readKeyVersion(r)
  const checkValues: Uint8Array[] = []
  while (r.remaining > 0) checkValues.push(r.take(3, 'check value'))
  return { keyVersion, checkValues }
}

export function serializePutKeyAnswer({ keyVersion, checkValues }: PutKeyAnswer): Uint8Array {
  requireKeyVersion(keyVersion)
  for (const value of checkValues) requireSize(value, 3, 'check value')
  return concat(Uint8Array.of(keyVersion), ...checkValues)
}

/** The check values that the card answers for these keys. */
export function checkValuesOf(keys: readonly PutKeyComponent[]): Uint8Array[] {
  return keys.flatMap((key) => ('checkValue' in key ? [key.checkValue] : []))
}

function readComponent(r: Reader): PutKeyComponent {
  const type = r.u8('key type')
  switch (type) {
    case keyTypes.aes:
      return readSymmetric(r, 'aes')
    case keyTypes.des:
      return readSymmetric(r, 'des')
    case keyTypes['ec-private']: {
      const key = readWrapped(r)
      const curve = readParameterReference(r)
      const { bytes } = curves[curve]
      if (key.length !== bytes || key.wrapped.length !== padded(bytes)) {
        throw r.fail(`expected a scalar of ${bytes} bytes`)
      }
      readNoCheckValue(r)
      return { kind: 'ec-private', curve, wrapped: key.wrapped, innerLength: key.innerLength }
    }
    case keyTypes['ec-public']: {
      const point = r.take(readBerLength(r), 'point')
      const curve = readParameterReference(r)
      if (!isPointOf(curve, point)) throw r.fail(`expected an uncompressed point of ${curve}`)
      readNoCheckValue(r)
      return { kind: 'ec-public', curve, point }
    }
    case keyTypes['rsa-modulus']: {
      const modulus = r.take(readBerLength(r), 'modulus')
      if (r.u8('key type') !== keyTypes['rsa-exponent']) throw r.fail('expected the exponent of the RSA key')
      const exponent = r.take(readBerLength(r), 'exponent')
      if (!isRsaSize(modulus, exponent))
        throw r.fail('expected a modulus of 64..512 and an exponent of 1..4 bytes')
      readNoCheckValue(r)
      return { kind: 'rsa-public', modulus, exponent }
    }
    default:
      throw r.fail(`expected a key type of 80, 88, A1, B0 or B1, ${type.toString(16).toUpperCase()} came`)
  }
}

function readSymmetric(r: Reader, kind: 'aes' | 'des'): AesKeyComponent | DesKeyComponent {
  const { wrapped, innerLength, length } = readWrapped(r)
  if (!fitsSymmetric(kind, length, wrapped, innerLength)) throw r.fail(`no length of ${kind} keys`)
  if (r.u8('length of check value') !== 3) throw r.fail('expected a check value of 3 bytes')
  const checkValue = r.take(3, 'check value')
  return { kind, wrapped, innerLength, length, checkValue } as AesKeyComponent | DesKeyComponent
}

function fitsSymmetric(
  kind: 'aes' | 'des',
  length: number,
  wrapped: Uint8Array,
  innerLength: boolean,
): boolean {
  if (length !== 16 && length !== 24 && (length !== 32 || kind === 'des')) return false
  return wrapped.length === (innerLength ? padded(length) : length)
}

/** Only a length that is no multiple of the block has room for an inner length (Amendment D, 7.2). */
function readWrapped(r: Reader): WrappedKey & { length: number } {
  const size = readBerLength(r)
  const part = r.child(size, 'wrapped key')
  const innerLength = size % 16 === 1
  if (size === 0 || (!innerLength && size % 8 !== 0)) throw r.fail('no length of a wrapped key')
  const length = innerLength ? part.u8('clear length') : size
  const wrapped = part.rest()
  if (innerLength && padded(length) !== wrapped.length) throw r.fail('clear and wrapped length differ')
  return { wrapped, innerLength, length }
}

function readParameterReference(r: Reader): CurveName {
  if (r.u8('key type') !== keyTypes['key-parameter-reference'])
    throw r.fail('expected a key parameter reference')
  if (r.u8('length') !== 1) throw r.fail('expected a key parameter reference of 1 byte')
  return parseCurve(r.u8('key parameter reference'))
}

function readNoCheckValue(r: Reader): void {
  if (r.u8('length of check value') !== 0) throw r.fail('expected no check value for an asymmetric key')
}

function serializeComponent(key: PutKeyComponent): Uint8Array {
  switch (key.kind) {
    case 'aes':
    case 'des': {
      if (!fitsSymmetric(key.kind, key.length, key.wrapped, key.innerLength)) {
        throw new UsageError(`PUT KEY: no length of ${key.kind} keys`)
      }
      requireSize(key.checkValue, 3, 'check value')
      return concat(component(key.kind, innerBytes(key, key.length)), Uint8Array.of(3), key.checkValue)
    }
    case 'ec-private': {
      const { bytes } = curves[key.curve]
      if (bytes % 16 !== 0 && !key.innerLength) throw new UsageError(`${key.curve} needs the inner length`)
      requireSize(key.wrapped, padded(bytes), 'wrapped scalar')
      return concat(component('ec-private', innerBytes(key, bytes)), parameterReference(key.curve))
    }
    case 'ec-public':
      requirePointOf(key.curve, key.point)
      return concat(component('ec-public', key.point), parameterReference(key.curve))
    case 'rsa-public':
      if (!isRsaSize(key.modulus, key.exponent)) {
        throw new UsageError('PUT KEY: expected a modulus of 64..512 and an exponent of 1..4 bytes')
      }
      return concat(
        component('rsa-modulus', key.modulus),
        component('rsa-exponent', key.exponent),
        Uint8Array.of(0),
      )
  }
}

function innerBytes({ wrapped, innerLength }: WrappedKey, length: number): Uint8Array {
  return innerLength ? concat(Uint8Array.of(length), wrapped) : wrapped
}

function component(type: keyof typeof keyTypes, value: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(keyTypes[type]), serializeBerLength(value.length), value)
}

function parameterReference(curve: CurveName): Uint8Array {
  return Uint8Array.of(keyTypes['key-parameter-reference'], 1, curves[curve].reference, 0)
}

function isRsaSize(modulus: Uint8Array, exponent: Uint8Array): boolean {
  return modulus.length >= 64 && modulus.length <= 512 && exponent.length >= 1 && exponent.length <= 4
}

function padded(length: number): number {
  return Math.ceil(length / 16) * 16
}

function requireSize(bytes: Uint8Array, length: number, field: string): void {
  if (bytes.length !== length)
    throw new UsageError(`${field}: expected ${length} bytes, ${bytes.length} came`)
}
