import { kcvCmac, refuseTestKey, withHandle } from '@sealwright/core/crypto'
import { type Profile, serializeTransportKeyData, transportModes } from '@sealwright/core/key-download'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { endChannel, plain } from '../channel/index.ts'
import {
  type DocumentChannel,
  documentHead,
  inDocumentChannel,
  moduleStep,
  readHead,
} from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { lendWiped, wrapped } from './make-set.ts'
import { type KeptSet, requireSet, setKeyNames } from './sets.ts'
import { staysInside, unitKeyInside } from './unit-key.ts'

export interface InstallInput {
  readonly set: number
  /** The key waits beside the present one until the first download under it. */
  readonly next?: boolean
}

export interface Installed {
  readonly serial: Uint8Array
  readonly profile: Profile
  /** Of the key that now lies in the module: T or TU. */
  readonly checkValue: Uint8Array
  readonly entries: readonly LogEntry[]
}

/**
 * Puts the transport key of a set into a module, over SCP03 under that module's document key: TU, or T itself in profile `shared`; and
 * KS1, which checks SAS. Run again, it leaves the same keys. What is made for one module is made where T and KS lie; T of profile `shared` must be
 * lent for it (StateError `key-stays-inside` where it stays in a token).
 */
export async function installTransportKey(
  ports: PartyPorts,
  transport: Transport,
  { set, next = false }: InstallInput,
): Promise<Installed> {
  const kept = await requireSet(ports, set)
  await endChannel(transport)
  const channel = plain(transport)
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'module install-t',
    types: ['transport-key-installed'],
    details: { set },
    proven: () => documentHead(ports, transport),
    async run() {
      const { serial } = await readHead(channel)
      const checkValue = await inDocumentChannel(ports, transport, serial, (module) =>
        install(ports, module, kept, serial, next),
      )
      return { serial, profile: kept.profile, checkValue }
    },
  })
  return { ...result, entries }
}

async function install(
  { crypto, vault }: PartyPorts,
  module: DocumentChannel,
  kept: KeptSet,
  serial: Uint8Array,
  next: boolean,
): Promise<Uint8Array> {
  const { profile, suite } = kept
  const names = setKeyNames(kept)
  // Who knows T or KS knows what is made from them for each module. One that stays in a token was made there, by chance.
  const requireOwn = async (name: string, what: string): Promise<void> => {
    if (module.testModule || (await staysInside(vault, name))) return
    await vault.useSecret(name, (key) => refuseTestKey(crypto, key, what))
  }
  await requireOwn(names.transport, 'T of the set')
  await requireOwn(names.signature, 'KS of the set')
  const own =
    profile === 'shared'
      ? await vault.useSecret(names.transport, (key) => key.slice())
      : await unitKeyInside(vault, names.transport, { suite, serial, label: 'unitTransportKey' })
  return lendWiped(own, async (transportKey) => {
    const ks1 = await unitKeyInside(vault, names.signature, { suite, serial, label: 'unitSignatureKey' })
    return lendWiped(ks1, async (signatureKey) => {
      const data = serializeTransportKeyData({
        ...{ profile, suite },
        transport: wrapped(crypto, module, transportKey),
        signature: { wrapped: wrapped(crypto, module, signatureKey) },
      })
      const p1 = next ? transportModes.next : transportModes.replace
      await module.send('PUT TRANSPORT KEY', { p1, data })
      return withHandle(crypto.aes(transportKey), kcvCmac)
    })
  })
}
