import { encodeCanonical, MapReader } from '@sealwright/core/cbor'

/** A leaf of the log that says what it did not take, and why: nobody can claim later that it was never handed in. */
export interface LogRefusal {
  /** SHA-256 of the bytes handed in. */
  readonly digest: Uint8Array
  readonly reason: string
  /** Seconds since 1970. */
  readonly at: number
  /** Of an entry that an enrolled party did sign. */
  readonly about?: {
    /** Serial number, 8 bytes. */
    readonly serial: Uint8Array
    readonly number: number
    readonly party: string
  }
}

export function serializeLogRefusal({ digest, reason, at, about }: LogRefusal): Uint8Array {
  return encodeCanonical({
    ...{ v: 1, format, digest, reason, at },
    ...(about === undefined ? {} : { about: { ...about } }),
  })
}

export function parseLogRefusal(bytes: Uint8Array): LogRefusal {
  const r = MapReader.of(bytes, 'refused entry')
  r.begin('refused entry')
  const about = r.optional('about', () => {
    const map = r.map('about')
    const value = { serial: map.bytes('serial', 8), number: map.uint('number'), party: map.text('party') }
    map.end()
    return value
  })
  const refusal = { digest: r.bytes('digest', 32), reason: r.text('reason'), at: r.time('at') }
  r.end()
  return about === undefined ? refusal : { ...refusal, about }
}

const format = 'sealwright refused entry'
