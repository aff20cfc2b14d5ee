import type { Command } from '../../apdu/index.ts'
import { equal, wipe } from '../../bytes/index.ts'
import { AuthError, DecodeError, UsageError } from '../../errors/index.ts'
import type { Crypto, EcPrivateKey, EcPublicKey } from '../../ports/index.ts'
import { ModuleSession, type Refused, type Reply } from '../secure-messaging/index.ts'
import {
  type KeyAgreementRequest,
  parseKeyAgreementRequest,
  type Scp11Variant,
  serializeKeyAgreementAnswer,
  variantOf,
} from './messages.ts'
import { deriveScp11Keys, hostIdOf, type Identities, receiptOver, sessionStart } from './session-keys.ts'

export interface Scp11ModuleOptions {
  readonly crypto: Crypto
  /** The variant that the key named in P1 P2 serves; another one asked for is refused. */
  readonly variant: Scp11Variant
  /** SK.SD.ECKA; stays the caller's. */
  readonly staticKey: EcPrivateKey
  /** 32 fresh bytes in 1..n-1 (`privateScalar`); not used in variant c. Overwritten. */
  readonly ephemeralScalar?: Uint8Array
  /** PK.OCE.ECKA in variants a and c: the stored key of the peer, or that of its certificate. */
  readonly peerKey?: EcPublicKey
  readonly identities?: Identities
  /** Our own sessions: bit 04 with the HostID of the host's key (`hostIdOf`; in b its ephemeral one), usage 3C and 16-byte keys are a must. */
  readonly own?: boolean
  /** What the HostID of an own session is of, in the place of the host's key: the identification that it showed. */
  readonly hostIdentity?: Uint8Array
  readonly macLength?: 8 | 16
}

/**
 * Answers MUTUAL AUTHENTICATE (a, c) or INTERNAL AUTHENTICATE (b) and opens the session (Amendment F, 6).
 * Refused: another command 6985, malformed or not allowed 6A80, a bad point or one's own key 6982.
 */
export function agreeKeys(command: Command, options: Scp11ModuleOptions): Reply<ModuleSession> | Refused {
  try {
    return agree(command, options)
  } catch (error) {
    if (error instanceof DecodeError) return { refused: 'wrong-data' }
    if (error instanceof AuthError) return { refused: 'security-not-satisfied' }
    throw error
  } finally {
    wipe(options.ephemeralScalar)
  }
}

function agree(command: Command, options: Scp11ModuleOptions): Reply<ModuleSession> | Refused {
  const { crypto, variant, staticKey, peerKey, identities, own = false, macLength = 8 } = options
  if (command.ins !== (variant === 'b' ? 0x88 : 0x82)) return { refused: 'conditions-not-satisfied' }
  const request = parseKeyAgreementRequest(command.data)
  if (variantOf(request.parameters) !== variant) return { refused: 'wrong-data' }
  if (own && !isOwnForm(request)) return { refused: 'wrong-data' }
  if (request.hostId !== undefined && identities === undefined) return { refused: 'wrong-data' }
  if ((peerKey === undefined) !== (variant === 'b'))
    throw new UsageError('variants a and c take a peer key, b none')
  const ephemeralPeer = crypto.ecPublicKey(request.ephemeralPoint)
  refuseReflection(staticKey, ephemeralPeer, peerKey)
  const { hostIdentity = (peerKey ?? ephemeralPeer).point } = options
  if (own && !equal(request.hostId!, hostIdOf(crypto, hostIdentity))) {
    return { refused: 'security-not-satisfied' }
  }
  const { point, secrets } = agreement(ephemeralPeer, options)
  const keys = deriveScp11Keys(crypto, secrets, request, identities)
  wipe(...secrets)
  const receipt = receiptOver(keys.receipt, command.data, point)
  keys.receipt[Symbol.dispose]()
  return {
    reply: serializeKeyAgreementAnswer({ point, receipt }),
    next: new ModuleSession(sessionStart(keys, request, receipt, macLength)),
  }
}

/** The point to answer, and the two shared secrets in the order of the variant (Amendment F, 6.2). */
function agreement(
  ephemeralPeer: EcPublicKey,
  { crypto, variant, staticKey, peerKey, ephemeralScalar }: Scp11ModuleOptions,
): { point: Uint8Array; secrets: readonly [Uint8Array, Uint8Array] } {
  const fixed = staticKey.agree(peerKey ?? ephemeralPeer)
  if (variant === 'c') {
    return { point: staticKey.publicPoint, secrets: [staticKey.agree(ephemeralPeer), fixed] }
  }
  if (ephemeralScalar === undefined) throw new UsageError('variants a and b take an ephemeral scalar')
  const ephemeral = crypto.ecPrivateKey(ephemeralScalar)
  try {
    return { point: ephemeral.publicPoint, secrets: [ephemeral.agree(ephemeralPeer), fixed] }
  } finally {
    ephemeral[Symbol.dispose]()
  }
}

function isOwnForm({ hostId, usage, keyLength }: KeyAgreementRequest): boolean {
  return hostId !== undefined && usage === 0x3c && keyLength === 16
}

/** A peer that shows the module's own key would make it talk to itself. */
function refuseReflection(staticKey: EcPrivateKey, ...peers: readonly (EcPublicKey | undefined)[]): void {
  for (const peer of peers) {
    if (peer !== undefined && equal(peer.point, staticKey.publicPoint)) throw new AuthError()
  }
}
