import { channelKeys, dataTags } from '@sealwright/core/catalog'
import {
  type ExchangeHostOptions,
  openDhSigned as openDh,
  openSignedKey as openSigned,
  openEphemeral as openUnauthenticated,
  type ProvingHostOptions,
} from '@sealwright/core/channel/general-authenticate'
import type { HostSession } from '@sealwright/core/channel/secure-messaging'
import type { Crypto, Entropy, Transport } from '@sealwright/core/ports'
import type { KeyVault } from '../ports/index.ts'
import { type Channel, channelOver } from './channel.ts'
import { explained } from './refused.ts'
import { freshScalar, readIdentification } from './scp11.ts'

export interface EphemeralInput {
  readonly crypto: Crypto
  readonly entropy: Entropy
  /** SIN and SDIN, 8 bytes each; read from the module unless given. */
  readonly issuer?: Uint8Array
  readonly serial?: Uint8Array
}

export interface SignedInput extends EphemeralInput {
  /** The module's public point and certificate as GET DATA shows it, checked by the caller. */
  readonly module: ProvingHostOptions['module']
  /** Where the host's own pair lies, and its name there. */
  readonly vault: KeyVault
  readonly keyName: string
  /** An A0 object that names the host (`serializeIdentification`), where the module does not know it. */
  readonly identification?: Uint8Array
  /** The resource of a supplier; personalization unless given. */
  readonly resource?: number
}

/**
 * Opens a channel in which nobody has proven anything: it keeps out who only listens, not who stands between. A refusal is a RefusedError, a
 * wrong code an AuthError; so in the others.
 */
export async function openEphemeral(transport: Transport, input: EphemeralInput): Promise<Channel> {
  const options = await exchangeOptions(transport, input, 0x01, channelKeys.ephemeral)
  return over('ephemeral', transport, openUnauthenticated(transport, options))
}

/** Opens a channel by Diffie-Hellman first, then signatures of both over what was exchanged. */
export async function openDhSigned(transport: Transport, input: SignedInput): Promise<Channel> {
  const options = await provingOptions(transport, input, 'dh-signed')
  return over('dh-signed', transport, openDh(transport, options))
}

/** Opens a channel by signatures of both first, then the key that they bound. */
export async function openSignedKey(transport: Transport, input: SignedInput): Promise<Channel> {
  const options = await provingOptions(transport, input, 'signed-key')
  return over('signed-key', transport, openSigned(transport, options))
}

async function over(
  kind: Channel['kind'],
  transport: Transport,
  session: Promise<HostSession>,
): Promise<Channel> {
  return channelOver(kind, transport, await explained('GENERAL AUTHENTICATE', session))
}

async function provingOptions(
  transport: Transport,
  input: SignedInput,
  form: 'dh-signed' | 'signed-key',
): Promise<ProvingHostOptions> {
  const { vault, keyName, module, identification, resource } = input
  const point = await vault.publicPoint(keyName)
  const whose = resource === undefined ? 'unit' : 'supplier'
  return {
    ...(await exchangeOptions(transport, input, resource ?? 0x01, channelKeys[`${whose}-${form}`])),
    module,
    resource: resource ?? 0,
    host: {
      point,
      sign: (...parts) => vault.sign(keyName, ...parts),
      ...(identification === undefined ? {} : { identification }),
    },
  }
}

async function exchangeOptions(
  transport: Transport,
  { crypto, entropy, issuer, serial }: EphemeralInput,
  p1: number,
  p2: number,
): Promise<ExchangeHostOptions> {
  return {
    ...{ crypto, p1, p2 },
    sin: issuer ?? (await readIdentification(transport, dataTags.issuer)),
    serial: serial ?? (await readIdentification(transport, dataTags.serial)),
    ephemeralScalar: freshScalar(crypto, entropy),
  }
}
