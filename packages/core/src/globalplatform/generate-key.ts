import { concat, Reader } from '../bytes/index.ts'
import { type CurveName, curves, isPointOf, parseCurve, requirePointOf } from './curves.ts'
import { readKeyVersion, requireKeyVersion } from './key-identifiers.ts'
import { readBerLength, serializeBerLength } from './length-value.ts'
import { keyTypes } from './put-key.ts'

/** Data field of GENERATE KEY, INS F1, a command of Yubico's security domain: new version(1) ‖ F0 01 curve. */
export interface GenerateKeyRequest {
  /** 01..7F. */
  readonly keyVersion: number
  readonly curve: CurveName
}

/** What it answers: B0 ‖ length ‖ the public key's uncompressed point. */
export interface GenerateKeyAnswer {
  readonly curve: CurveName
  readonly point: Uint8Array
}

export function parseGenerateKeyRequest(bytes: Uint8Array): GenerateKeyRequest {
  const r = new Reader(bytes, 'GENERATE KEY data')
  const keyVersion = readKeyVersion(r)
  if (r.u8('key type') !== keyTypes['key-parameter-reference'] || r.u8('length') !== 1) {
    throw r.fail('expected a key parameter reference of 1 byte')
  }
  const curve = parseCurve(r.u8('key parameter reference'))
  r.end()
  return { keyVersion, curve }
}

export function serializeGenerateKeyRequest({ keyVersion, curve }: GenerateKeyRequest): Uint8Array {
  requireKeyVersion(keyVersion)
  return Uint8Array.of(keyVersion, keyTypes['key-parameter-reference'], 1, curves[curve].reference)
}

/** @param curve what was asked for: the answer does not say it */
export function parseGenerateKeyAnswer(bytes: Uint8Array, curve: CurveName): GenerateKeyAnswer {
  const r = new Reader(bytes, 'GENERATE KEY answer')
  if (r.u8('key type') !== keyTypes['ec-public']) throw r.fail('expected a public key, type B0')
  const point = r.take(readBerLength(r), 'point')
  r.end()
  if (!isPointOf(curve, point)) throw r.fail(`expected an uncompressed point of ${curve}`)
  return { curve, point }
}

export function serializeGenerateKeyAnswer({ curve, point }: GenerateKeyAnswer): Uint8Array {
  requirePointOf(curve, point)
  return concat(Uint8Array.of(keyTypes['ec-public']), serializeBerLength(point.length), point)
}
