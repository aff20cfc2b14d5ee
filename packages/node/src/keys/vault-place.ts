import { requireFormatVersion } from '@sealwright/core/bytes'
import { formats } from '@sealwright/core/catalog'
import { DecodeError, SealwrightError, UsageError } from '@sealwright/core/errors'
import { type Pkcs11Uri, parsePkcs11Uri, serializePkcs11Uri } from '../pkcs11/index.ts'

/** Where a party's keys lie: in bare files, in files under a passphrase, or in a token. */
export type VaultPlace =
  | { readonly place: 'file' }
  | { readonly place: 'passphrase' }
  | { readonly place: 'pkcs11'; readonly uri: Pkcs11Uri }

/** As the command line names it: `file`, `passphrase`, or a pkcs11: address, which must name a token. */
export function decodeVaultPlace(text: string): VaultPlace {
  if (text === 'file' || text === 'passphrase') return { place: text }
  if (!text.startsWith('pkcs11:')) {
    throw new UsageError(`expected file, passphrase or a pkcs11: address, got ${JSON.stringify(text)}`)
  }
  let uri: Pkcs11Uri
  try {
    uri = parsePkcs11Uri(text)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new UsageError(error.message, { cause: error })
  }
  if (uri.token === undefined && uri.serial === undefined) {
    throw new UsageError('the pkcs11: address names no token: give token=LABEL or serial=NUMBER')
  }
  if (uri.modulePath === undefined) {
    throw new UsageError('the pkcs11: address names no PKCS#11 module: add ?module-path=FILE')
  }
  return { place: 'pkcs11', uri }
}

export function encodeVaultPlace(place: VaultPlace): string {
  return place.place === 'pkcs11' ? serializePkcs11Uri(place.uri) : place.place
}

/** The file `vault.json` of a party: {"format":1,"place":"…"} and a line end. */
export function serializeVaultPlace(place: VaultPlace): Uint8Array {
  const record = { format: formats['vault place'].newest, place: encodeVaultPlace(place) }
  return new TextEncoder().encode(`${JSON.stringify(record)}\n`)
}

/** Parses the file, which has one form. */
export function parseVaultPlace(bytes: Uint8Array): VaultPlace {
  const malformed = (reason: string, cause?: unknown): DecodeError =>
    new DecodeError(`vault place: ${reason}`, { cause })
  let record: { readonly format?: unknown; readonly place?: unknown }
  try {
    record = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw malformed('expected JSON', cause)
  }
  if (typeof record !== 'object' || record === null) throw malformed('expected a JSON object')
  if (!Number.isInteger(record.format)) throw malformed('expected a format number')
  requireFormatVersion('vault place', record.format as number)
  if (typeof record.place !== 'string') throw malformed('expected a place')
  let place: VaultPlace
  try {
    place = decodeVaultPlace(record.place)
  } catch (cause) {
    if (!(cause instanceof SealwrightError)) throw cause
    throw malformed(cause.message, cause)
  }
  if (!Buffer.from(serializeVaultPlace(place)).equals(bytes))
    throw malformed('written in another form than ours')
  return place
}
