import { wipe } from '@sealwright/core/bytes'
import { channelKeys, dataTags } from '@sealwright/core/catalog'
import { hostIdOf, openScp11, type Scp11HostOptions } from '@sealwright/core/channel/scp11'
import { privateScalar, withHandle } from '@sealwright/core/crypto'
import type { Crypto, Entropy, Transport } from '@sealwright/core/ports'
import type { KeyVault } from '../ports/index.ts'
import { type Channel, channelOver, plain } from './channel.ts'
import { explained } from './refused.ts'

export interface Scp11bInput {
  readonly crypto: Crypto
  readonly entropy: Entropy
  /** The module's public point, from a certificate that the caller has checked. */
  readonly modulePoint: Uint8Array
  /** P2: the identity key unless given (`channelKeys`). */
  readonly keyId?: number
  /** P1: 1 unless given. */
  readonly keyVersion?: number
  /** SIN and SDIN, 8 bytes each; read from the module unless given (a wrong one fails the key agreement). */
  readonly issuer?: Uint8Array
  readonly serial?: Uint8Array
}

export interface Scp11aInput extends Scp11bInput {
  /** Where the host's own pair lies, and its name there. */
  readonly vault: KeyVault
  readonly keyName: string
  /** An A0 object that names the host, where the module does not know it (`serializeIdentification`). */
  readonly identification?: Uint8Array
}

/** Opens SCP11b: the module proves who it is. A refusal is a RefusedError, a wrong proof an AuthError. */
export async function openScp11b(transport: Transport, input: Scp11bInput): Promise<Channel> {
  const { crypto, entropy, keyId = channelKeys.identity } = input
  const ephemeralScalar = freshScalar(crypto, entropy)
  // There is no static key of the host: its id is that of the ephemeral one.
  const hostId = withHandle(crypto.ecPrivateKey(ephemeralScalar), ({ publicPoint }) =>
    hostIdOf(crypto, publicPoint),
  )
  return openWith(transport, input, { variant: 'b', keyId, ephemeralScalar }, hostId)
}

/** Opens SCP11a: module and host prove who they are. For the central system unless another key id is given. */
export async function openScp11a(transport: Transport, input: Scp11aInput): Promise<Channel> {
  const { crypto, entropy, vault, keyName, modulePoint, keyId = channelKeys.central, identification } = input
  const point = await vault.publicPoint(keyName)
  const staticSecret = await vault.agree(keyName, modulePoint)
  const ephemeralScalar = freshScalar(crypto, entropy)
  try {
    const ownKey = { point, staticSecret }
    return await openWith(
      transport,
      input,
      {
        ...{ variant: 'a', keyId, ephemeralScalar, ownKey },
        ...(identification === undefined ? {} : { identification }),
      },
      hostIdOf(crypto, identification ?? point),
    )
  } finally {
    wipe(staticSecret, ephemeralScalar)
  }
}

async function openWith(
  transport: Transport,
  input: Scp11bInput,
  options: Pick<Scp11HostOptions, 'variant' | 'keyId' | 'ephemeralScalar' | 'ownKey' | 'identification'>,
  hostId: Uint8Array,
): Promise<Channel> {
  const { crypto, modulePoint, keyVersion = 1 } = input
  const identities = {
    sin: input.issuer ?? (await readIdentification(transport, dataTags.issuer)),
    sdin: input.serial ?? (await readIdentification(transport, dataTags.serial)),
  }
  const command = options.variant === 'b' ? 'INTERNAL AUTHENTICATE' : 'MUTUAL AUTHENTICATE'
  const moduleKey = crypto.ecPublicKey(modulePoint)
  try {
    const session = await explained(
      command,
      openScp11(transport, { crypto, keyVersion, moduleKey, binding: { hostId, identities }, ...options }),
    )
    return channelOver(options.variant === 'b' ? 'scp11b' : 'scp11a', transport, session)
  } finally {
    moduleKey[Symbol.dispose]()
  }
}

/** The value of a data object that must be there. */
export function readIdentification(transport: Transport, tag: number): Promise<Uint8Array> {
  return plain(transport).send('GET DATA', { p1: tag >>> 8, p2: tag & 0xff })
}

/** A private scalar of fresh random bytes; the taker wipes it. */
export function freshScalar(crypto: Crypto, entropy: Entropy): Uint8Array {
  const random = entropy.bytes(48)
  const scalar = privateScalar(crypto, random)
  wipe(random)
  return scalar
}
