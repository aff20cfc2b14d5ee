import { concat, encodeHex, wipe } from '@sealwright/core/bytes'
import { keyVersions } from '@sealwright/core/catalog'
import { refuseTestKey } from '@sealwright/core/crypto'
import {
  documentChannelKeys,
  isTestModule,
  parseChipStatus,
  parseModulePapers,
  scp03KeysOf,
  wipeChannelKeys,
} from '@sealwright/core/customization'
import { AuthError, PeerError, RefusedError, StateError, UsageError } from '@sealwright/core/errors'
import type { AesKey, Crypto, Transport } from '@sealwright/core/ports'
import { type Channel, endChannel, openScp03, plain } from '../channel/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { type ProvenHead, provenHead, readHead } from './head.ts'

/** The vault's name for the document key of a module. */
export function documentKeyName(serial: Uint8Array): string {
  return `document/${encodeHex(serial).toLowerCase()}`
}

/** Takes a module's papers: keeps its document key in the vault. Papers with another key than before are a UsageError. */
export async function keepPapers(
  { vault }: PartyPorts,
  papers: Uint8Array,
): Promise<{ readonly serial: Uint8Array; readonly product: string }> {
  const { serial, product, documentKey } = parseModulePapers(papers)
  const name = documentKeyName(serial)
  try {
    if (!(await vault.has(name))) await vault.importSecret(name, documentKey)
    const same = await vault.useSecret(name, (known) => encodeHex(known) === encodeHex(documentKey))
    if (!same) throw new UsageError(`other papers of the module ${encodeHex(serial)} were taken before`)
    return { serial, product }
  } finally {
    wipe(documentKey)
  }
}

/** Event number and chain of the module on this line, told inside SCP03 under its document key. */
export async function documentHead(ports: PartyPorts, transport: Transport): Promise<ProvenHead> {
  const { serial } = await readHead(plain(transport))
  return inDocumentChannel(ports, transport, serial, (channel) =>
    provenHead(channel, ports.entropy.bytes(16)),
  )
}

/** A channel under a module's document key, and what keys for the module travel under. */
export interface DocumentChannel extends Channel {
  /** The module says that it is a test module. */
  readonly testModule: boolean
  /** A key under the channel's DEK: AES-CBC, IV zero. A known test key is a UsageError `test-key`, but for a test module. */
  wrapKey(key: Uint8Array): Uint8Array
  /** A key that came from the module under the channel's DEK. The caller wipes it. */
  unwrapKey(cryptogram: Uint8Array): Uint8Array
}

/**
 * Works in SCP03 under the module's document key, which `keepPapers` has put into the vault, and ends the channel after, so that the
 * module takes plain commands again.
 */
export async function inDocumentChannel<T>(
  { crypto, entropy, vault }: PartyPorts,
  transport: Transport,
  serial: Uint8Array,
  work: (channel: DocumentChannel) => Promise<T>,
): Promise<T> {
  const name = documentKeyName(serial)
  if (!(await vault.has(name))) {
    throw new StateError(`the papers of the module ${encodeHex(serial)} were not taken here`, {
      code: 'papers-missing',
    })
  }
  const keys = await vault.useSecret(name, (documentKey) => channelKeys(crypto, documentKey, serial))
  return inChannel({ crypto, entropy }, transport, serial, keys, work)
}

export interface OwnDocumentKey {
  /** Serial number of the module that it belongs to, 8 bytes. */
  readonly serial: Uint8Array
  /** 16 or 32 bytes; the caller wipes it. */
  readonly documentKey: Uint8Array
}

/** The same under a document key that is at hand and goes into no vault. */
export function underDocumentKey<T>(
  ports: Pick<PartyPorts, 'crypto' | 'entropy'>,
  transport: Transport,
  { serial, documentKey }: OwnDocumentKey,
  work: (channel: DocumentChannel) => Promise<T>,
): Promise<T> {
  return inChannel(ports, transport, serial, channelKeys(ports.crypto, documentKey, serial), work)
}

function channelKeys(crypto: Crypto, documentKey: Uint8Array, serial: Uint8Array) {
  const set = documentChannelKeys(crypto, documentKey, serial)
  try {
    return { ...scp03KeysOf(crypto, set), wrapping: crypto.aes(set.dek) }
  } finally {
    wipeChannelKeys(set)
  }
}

async function inChannel<T>(
  { crypto, entropy }: Pick<PartyPorts, 'crypto' | 'entropy'>,
  transport: Transport,
  serial: Uint8Array,
  keys: ReturnType<typeof channelKeys>,
  work: (channel: DocumentChannel) => Promise<T>,
): Promise<T> {
  try {
    const testModule = await saysTestModule(transport)
    const channel = await proven(
      openScp03(transport, {
        ...{ crypto, entropy, keys, keyVersion: keyVersions.document },
        diversificationData: concat(serial, new Uint8Array(2)),
      }),
    )
    try {
      return await work({
        ...channel,
        testModule,
        wrapKey(key) {
          if (!testModule) refuseTestKey(crypto, key, 'the key for the module')
          return wrap(keys.wrapping, key)
        },
        unwrapKey: (cryptogram) => unwrap(keys.wrapping, cryptogram),
      })
    } finally {
      channel.close()
      await endChannel(transport)
    }
  } finally {
    for (const key of [keys.enc, keys.mac, keys.wrapping]) key[Symbol.dispose]()
  }
}

/**
 * Both sides prove that they know the document key (B11), the module first. Its proof comes before anything but a random challenge was
 * said to it; a wrong one is an AuthError `document-key-unproven`. A module that takes none of ours is a RefusedError `document-key-refused`.
 */
async function proven(opening: Promise<Channel>): Promise<Channel> {
  try {
    return await opening
  } catch (error) {
    if (error instanceof AuthError) {
      throw new AuthError({ code: 'document-key-unproven', details: { proof: "the module's" }, cause: error })
    }
    if (error instanceof RefusedError && proofRefusals.has(error.code)) {
      const { statusWord, message, details } = error
      throw new RefusedError(statusWord, message, {
        code: 'document-key-refused',
        details: { ...details, proof: "this side's" },
      })
    }
    throw error
  }
}

/** Of the cryptogram, and of the MAC over it. */
const proofRefusals: ReadonlySet<string> = new Set([
  'module-authentication-refused',
  'module-security-not-satisfied',
])

/** What the module says of itself: enough to spare a real module a key that it would refuse. */
async function saysTestModule(transport: Transport): Promise<boolean> {
  const { data, sw } = await plain(transport).exchange('CHIP STATUS')
  return sw === 0x9000 && isTestModule(parseChipStatus(data))
}

function wrap(dek: AesKey, key: Uint8Array): Uint8Array {
  return dek.cbcEncrypt(new Uint8Array(16), key)
}

function unwrap(dek: AesKey, cryptogram: Uint8Array): Uint8Array {
  if (cryptogram.length === 0 || cryptogram.length % 16 !== 0) {
    throw new PeerError(`a key under the DEK: expected whole blocks, got ${cryptogram.length} bytes`)
  }
  return dek.cbcDecrypt(new Uint8Array(16), cryptogram)
}
