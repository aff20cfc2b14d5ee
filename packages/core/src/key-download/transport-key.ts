import { Reader, Writer } from '../bytes/index.ts'

/** Which key lies in the place of T: T itself (the originals), or TU = AN10922(T, SN ‖ "ESM-TU01"). */
export const profiles = { shared: 0x01, diversified: 0x02 } as const
export type Profile = keyof typeof profiles

/** P1 of PUT TRANSPORT KEY: the new key takes the old one's place at once, or waits beside it for its first success. */
export const transportModes = { replace: 0x00, next: 0x01 } as const

/** A key under the channel's DEK (AES-CBC, IV zero) with its check value by CMAC, 5 bytes. */
export interface WrappedKey {
  readonly cryptogram: Uint8Array
  readonly checkValue: Uint8Array
}

/** How SAS is checked: KS1 wrapped (suites ..01), or the key authority's public key, 32 or 65 bytes (..02, ..03). */
export type SignatureKeyData = { readonly wrapped: WrappedKey } | { readonly publicKey: Uint8Array }

/**
 * Data of PUT TRANSPORT KEY: profile(1) ‖ suite(2) ‖ length(1) ‖ cryptogram ‖ check value(5)
 * ‖ 01 length(1) cryptogram check value(5), or 02 length(1) public key.
 */
export interface TransportKeyData {
  readonly profile: Profile
  readonly suite: number
  readonly transport: WrappedKey
  readonly signature: SignatureKeyData
}

export function parseTransportKeyData(bytes: Uint8Array): TransportKeyData {
  const r = new Reader(bytes, 'transport key')
  const profile = parseProfile(r)
  const suite = r.u16('suite')
  const transport = parseWrapped(r, 'transport key')
  const kind = r.u8('kind of signature key')
  if (kind !== 0x01 && kind !== 0x02) throw r.fail('kind of signature key: expected 01 or 02')
  const signature: SignatureKeyData =
    kind === 0x01
      ? { wrapped: parseWrapped(r, 'signature key') }
      : { publicKey: r.take(r.u8('length of public key'), 'public key') }
  if ('publicKey' in signature && ![32, 65].includes(signature.publicKey.length)) {
    throw r.fail('public key: expected 32 or 65 bytes')
  }
  r.end()
  return { profile, suite, transport, signature }
}

export function serializeTransportKeyData(data: TransportKeyData): Uint8Array {
  const w = new Writer().u8(profiles[data.profile]).u16(data.suite)
  writeWrapped(w, data.transport)
  if ('wrapped' in data.signature) {
    writeWrapped(w.u8(0x01), data.signature.wrapped)
  } else {
    w.u8(0x02).u8(data.signature.publicKey.length).bytes(data.signature.publicKey)
  }
  return w.finish()
}

/**
 * Data of MAKE SET: set(1) ‖ profile(1) ‖ suite(2) ‖ wrapped T ‖ wrapped KS, each length(1) ‖ cryptogram ‖ check value(5).
 * KS is the CMAC key or the private scalar of the key authority, as the suite says.
 */
export interface SetData {
  readonly set: number
  readonly profile: Profile
  readonly suite: number
  readonly transport: WrappedKey
  readonly signature: WrappedKey
}

export function parseSetData(bytes: Uint8Array): SetData {
  const r = new Reader(bytes, 'set')
  const data = {
    set: r.u8('set'),
    profile: parseProfile(r),
    suite: r.u16('suite'),
    transport: parseWrapped(r, 'transport key'),
    signature: parseWrapped(r, 'signature key'),
  }
  r.end()
  return data
}

export function serializeSetData(data: SetData): Uint8Array {
  const w = new Writer().u8(data.set).u8(profiles[data.profile]).u16(data.suite)
  writeWrapped(w, data.transport)
  writeWrapped(w, data.signature)
  return w.finish()
}

export function parseProfile(r: Reader): Profile {
  const code = r.u8('profile')
  const profile = (Object.keys(profiles) as Profile[]).find((name) => profiles[name] === code)
  if (profile === undefined) throw r.fail(`profile ${code} is not known`)
  return profile
}

function parseWrapped(r: Reader, what: string): WrappedKey {
  const cryptogram = r.take(r.u8(`length of ${what}`), what)
  if (cryptogram.length !== 16 && cryptogram.length !== 32) throw r.fail(`${what}: expected 16 or 32 bytes`)
  return { cryptogram, checkValue: r.take(5, `check value of ${what}`) }
}

function writeWrapped(w: Writer, { cryptogram, checkValue }: WrappedKey): void {
  w.u8(cryptogram.length).bytes(cryptogram).bytes(checkValue)
}
