import { concat, decodeHex, wipe } from '@sealwright/core/bytes'
import { firstDomainKeyVersion } from '@sealwright/core/catalog'
import { isSecurityLevel } from '@sealwright/core/channel/secure-messaging'
import { firstDomainKeys, parseModulePapers, wipeChannelKeys } from '@sealwright/core/customization'
import { DecodeError, UsageError } from '@sealwright/core/errors'
import {
  type Diversification,
  diversifications,
  diversifyScp03Keys,
  isAid,
  type KeyInformationEntry,
  type KeyReference,
  type OceCertificate,
  orderChain,
  parseCertificateBundle,
  parseKeySet,
  parseOceCertificate,
  testOnlyScp03Key,
} from '@sealwright/core/globalplatform'
import type { EcPrivateKey, Transport } from '@sealwright/core/ports'
import { pemToCertificates } from '@sealwright/core/x509'
import { issuedBy, nodeCrypto, nodeEntropy, systemClock } from '@sealwright/node/crypto'
import { readPrivateKeyFile } from '@sealwright/node/keys'
import {
  type CardPorts,
  type DomainSession,
  type KeySource,
  openScp03Session,
  openScp11Session,
  plainLine,
  readKeys,
  type Scp11SessionInput,
  type SelectedDomain,
  selectDomain,
} from '@sealwright/roles/globalplatform'
import type { Step, VerbOption } from '../framework/index.ts'

export const aidOption: VerbOption = {
  flags: '--aid <hex>',
  text: 'the security domain to speak to (default: the issuer security domain)',
}

/** How a command opens its session. */
export const sessionOptions: readonly VerbOption[] = [
  aidOption,
  {
    flags: '--keys <file>',
    text: "the card's SCP03 keys in hex: one for all three, or ENC, MAC and DEK, a line each (- or fd:N too; else asked for)",
  },
  {
    flags: '--test-keys',
    text: 'the published default key 404142…4F, which protects nothing: for test cards',
  },
  {
    flags: '--papers <file>',
    text: 'the papers of one of our own modules, whose document key its first SCP03 keys follow from',
  },
  {
    flags: '--diversify <method>',
    text: '--keys is a master key; each card’s own keys are made from it so',
    choices: ['kdf3', 'an10922'],
  },
  {
    flags: '--key-version <number>',
    text: 'version of the key to use: 1 or 0xFF (default: the card’s first)',
  },
  {
    flags: '--level <hex>',
    text: 'SCP03 security level (default: the best that the card offers)',
    choices: ['01', '03', '11', '13', '33'],
  },
  { flags: '--s16', text: 'SCP03 with challenges and MACs of 16 bytes' },
  { flags: '--scp11 <variant>', text: 'SCP11 instead of SCP03', choices: ['a', 'b', 'c'] },
  {
    flags: '--card-ca <file>',
    text: "certificate of the authority that the card's certificates must lead to (SCP11)",
  },
  {
    flags: '--insecure-unverified-card',
    text: 'take whatever answers for the card (SCP11 without --card-ca)',
  },
  { flags: '--oce-key <file>', text: 'your P-256 key as PEM or DER (SCP11a and c)' },
  {
    flags: '--oce-chain <file>',
    text: 'your certificates, PEM, or DER one behind the other; one is that of --oce-key (may be repeated)',
    many: true,
  },
  {
    flags: '--oce-authority <kid/kvn>',
    text: "the card's key for your authority, in hex: 10/03 (default: found in the card's lists)",
  },
]

/** A card with a security domain selected, and how to open sessions with it. */
export interface OpenCard {
  readonly transport: Transport
  readonly ports: CardPorts
  readonly aid: Uint8Array | undefined
  readonly domain: SelectedDomain
  /** What the card listed before any session. */
  readonly listedKeys: readonly KeyInformationEntry[] | undefined
  openSession(): Promise<DomainSession>
}

export function cardPorts(step: Step): CardPorts {
  return {
    crypto: nodeCrypto,
    entropy: nodeEntropy,
    clock: systemClock,
    progress: (text) => step.terminal.say(text),
  }
}

/** Opens a session as the options say, lends it, and closes it on every path. */
export async function inSession<T>(
  step: Step,
  work: (session: DomainSession, card: OpenCard) => Promise<T>,
): Promise<T> {
  return withCard(step, async (card) => {
    const session = await card.openSession()
    try {
      return await work(session, card)
    } finally {
      session.close()
    }
  })
}

/** The same before a session is opened; `openSession` may be called several times. Keys that were read are wiped after. */
export async function withCard<T>(step: Step, work: (card: OpenCard) => Promise<T>): Promise<T> {
  const how = await sessionOf(step)
  try {
    const transport = await step.module()
    const ports = cardPorts(step)
    const aid = aidOf(step, 'aid')
    const domain = await selectDomain(transport, aid)
    if (domain.locked) ports.progress('the card is locked: only its issuer security domain answers')
    const listedKeys = await readKeys(plainLine(transport))
    return await work({
      transport,
      ports,
      aid,
      domain,
      listedKeys,
      async openSession() {
        await selectDomain(transport, aid)
        return how.open(transport, ports)
      },
    })
  } finally {
    how.forget()
  }
}

export function aidOf(step: Step, name: string): Uint8Array | undefined {
  const text = step.optional(name)
  return text === undefined ? undefined : requireAid(text, `--${name}`)
}

export function requireAid(text: string, what: string): Uint8Array {
  const aid = hexOf(text, what)
  if (!isAid(aid)) throw new UsageError(`${what}: expected an AID of 5 to 16 bytes in hex`)
  return aid
}

export function hexOf(text: string, what: string): Uint8Array {
  if (!/^(?:[0-9a-fA-F]{2})+$/.test(text)) throw new UsageError(`${what}: expected pairs of hex digits`)
  return decodeHex(text)
}

/** `KID/KVN` in hex. */
export function keyReferenceOf(text: string, what: string): KeyReference {
  const [, keyId, keyVersion] = /^([0-9a-fA-F]{2})\/([0-9a-fA-F]{2})$/.exec(text) ?? []
  if (keyId === undefined || keyVersion === undefined) {
    throw new UsageError(`${what}: expected identifier and version in hex, such as 10/03`)
  }
  return { keyId: Number.parseInt(keyId, 16), keyVersion: Number.parseInt(keyVersion, 16) }
}

/** A number of one byte. */
export function byteOf(step: Step, name: string): number | undefined {
  const value = step.number(name)
  if (value !== undefined && value > 0xff) throw new UsageError(`--${name}: expected a number of one byte`)
  return value
}

export function hexByte(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0')
}

/** A method of diversification from an option; `none` without it. */
export function diversificationOf(step: Step, name: string): Diversification {
  const method = step.optional(name) ?? 'none'
  if (!Object.hasOwn(diversifications, method)) throw new UsageError(`--${name}: no method ${method}`)
  return method as Diversification
}

/**
 * Keys for whatever card comes, out of bytes that were read: those themselves, or made from them as a master key.
 * @param what names the option, for the error
 */
export function keySourceOf(bytes: Uint8Array, method: Diversification, what: string): KeySource {
  if (method === 'none') return () => parseKeySet(bytes)
  if (bytes.length !== 16 && bytes.length !== 24 && bytes.length !== 32) {
    throw new UsageError(`${what}: expected one master key of 16, 24 or 32 bytes to diversify`)
  }
  return ({ diversificationData }) => diversifyScp03Keys(method, bytes, diversificationData, nodeCrypto)
}

/** The certificates of a file: PEM, or DER or 7F21 one behind the other. */
export function certificatesOf(bytes: Uint8Array, name: string): OceCertificate[] {
  if (bytes[0] === 0x30 || bytes[0] === 0x7f) return parseCertificateBundle(bytes)
  const list = pemToCertificates(new TextDecoder().decode(bytes)).map(parseOceCertificate)
  if (list.length === 0) throw new UsageError(`${name}: expected at least one certificate`)
  return list
}

interface HowToOpen {
  open(transport: Transport, ports: CardPorts): Promise<DomainSession>
  forget(): void
}

async function sessionOf(step: Step): Promise<HowToOpen> {
  const variant = step.optional('scp11')
  const keyVersion = byteOf(step, 'key-version')
  const s16 = step.flag('s16')
  if (variant === undefined) {
    const first = step.optional('papers') === undefined ? 0 : firstDomainKeyVersion
    return scp03(step, keyVersion ?? first, s16)
  }
  for (const name of ['keys', 'papers', 'diversify', 'level'].filter(
    (one) => step.optional(one) !== undefined,
  )) {
    throw new UsageError(`--${name} belongs to SCP03, not to --scp11`)
  }
  if (step.flag('test-keys')) throw new UsageError('--test-keys belongs to SCP03, not to --scp11')
  return scp11(step, variant as 'a' | 'b' | 'c', keyVersion, s16)
}

async function scp03(step: Step, keyVersion: number, s16: boolean): Promise<HowToOpen> {
  const foreign = ['card-ca', 'oce-key', 'oce-chain', 'oce-authority'].find(
    (name) => step.optional(name) !== undefined || step.many(name).length > 0,
  )
  if (foreign !== undefined)
    throw new UsageError(`--${foreign} belongs to SCP11: name the variant with --scp11`)
  const sources = [step.optional('keys'), step.optional('papers'), step.flag('test-keys') || undefined]
  if (sources.filter((one) => one !== undefined).length > 1) {
    throw new UsageError('name the keys once: with --keys, --papers or --test-keys')
  }
  const level = step.optional('level')
  const number = level === undefined ? undefined : Number.parseInt(level, 16)
  if (number !== undefined && !isSecurityLevel(number)) throw new UsageError(`--level: no level ${level}`)
  const method = diversificationOf(step, 'diversify')
  if (step.flag('test-keys'))
    step.terminal.say('the session is under the published test key: it protects nothing')
  const bytes = await scp03Secret(step)
  const keys = keySourceOf(bytes, method, '--keys')
  return {
    open: (transport, ports) =>
      openScp03Session(transport, ports, { keys, keyVersion, level: number ?? 'best', s16 }),
    forget: () => wipe(bytes),
  }
}

/** Key set bytes: of the published key, of a module's papers, or of a file. */
async function scp03Secret(step: Step): Promise<Uint8Array> {
  if (step.flag('test-keys')) return testOnlyScp03Key()
  const papers = step.optional('papers')
  if (papers === undefined) return step.secret('keys', "the card's SCP03 keys")
  const file = step.readFile(papers)
  const { serial, documentKey } = parseModulePapers(file)
  const set = firstDomainKeys(nodeCrypto, documentKey, serial)
  try {
    return concat(set.enc, set.mac, set.dek)
  } finally {
    wipe(file, documentKey)
    wipeChannelKeys(set)
  }
}

async function scp11(
  step: Step,
  variant: 'a' | 'b' | 'c',
  keyVersion: number | undefined,
  s16: boolean,
): Promise<HowToOpen> {
  const cardAuthority = cardAuthorityOf(step)
  const authority = step.optional('oce-authority')
  const input: Omit<Scp11SessionInput, 'host'> = {
    variant,
    cardAuthority,
    s16,
    ...(keyVersion !== undefined && { keyVersion }),
    ...(authority !== undefined && { hostAuthority: keyReferenceOf(authority, '--oce-authority') }),
  }
  if (variant === 'b') {
    if (step.optional('oce-key') !== undefined || step.many('oce-chain').length > 0) {
      throw new UsageError('SCP11b proves the card only: --oce-key and --oce-chain belong to --scp11 a and c')
    }
    return { open: (transport, ports) => openScp11Session(transport, ports, input), forget: () => {} }
  }
  const files = step.many('oce-chain')
  if (files.length === 0) throw new UsageError('name your certificates: --oce-chain FILE')
  const certificates = files.flatMap((file) => certificatesOf(step.readFile(file), file))
  const key = await privateKeyOf(step)
  const chain = orderChain(certificates, key.publicPoint)
  const host = {
    chain,
    key: {
      publicPoint: key.publicPoint,
      async agree(peer: Uint8Array) {
        const point = nodeCrypto.ecPublicKey(peer)
        try {
          return key.agree(point)
        } finally {
          point[Symbol.dispose]()
        }
      },
    },
  }
  return {
    open: (transport, ports) => openScp11Session(transport, ports, { ...input, host }),
    forget: () => key[Symbol.dispose](),
  }
}

async function privateKeyOf(step: Step): Promise<EcPrivateKey> {
  const file = step.readFile(step.option('oce-key'))
  const scalar = readPrivateKeyFile(file)
  wipe(file)
  try {
    return nodeCrypto.ecPrivateKey(scalar)
  } finally {
    wipe(scalar)
  }
}

function cardAuthorityOf(step: Step): Scp11SessionInput['cardAuthority'] {
  const file = step.optional('card-ca')
  if (step.flag('insecure-unverified-card')) {
    if (file !== undefined)
      throw new UsageError('--card-ca and --insecure-unverified-card exclude each other')
    return 'insecureUnverifiedCard'
  }
  if (file === undefined) {
    throw new UsageError(
      'SCP11 needs --card-ca, the authority that certified the card: without it whoever answers would be taken for the card (--insecure-unverified-card allows that)',
    )
  }
  const bytes = step.readFile(file)
  let certificates: OceCertificate[]
  try {
    certificates = certificatesOf(bytes, '--card-ca')
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    // Yubico's root, for one, has an RSA key.
    const issued = issuedBy(bytes)
    return ({ encoded }) => issued(encoded)
  }
  const [certificate, ...others] = certificates
  if (certificate === undefined || others.length > 0) {
    throw new UsageError('--card-ca: expected one certificate')
  }
  return certificate.publicPoint
}
