import {
  type LentScp03Options,
  openScp03 as open,
  openLentScp03 as openLent,
  type Scp03HostOptions,
} from '@sealwright/core/channel/scp03'
import type { Crypto, Entropy, Transport } from '@sealwright/core/ports'
import { type Channel, channelOver } from './channel.ts'
import { explained } from './refused.ts'

export interface Scp03Input {
  readonly crypto: Crypto
  readonly entropy: Entropy
  /** Static keys as handles: `enc` and `mac` stay the caller's, the channel owns `dek`. */
  readonly keys: Scp03HostOptions['keys']
  /** See `keyVersions` in the catalog. */
  readonly keyVersion: number
  /** 33 unless given. */
  readonly level?: Scp03HostOptions['level']
  /** What the module must say of itself, 10 bytes: our own channels' serial(8) ‖ 0000. Not compared unless given. */
  readonly diversificationData?: Uint8Array
}

/** Opens SCP03 (S8). A refusal is a RefusedError, keys that do not match an AuthError. */
export async function openScp03(transport: Transport, input: Scp03Input): Promise<Channel> {
  const { entropy, keys, keyVersion, crypto, level = 0x33, diversificationData } = input
  const hostChallenge = entropy.bytes(8)
  const session = await explained(
    'INITIALIZE UPDATE / EXTERNAL AUTHENTICATE',
    open(transport, {
      ...{ crypto, keys, keyVersion, level, hostChallenge },
      ...(diversificationData === undefined ? {} : { diversificationData }),
    }),
  )
  return channelOver('scp03', transport, session)
}

/** Opens SCP03 at level 33 with session keys that another derives. Refusals as above; what that other one throws comes through. */
export async function openLentScp03(
  transport: Transport,
  input: Pick<LentScp03Options, 'crypto' | 'hostChallenge' | 'keyVersion' | 'sessionKeys'>,
): Promise<Channel> {
  const session = await explained(
    'INITIALIZE UPDATE / EXTERNAL AUTHENTICATE',
    openLent(transport, { ...input, level: 0x33 }),
  )
  return channelOver('scp03', transport, session)
}
