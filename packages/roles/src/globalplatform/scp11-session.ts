import { command, exchange, type Response } from '@sealwright/core/apdu'
import { encodeHex, equal, wipe } from '@sealwright/core/bytes'
import { openScp11, type Scp11Variant } from '@sealwright/core/channel/scp11'
import { privateScalar } from '@sealwright/core/crypto'
import { AuthError, DecodeError, RefusedError, StateError, UsageError } from '@sealwright/core/errors'
import {
  type ChainAuthority,
  checkOceChain,
  isCaKeyIdentifier,
  type KeyReference,
  keyIdentifiers,
  type OceCertificate,
  oceChainProblems,
  roleOfPolicies,
} from '@sealwright/core/globalplatform'
import type { Crypto, Transport } from '@sealwright/core/ports'
import { type CardPorts, plainLine } from './card.ts'
import { readCertificates } from './certificates.ts'
import { readAuthorities, readKeys } from './keys.ts'
import { type DomainSession, domainSession } from './session.ts'
import { refusedByCard } from './status-words.ts'

/** The host's own key, wherever it lies. */
export interface HostKey {
  /** 65 bytes. */
  readonly publicPoint: Uint8Array
  /** ECDH with a public point: 32 bytes, which the caller wipes. */
  agree(peer: Uint8Array): Promise<Uint8Array>
}

export interface Scp11SessionInput {
  readonly variant: Scp11Variant
  /** The card's key: its version, unless the card has one only. */
  readonly keyVersion?: number
  /** What the card's certificates must lead to; `insecureUnverifiedCard` talks to whatever answers. */
  readonly cardAuthority: ChainAuthority | 'insecureUnverifiedCard'
  /** For 11a and 11c: the host's key and its chain, leaf last. */
  readonly host?: { readonly key: HostKey; readonly chain: readonly OceCertificate[] }
  /** The card's key for the authority above `host.chain`; found by the card's own lists unless given. */
  readonly hostAuthority?: KeyReference
  /** Bytes of the session's keys; 16 unless given. */
  readonly keyLength?: 16 | 24 | 32
  readonly s16?: boolean
}

const keyIdOf = {
  a: keyIdentifiers.scp11a,
  b: keyIdentifiers.scp11b,
  c: keyIdentifiers.scp11c,
} as const

/**
 * Opens SCP11 with the security domain that is selected: its certificates are checked first, then the host's are shown, then keys agreed on.
 * A card whose certificates do not lead to the authority is a StateError `card-not-trusted`, a wrong proof of the card an AuthError.
 */
export async function openScp11Session(
  transport: Transport,
  ports: CardPorts,
  input: Scp11SessionInput,
): Promise<DomainSession> {
  const { crypto, entropy } = ports
  const { variant, host, keyLength = 16, s16 = false } = input
  if ((host === undefined) !== (variant === 'b')) {
    throw new UsageError('SCP11a and SCP11c need a key and a chain of the host, SCP11b takes none')
  }
  const key = { keyId: keyIdOf[variant], keyVersion: await versionOf(transport, variant, input.keyVersion) }
  const cardPoint = await trustedPoint(transport, ports, key, input.cardAuthority)
  if (host) await showChain(transport, crypto, host, input.hostAuthority)

  const moduleKey = openPoint(crypto, cardPoint)
  const secret = await host?.key.agree(cardPoint)
  const random = entropy.bytes(48)
  const ephemeralScalar = privateScalar(crypto, random)
  wipe(random)
  try {
    const session = await openScp11(transport, {
      crypto,
      variant,
      ...key,
      moduleKey,
      ephemeralScalar,
      keyLength,
      macLength: s16 ? 16 : 8,
      ...(host && secret && { ownKey: { point: host.key.publicPoint, staticSecret: secret } }),
    })
    return domainSession(`scp11${variant}`, transport, ports, session, key.keyVersion)
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    const name = variant === 'b' ? 'INTERNAL AUTHENTICATE' : 'MUTUAL AUTHENTICATE'
    throw refusedByCard(name, error.statusWord)
  } finally {
    moduleKey[Symbol.dispose]()
    wipe(secret, ephemeralScalar)
  }
}

async function versionOf(
  transport: Transport,
  variant: Scp11Variant,
  named: number | undefined,
): Promise<number> {
  if (named !== undefined) return named
  const keys = (await readKeys(plainLine(transport))) ?? []
  const versions = keys.filter(({ keyId }) => keyId === keyIdOf[variant]).map(({ keyVersion }) => keyVersion)
  if (versions.length === 1) return versions[0]!
  throw new UsageError(
    versions.length === 0
      ? `the card lists no key for SCP11${variant}: name its version with --key-version if it has one`
      : `the card has ${versions.length} keys for SCP11${variant}: choose one with --key-version (${versions.join(', ')})`,
  )
}

/** The point of the card's key, out of certificates that lead to the authority. */
async function trustedPoint(
  transport: Transport,
  { crypto, clock, progress }: CardPorts,
  key: KeyReference,
  authority: Scp11SessionInput['cardAuthority'],
): Promise<Uint8Array> {
  const chain = await readCertificates(plainLine(transport), key)
  if (chain === undefined) {
    throw new StateError('the card gives no certificates for this key, so nothing says whose card it is', {
      code: 'card-not-trusted',
    })
  }
  const leaf = chain.at(-1)!
  if (authority === 'insecureUnverifiedCard') {
    progress("the card's certificates are not checked: whoever answers is taken for the card")
    return leaf.publicPoint
  }
  // The authority's own certificate proves nothing and may be signed by whatever made it.
  const shown = chain.length > 1 && authority instanceof Uint8Array && equal(chain[0]!.publicPoint, authority)
  const failure = checkOceChain(shown ? chain.slice(1) : chain, authority, crypto, clock.now())
  const role = roleOfPolicies(leaf.policies)
  if (failure) {
    throw notTrusted(chain, failure.at + (shown ? 1 : 0), oceChainProblems[failure.problem])
  }
  // Under one authority the chain of a host must not pass for that of a card.
  if (role !== undefined && role !== 'sd')
    throw notTrusted(chain, chain.length - 1, `it is that of a host (${role})`)
  return leaf.publicPoint
}

function notTrusted(chain: readonly OceCertificate[], at: number, why: string): StateError {
  return new StateError(
    `certificate ${at + 1} of ${chain.length} that the card gives does not hold: ${why}`,
    { code: 'card-not-trusted', details: { serialNumber: encodeHex(chain[at]!.serialNumber) } },
  )
}

function openPoint(crypto: Crypto, point: Uint8Array) {
  try {
    return crypto.ecPublicKey(point)
  } catch (error) {
    if (error instanceof AuthError)
      throw new DecodeError("the key in the card's certificate lies on no curve")
    throw error
  }
}

/** PERFORM SECURITY OPERATION for each certificate of the host below the authority that the card knows (Amendment F, 7.4). */
async function showChain(
  transport: Transport,
  crypto: Crypto,
  { key, chain }: NonNullable<Scp11SessionInput['host']>,
  named: KeyReference | undefined,
): Promise<void> {
  const leaf = chain.at(-1)
  if (leaf === undefined) throw new UsageError('the chain of the host is empty')
  if (!equal(leaf.publicPoint, key.publicPoint)) {
    throw new UsageError("the last certificate of the host's chain is of another key than the host's")
  }
  if (!leaf.agreesOnKeys) throw new UsageError("the host's certificate does not let its key agree on keys")
  const problem = chain.length > 1 ? checkOceChain(chain.slice(1), chain[0]!.publicPoint, crypto) : undefined
  if (problem) {
    throw new UsageError(
      `certificate ${problem.at + 2} of the host's chain does not hold: ${oceChainProblems[problem.problem]}`,
    )
  }
  // The authority's own certificate is not shown: the card has its key.
  const own = chain.length > 1 && selfIssued(chain[0]!) ? chain.slice(1) : chain
  const authority = named ?? (await authorityOf(transport, own[0]!))
  for (const [i, certificate] of own.entries()) {
    const last = i === own.length - 1
    const { sw } = await showCertificate(transport, authority, certificate, last)
    if (sw !== 0x9000) throw refusedByCard(`certificate ${i + 1} of ${own.length}`, sw)
  }
}

function selfIssued({ issuer, subject }: OceCertificate): boolean {
  return equal(issuer, subject)
}

/** The card's key for the authority that issued a certificate; 00 00 lets the card find it. */
async function authorityOf(transport: Transport, first: OceCertificate): Promise<KeyReference> {
  const line = plainLine(transport)
  const wanted = first.format === 'gp' ? first.issuer : first.authorityKeyIdentifier
  const listed = (await readAuthorities(line, 'kloc'))?.find(
    ({ identifier }) => wanted !== undefined && equal(identifier, wanted),
  )
  if (listed) return listed.key
  const keys = ((await readKeys(line)) ?? []).filter(({ keyId }) => isCaKeyIdentifier(keyId))
  return keys.length === 1 ? keys[0]! : { keyId: 0, keyVersion: 0 }
}

/**
 * One certificate, in as many segments as it needs. Cards of Yubico chain by the class byte, others by bit 8 of P1: the second way is tried
 * when the card refuses the first segment of the first.
 */
async function showCertificate(
  transport: Transport,
  { keyId, keyVersion }: KeyReference,
  { encoded }: OceCertificate,
  last: boolean,
): Promise<Response> {
  const fields = { cla: 0x80, ins: 0x2a, p1: keyVersion, p2: keyId | (last ? 0 : 0x80), le: 0x100 }
  const first = await exchange(transport, command({ ...fields, data: encoded }))
  if (encoded.length <= 0xff || ![0x6884, 0x6e00, 0x6a86].includes(first.sw)) return first
  let response: Response = first
  for (let offset = 0; offset < encoded.length; offset += 0xff) {
    const data = encoded.subarray(offset, offset + 0xff)
    const more = offset + 0xff < encoded.length
    response = await exchange(transport, command({ ...fields, p1: keyVersion | (more ? 0x80 : 0), data }))
    if (more && response.sw !== 0x9000) return response
  }
  return response
}
