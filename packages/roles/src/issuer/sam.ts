import { encodeHex, equal, wipe } from '@sealwright/core/bytes'
import { dataTags, keyVersions } from '@sealwright/core/catalog'
import { type InitializeUpdateAnswer, sessionKeysOf } from '@sealwright/core/channel/scp03'
import type { SessionKeys } from '@sealwright/core/channel/secure-messaging'
import {
  type IdentityRequest,
  parseCustomizationKeyEnvelope,
  parseSamState,
  parseSealedCustomizationKey,
  type SamState,
  type SealedCustomizationKey,
  serializeIdentityRequest,
  serializeSessionLimit,
  serializeSessionRequest,
} from '@sealwright/core/customization'
import { PeerError, RefusedError, StateError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { type Channel, endChannel, openLentScp03, plain } from '../channel/index.ts'
import {
  type DocumentChannel,
  documentHead,
  inDocumentChannel,
  moduleStep,
  readData,
  readHead,
} from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { envelopeName } from './masks.ts'

export interface MadeSam extends SamState {
  /** 8 bytes. */
  readonly serial: Uint8Array
  /** False: its master key was made before. */
  readonly made: boolean
  readonly entries: readonly LogEntry[]
}

/**
 * Has a SAM make its master key, which never leaves it. Once in its life: asked again the SAM says how it stands, and a limit that differs
 * from what was asked for the first time is not taken.
 * @param sessions how many sessions with chips it may ever open; undefined: without limit
 */
export async function makeSam(
  ports: PartyPorts,
  transport: Transport,
  { sessions }: { readonly sessions?: number } = {},
): Promise<MadeSam> {
  await endChannel(transport)
  const channel = plain(transport)
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'issuer sam new',
    types: ['master-key-made'],
    proven: () => documentHead(ports, transport),
    async run() {
      const { serial } = await readHead(channel)
      const state = await inDocumentChannel(ports, transport, serial, async (sam) =>
        parseSamState(await sam.send('MAKE MASTER KEY', { data: serializeSessionLimit(sessions) })),
      )
      return { serial, ...state }
    },
  })
  return { ...result, made: entries.length > 0, entries }
}

/** A step in a SAM's document channel; what the SAM did goes to the outbox, whatever becomes of the work. */
async function samStep<T>(
  ports: PartyPorts,
  sam: Transport,
  name: string,
  work: (channel: DocumentChannel, serial: Uint8Array) => Promise<T>,
): Promise<T> {
  const channel = plain(sam)
  const { result } = await moduleStep(ports, channel, {
    name,
    types: ['customization-key-sealed', 'session-keys-given'],
    proven: () => documentHead(ports, sam),
    async run() {
      const { serial } = await readHead(channel)
      return { done: await inDocumentChannel(ports, sam, serial, (inside) => work(inside, serial)) }
    },
  })
  return result.done
}

/**
 * The customization key of a chip as its SAM sealed it, for PUT CUSTOMIZATION KEY. The first one is kept, so that a step that is run again
 * gives the chip the same key. Nobody but SAM and chip can read it.
 */
export async function customizationKeyFor(
  ports: PartyPorts,
  sam: Transport,
  request: IdentityRequest,
): Promise<Uint8Array> {
  await endChannel(sam)
  const { serial } = await readHead(plain(sam))
  const name = envelopeName(request.serial, ports.crypto.sha256(serial, request.point))
  const kept = await ports.store.read(name)
  if (kept !== undefined) return kept
  const envelope = await samStep(ports, sam, 'issuer customize', (channel) =>
    channel.send('SEAL CUSTOMIZATION KEY', { data: serializeIdentityRequest(request) }).catch((error) => {
      throw explained(error, serial)
    }),
  )
  const { sealed } = parseCustomizationKeyEnvelope(envelope)
  if (!equal(sealed.sam, serial)) throw new PeerError('the SAM sealed the key in the name of another one')
  await ports.store.write(name, envelope)
  return envelope
}

/** What a chip in user mode says to whoever wants to customize it; a StateError when its product does not take it. */
export async function readSealedKey(chip: Channel): Promise<SealedCustomizationKey> {
  const sealed = await readData(chip, dataTags.sealedCustomizationKey)
  if (sealed === undefined) {
    throw new StateError('the module takes no later customization: its product was made without', {
      code: 'later-customization-off',
    })
  }
  return parseSealedCustomizationKey(sealed)
}

/**
 * Works in the channel for later customization of a chip, whose session keys a SAM gives, and ends it after. The right SAM is made sure of before
 * either is asked for anything.
 */
export async function inLaterChannel<T>(
  ports: PartyPorts,
  transport: Transport,
  { sam, serial }: { readonly sam: Transport; readonly serial: Uint8Array },
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  const sealed = await readSealedKey(plain(transport))
  await endChannel(sam)
  const { serial: own } = await readHead(plain(sam))
  if (!equal(own, sealed.sam)) {
    const needed = encodeHex(sealed.sam)
    throw new StateError(`the SAM ${needed} opens this module, and the one here is ${encodeHex(own)}`, {
      code: 'sam-differs',
      details: { needed },
    })
  }
  return samStep(ports, sam, 'issuer later-customize', async (inside) => {
    const refusedBySam = (error: unknown): never => {
      throw explained(error, own)
    }
    const hostChallenge = await inside.send('BEGIN SESSION').catch(refusedBySam)
    const channel = await openLentScp03(transport, {
      ...{ crypto: ports.crypto, hostChallenge, keyVersion: keyVersions['later-customization'] },
      sessionKeys: (answer) => sessionFrom(ports, inside, { serial, sealed }, answer).catch(refusedBySam),
    })
    try {
      return await work(channel)
    } finally {
      channel.close()
      await endChannel(transport)
    }
  })
}

async function sessionFrom(
  { crypto }: PartyPorts,
  sam: DocumentChannel,
  chip: { readonly serial: Uint8Array; readonly sealed: SealedCustomizationKey },
  { cardChallenge, cardCryptogram }: InitializeUpdateAnswer,
): Promise<SessionKeys> {
  const data = serializeSessionRequest({ ...chip, cardChallenge, cardCryptogram })
  const keys = sam.unwrapKey(await sam.send('SESSION KEYS', { data }))
  try {
    if (keys.length !== 96) throw new PeerError(`the SAM gave ${keys.length} bytes of keys, expected 96`)
    const [enc, mac, rmac] = [0, 32, 64].map((at) => keys.subarray(at, at + 32)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ]
    return sessionKeysOf(crypto, { enc, mac, rmac })
  } finally {
    wipe(keys)
  }
}

/** Why a SAM does not do it, in terms of what can be done. */
function explained(error: unknown, serial: Uint8Array): unknown {
  if (!(error instanceof RefusedError)) return error
  const sam = encodeHex(serial)
  if (error.code === 'module-instruction-not-supported') {
    return new StateError(`the module ${sam} is no SAM`, { code: 'sam-not-ready', cause: error })
  }
  if (error.code === 'module-conditions-not-satisfied') {
    const message = `the SAM ${sam} gives nothing: it has no master key, no session left, or another test mark than the module`
    return new StateError(message, { code: 'sam-not-ready', cause: error })
  }
  if (error.code === 'module-security-not-satisfied') {
    const message = `the SAM ${sam} did not seal the key of this module, or something between changed what they said`
    return new StateError(message, { code: 'sam-key-refused', cause: error })
  }
  return error
}
