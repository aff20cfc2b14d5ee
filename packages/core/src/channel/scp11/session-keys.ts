import { concat, wipe } from '../../bytes/index.ts'
import { x963Kdf } from '../../crypto/index.ts'
import { UsageError } from '../../errors/index.ts'
import type { AesKey, Crypto } from '../../ports/index.ts'
import type { SessionKeys } from '../secure-messaging/index.ts'
import { disposeKeys } from '../secure-messaging/session.ts'
import { type KeyAgreementRequest, levelOf, serializePoint } from './messages.ts'

/**
 * The module's identifications, which enter the derivation with bit 04: a and b take SIN (tag 42, the issuer's)
 * and SDIN (tag 45, the module's serial number), c takes the card group's id alone.
 */
export type Identities =
  | { readonly sin: Uint8Array; readonly sdin: Uint8Array }
  | { readonly cardGroup: Uint8Array }

/** The receipt's key, and the keys of the session, `dek` always among them. */
export interface Scp11Keys {
  readonly receipt: AesKey
  readonly session: SessionKeys & { readonly dek: AesKey }
}

/** HostID of our own sessions: the first 16 bytes of SHA-256 of the host's public point, or of the identification that it shows. */
export function hostIdOf(crypto: Crypto, identity: Uint8Array): Uint8Array {
  return crypto.sha256(identity).subarray(0, 16)
}

/**
 * Receipt key, S-ENC, S-MAC, S-RMAC, S-DEK in this order from X9.63 with SHA-256 over the two shared secrets (Amendment F, 6.3).
 * SharedInfo = usage ‖ key type ‖ key length, with bit 04 then HostID, SIN, SDIN, each as length ‖ value.
 */
export function deriveScp11Keys(
  crypto: Crypto,
  secrets: readonly [Uint8Array, Uint8Array],
  request: KeyAgreementRequest,
  identities?: Identities,
): Scp11Keys {
  const { keyLength } = request
  const z = concat(...secrets)
  const bytes = x963Kdf(crypto, z, sharedInfo(request, identities), 5 * keyLength)
  const key = (n: number) => crypto.aes(bytes.subarray(n * keyLength, (n + 1) * keyLength))
  const keys = { receipt: key(0), session: { enc: key(1), mac: key(2), rmac: key(3), dek: key(4) } }
  wipe(z, bytes)
  return keys
}

/** CMAC over the whole data field of the command and the 5F49 object of the answer: 16 bytes. */
export function receiptOver(key: AesKey, requestBytes: Uint8Array, point: Uint8Array): Uint8Array {
  return key.cmac(requestBytes, serializePoint(point))
}

/** What a session starts with: the receipt is the first chaining value. */
export function sessionStart(
  keys: Scp11Keys,
  request: KeyAgreementRequest,
  receipt: Uint8Array,
  macLength: 8 | 16,
) {
  return { keys: keys.session, level: levelOf(request.usage), chaining: receipt, macLength }
}

export function disposeScp11Keys(keys: Scp11Keys): void {
  keys.receipt[Symbol.dispose]()
  disposeKeys(keys.session)
}

function sharedInfo({ usage, keyLength, hostId }: KeyAgreementRequest, identities?: Identities): Uint8Array {
  const info = Uint8Array.of(usage, 0x88, keyLength)
  if (hostId === undefined) return info
  if (identities === undefined) throw new UsageError('bit 04 needs the identifications of the module')
  const module = 'cardGroup' in identities ? [identities.cardGroup] : [identities.sin, identities.sdin]
  return concat(info, ...[hostId, ...module].flatMap((value) => [Uint8Array.of(value.length), value]))
}
