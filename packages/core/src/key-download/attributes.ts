import { ascii, concat, fromAscii, Reader } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'

/**
 * ATTR, 8 bytes: usage(2) ‖ algorithm(1) ‖ mode(1) ‖ version(2) ‖ exportability(1) as the characters of X9.143,
 * then the key's length in bytes.
 */
export interface Attributes {
  /** Key usage, e.g. `M6`. */
  readonly usage: string
  /** Algorithm, e.g. `A`. */
  readonly algorithm: string
  /** Mode of use, e.g. `C`. */
  readonly mode: string
  /** Key version, 0 to 99. */
  readonly version: number
  readonly exportability: 'E' | 'N' | 'S'
  readonly keyLength: number
}

export const attributesLength = 8

export function parseAttributes(bytes: Uint8Array): Attributes {
  const r = new Reader(bytes, 'ATTR')
  const text = fromAscii(r.take(7, 'characters'))
  const keyLength = r.u8('key length')
  r.end()
  const match = /^([0-9A-Z]{2})([0-9A-Z])([0-9A-Z])([0-9]{2})([ENS])$/.exec(text)
  if (match === null) throw r.fail('expected characters of X9.143')
  return {
    usage: match[1]!,
    algorithm: match[2]!,
    mode: match[3]!,
    version: Number(match[4]),
    exportability: match[5] as Attributes['exportability'],
    keyLength,
  }
}

export function serializeAttributes(attributes: Attributes): Uint8Array {
  const { usage, algorithm, mode, version, exportability, keyLength } = attributes
  const text = `${usage}${algorithm}${mode}${String(version).padStart(2, '0')}${exportability}`
  if (!/^[0-9A-Z]{4}[0-9]{2}[ENS]$/.test(text)) throw new UsageError(`${text}: no attributes of X9.143`)
  if (!(keyLength >= 0 && keyLength <= 0xff))
    throw new UsageError(`key length: expected one byte, got ${keyLength}`)
  return concat(ascii(text), Uint8Array.of(keyLength))
}

/** What a program may ask of a key. */
export type KeyUse = 'generate' | 'verify' | 'encrypt' | 'decrypt'

/** Modes of X9.143 that allow a use; `N` allows each that the usage allows. */
const modesOf: Record<KeyUse, string> = { generate: 'CGN', verify: 'CVN', encrypt: 'BEN', decrypt: 'BDN' }

/** Whether a key's usage and mode name a use: MACs with usages M0 to M8, cryptograms with D0 (X9.143, 8.3 and 8.5). */
export function permits({ usage, mode }: Pick<Attributes, 'usage' | 'mode'>, use: KeyUse): boolean {
  const mac = use === 'generate' || use === 'verify'
  return (mac ? /^M[0-8]$/ : /^D0$/).test(usage) && modesOf[use].includes(mode)
}
