import { wipe } from '@sealwright/core/bytes'
import { kcvCmac, withHandle } from '@sealwright/core/crypto'
import { UsageError } from '@sealwright/core/errors'
import {
  type Profile,
  parseSetEntry,
  type SetEntry,
  type Suite,
  serializeSetData,
  suiteRow,
  type WrappedKey,
} from '@sealwright/core/key-download'
import type { LogEntry } from '@sealwright/core/log'
import type { Crypto, Transport } from '@sealwright/core/ports'
import { endChannel, plain } from '../channel/index.ts'
import {
  type DocumentChannel,
  documentHead,
  inDocumentChannel,
  moduleStep,
  readHead,
} from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { type KeptSet, readSet, setKeyNames, writeSet } from './sets.ts'

export interface MakeSetInput {
  /** 0 to 255. */
  readonly set: number
  /** `diversified` unless given. */
  readonly profile?: Profile
  /** A101 unless given; SAS by CMAC only. */
  readonly suite?: Suite
  /** Replaces the keys of a set that is there; the loader keeps the old ones for modules in the field. */
  readonly replace?: boolean
}

export interface MadeSet {
  readonly entry: SetEntry
  /** 1 for the first keys of the set. */
  readonly generation: number
  readonly entries: readonly LogEntry[]
}

/**
 * Makes T and KS of a set in the custodian's vault and enters them into the loader card, over SCP03 under its document key. Broken off,
 * or to be sure, run it again: the same keys are entered, which changes nothing where they are.
 */
export async function makeSet(
  ports: PartyPorts,
  transport: Transport,
  input: MakeSetInput,
): Promise<MadeSet> {
  const kept = await keptSet(ports, input)
  await endChannel(transport)
  const channel = plain(transport)
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'loader set new',
    types: ['set-made'],
    details: { set: kept.set },
    proven: () => documentHead(ports, transport),
    async run() {
      const { serial } = await readHead(channel)
      const entry = await inDocumentChannel(ports, transport, serial, (loader) => enter(ports, loader, kept))
      await writeSet(ports, { ...kept, entered: true })
      return entry
    },
  })
  return { entry: result, generation: kept.generation, entries }
}

/** The keys to be entered: those of a run that was broken off, else new ones. */
async function keptSet(ports: PartyPorts, input: MakeSetInput): Promise<KeptSet> {
  const { set, profile = 'diversified', suite = 0xa101, replace = false } = input
  if (!(set >= 0 && set <= 0xff)) throw new UsageError(`expected a set number of 0 to 255, got ${set}`)
  if (suiteRow(suite).signature !== 'cmac') {
    throw new UsageError('the loader signs keys by CMAC only: choose suite A101 or A201')
  }
  const known = await readSet(ports, set)
  if (known !== undefined && !known.entered) return withKeys(ports, known)
  if (known !== undefined && !replace) {
    if (known.profile === profile && known.suite === suite) return known
    throw new UsageError(
      `there is a set ${set} of another profile or suite: its keys are replaced only on request`,
    )
  }
  const kept: KeptSet = { set, generation: (known?.generation ?? 0) + 1, profile, suite, entered: false }
  // The record first: keys without one would never be found again.
  await writeSet(ports, kept)
  return withKeys(ports, kept)
}

async function withKeys({ vault }: PartyPorts, kept: KeptSet): Promise<KeptSet> {
  for (const name of Object.values(setKeyNames(kept))) {
    if (!(await vault.has(name))) await vault.createSecret(name, suiteRow(kept.suite).keyLength)
  }
  return kept
}

function enter({ crypto, vault }: PartyPorts, loader: DocumentChannel, kept: KeptSet): Promise<SetEntry> {
  const { set, profile, suite } = kept
  const names = setKeyNames(kept)
  return vault.useSecret(names.transport, (transportKey) =>
    vault.useSecret(names.signature, async (signatureKey) => {
      const transport = wrapped(crypto, loader, transportKey)
      const signature = wrapped(crypto, loader, signatureKey)
      const data = serializeSetData({ set, profile, suite, transport, signature })
      return parseSetEntry(await loader.send('MAKE SET', { data }))
    }),
  )
}

/** A key as it travels in the loader's or module's document channel. */
export function wrapped(crypto: Crypto, channel: DocumentChannel, key: Uint8Array): WrappedKey {
  return { cryptogram: channel.wrapKey(key), checkValue: withHandle(crypto.aes(key), kcvCmac) }
}

/** Lends a derived key and wipes it after. */
export async function lendWiped<T>(key: Uint8Array, use: (key: Uint8Array) => Promise<T>): Promise<T> {
  try {
    return await use(key)
  } finally {
    wipe(key)
  }
}
