import { encodeHex, equal } from '@sealwright/core/bytes'
import { encodeCanonical, MapReader } from '@sealwright/core/cbor'
import { diversifyByMac, withHandle } from '@sealwright/core/crypto'
import { AuthError, StateError, UsageError } from '@sealwright/core/errors'
import {
  cmacSignature,
  type DownloadContext,
  type DownloadKeys,
  derivationInput,
  downloadKeys,
  downloadKeysOf,
  type Generation,
  type KeyMessageFile,
  type LoaderKeyEntry,
  type LoaderKeyOrder,
  type LoaderList,
  parseKeyMessage,
  parseKeyReceiptFile,
  parseKeyRequestFile,
  parseLoaderKeyEntry,
  type ReceiptClaim,
  type SetEntry,
  sealKeyUnder,
  serializeKeyMessageFile,
  serializeLoaderKeyEntry,
  serializeLoaderKeyOrder,
  suiteRow,
  verifyReceipt as verifyAcknowledgement,
} from '@sealwright/core/key-download'
import type { KeyVault, PartyPorts } from '../ports/index.ts'
import { lendWiped, type MakeSetInput } from './make-set.ts'
import { type KeptSet, readSet, requireSet, setKeyNames, writeSet } from './sets.ts'
import { unitKeyInside } from './unit-key.ts'

/**
 * The custodian's own vault as the loader, in the place of a loader card: meant for an HSM. T, KS and application keys that are diversified are made
 * there and never leave it; what is made from them for one module and one download passes through the memory of this process and is wiped. PKCS#11 has
 * no mechanism that encrypts a key of the HSM between other fields, so an application key that all modules share must be lent: it lies in a file that
 * only the token opens. Exports and the modules that are served are counted by this program, and nothing keeps the program to it.
 */
export const vaultLoaderLabel =
  'loader keys in the vault: exports and the modules that are served are counted by this program alone; a loader card counts them by itself'

/** Makes T and KS of a set in the vault, or finds the set that is there. `replace` makes new ones, and the former stay for modules that hold them. */
export async function makeVaultSet(ports: PartyPorts, input: MakeSetInput): Promise<SetEntry> {
  const { set, profile = 'diversified', suite = 0xa101, replace = false } = input
  if (!(set >= 0 && set <= 0xff)) throw new UsageError(`expected a set number of 0 to 255, got ${set}`)
  if (suiteRow(suite).signature !== 'cmac') {
    throw new UsageError('the loader signs keys by CMAC only: choose suite A101 or A201')
  }
  const known = await readSet(ports, set)
  if (known !== undefined && (known.profile !== profile || known.suite !== suite)) {
    throw new UsageError(`there is a set ${set} of another profile or suite`)
  }
  const next =
    known === undefined || (replace && known.entered)
      ? { set, generation: (known?.generation ?? 0) + 1, profile, suite, entered: false }
      : known
  // The record first: keys without one would never be found again.
  await writeSet(ports, next)
  for (const name of Object.values(setKeyNames(next))) {
    if (!(await ports.vault.has(name))) {
      await ports.vault.createSecret(name, suiteRow(suite).keyLength, 'mac')
    }
  }
  await writeSet(ports, { ...next, entered: true })
  return setEntry(ports, next, 'present')
}

/** Makes an application key in the vault, or finds the one of the same order. StateError `key-exists` for another order of that reference. */
export async function makeVaultKey(ports: PartyPorts, order: LoaderKeyOrder): Promise<LoaderKeyEntry> {
  const { suite } = await requireSet(ports, order.set)
  const { keyLength, algorithm } = order.attributes
  if (order.source === 0) throw new UsageError('the reference 0 names no key')
  if (![16, 24, 32].includes(keyLength) || algorithm !== 'A') throw new UsageError('expected an AES key')
  if (keyLength > suiteRow(suite).keyLength) {
    throw new UsageError('no key travels under a shorter transport key: choose a shorter one, or suite A201')
  }
  const known = await readKey(ports, order.source)
  if (known !== undefined) {
    // What is left of the exports is no longer what was ordered.
    const same = { ...known, exportsLeft: order.exportsLeft }
    if (equal(serializeLoaderKeyOrder(same), serializeLoaderKeyOrder(order))) return known
    throw new StateError('there is a key with this reference, of another order', { code: 'key-exists' })
  }
  const name = keyName(order.source)
  if (!(await ports.vault.has(name))) {
    await ports.vault.createSecret(name, keyLength, order.diversified ? 'mac' : 'lend')
  }
  const entry = { ...order, checkValue: await checkValue(ports.vault, name) }
  await writeKey(ports, entry)
  return entry
}

/** Sets and application keys, by their check values. */
export async function listVault(ports: PartyPorts): Promise<LoaderList> {
  const keys: LoaderKeyEntry[] = []
  for (const name of await ports.store.list(keysFolder)) {
    const bytes = await ports.store.read(name)
    if (bytes !== undefined) keys.push(parseKeyFile(bytes))
  }
  const sets: SetEntry[] = []
  for (const name of await ports.store.list('sets/')) {
    const kept = await readSet(ports, Number(name.slice('sets/'.length)))
    if (kept?.entered !== true) continue
    sets.push(await setEntry(ports, kept, 'present'))
    if (kept.generation > 1) sets.push(await setEntry(ports, kept, 'previous'))
  }
  return { sets, keys }
}

/**
 * Encrypts the key that a request names, for that module and that request alone. The counter and what is left of the exports are on the disk
 * before anything is encrypted: a run that breaks off has spent one.
 */
export async function exportFromVault(
  ports: PartyPorts,
  {
    request: file,
    generation = 'present',
  }: { readonly request: Uint8Array; readonly generation?: Generation },
): Promise<KeyMessageFile & { readonly file: Uint8Array }> {
  const { crypto, store } = ports
  const request = parseKeyRequestFile(file)
  const entry = await requireKey(ports, request.source)
  const kept = await requireGeneration(ports, entry.set, generation)
  if (entry.exportsLeft === 0 || !serves(entry, request.serial)) {
    throw new StateError(
      `the entry of the key ${keyText(request.source)} does not let the module ${encodeHex(request.serial)} have it`,
      { code: 'loader-key-withheld' },
    )
  }
  const counter = await countExport(ports, entry)
  const context: DownloadContext = { ...request, counter }
  const message = await withDownload(ports, kept, entry, context, async (keys, application) => {
    const ks1 = await unitKeyInside(ports.vault, setKeyNames(kept).signature, {
      suite: kept.suite,
      serial: request.serial,
      label: 'unitSignatureKey',
    })
    return lendWiped(ks1, async (signature) =>
      withHandle(crypto.aes(signature), (key) =>
        sealKeyUnder(keys, {
          suite: kept.suite,
          context,
          attributes: entry.attributes,
          key: application,
          signer: cmacSignature(key),
        }),
      ),
    )
  })
  const answer = { request, message: parseKeyMessage(message) }
  const bytes = serializeKeyMessageFile(answer)
  await store.write(`exports/vault-${String(counter).padStart(10, '0')}`, bytes)
  return { ...answer, file: bytes }
}

/** Checks that a module took the key: its receipt, under the present or previous keys of the set. AuthError when not. */
export async function verifyVaultReceipt(ports: PartyPorts, receipt: Uint8Array): Promise<ReceiptClaim> {
  const claim = parseKeyReceiptFile(receipt)
  const entry = await requireKey(ports, claim.request.source)
  const context: DownloadContext = { ...claim.request, counter: claim.counter }
  const present = await requireSet(ports, entry.set)
  for (const generation of [present.generation, present.generation - 1]) {
    if (generation < 1) continue
    const kept = { ...present, generation }
    const holds = await withDownload(ports, kept, entry, context, async (keys, application) => {
      const own = withHandle(ports.crypto.aes(application), (key) => key.cmac(new Uint8Array(16))).subarray(
        0,
        5,
      )
      return equal(own, claim.checkValue) && verifyAcknowledgement(keys.acknowledgement, context, claim)
    })
    if (!holds) continue
    const serial = encodeHex(context.serial).toLowerCase()
    await ports.store.write(`receipts/${serial}-${String(claim.counter).padStart(8, '0')}`, receipt)
    return claim
  }
  throw new AuthError()
}

/** Lends the keys of one download and the application key, both for one module; all of it is wiped after. */
async function withDownload<T>(
  { crypto, vault }: PartyPorts,
  kept: KeptSet,
  entry: LoaderKeyEntry,
  context: DownloadContext,
  work: (keys: DownloadKeys, application: Uint8Array) => Promise<T>,
): Promise<T> {
  const { suite, profile } = kept
  const { serial } = context
  const { transport } = setKeyNames(kept)
  const derive = (label: 'operationKey' | 'unitTransportKey'): Promise<Uint8Array> =>
    unitKeyInside(vault, transport, { suite, serial, label })
  const keys =
    profile === 'shared'
      ? downloadKeysOf(crypto, await derive('operationKey'), context)
      : await lendWiped(await derive('unitTransportKey'), async (own) =>
          withHandle(crypto.aes(own), (TU) => downloadKeys(crypto, TU, context)),
        )
  try {
    const name = keyName(entry.source)
    if (!entry.diversified) return await vault.useSecret(name, (application) => work(keys, application))
    const own = await diversifyByMac(
      entry.attributes.keyLength as 16 | 24 | 32,
      derivationInput('unitApplicationKey', serial),
      (...parts) => vault.mac(name, ...parts),
    )
    return await lendWiped(own, (application) => work(keys, application))
  } finally {
    keys[Symbol.dispose]()
  }
}

async function countExport(ports: PartyPorts, entry: LoaderKeyEntry): Promise<number> {
  const { store } = ports
  const bytes = await store.read(counterFile)
  const counter = bytes === undefined ? 1 : parseCounterFile(bytes) + 1
  if (counter > 0xffff_ffff) throw new StateError('the counter of exports has ended: make a new set')
  await store.write(counterFile, serializeCounterFile(counter))
  if (entry.exportsLeft !== undefined) {
    await writeKey(ports, { ...entry, exportsLeft: entry.exportsLeft - 1 })
  }
  return counter
}

async function requireGeneration(ports: PartyPorts, set: number, generation: Generation): Promise<KeptSet> {
  const kept = await requireSet(ports, set)
  const number = generation === 'present' ? kept.generation : kept.generation - 1
  if (number >= 1) return { ...kept, generation: number }
  throw new StateError(`the set ${set} has no previous keys`, { code: 'loader-key-missing' })
}

async function setEntry(ports: PartyPorts, kept: KeptSet, generation: Generation): Promise<SetEntry> {
  const number = generation === 'present' ? kept.generation : kept.generation - 1
  const { transport, signature } = setKeyNames({ ...kept, generation: number })
  return {
    set: kept.set,
    generation,
    profile: kept.profile,
    suite: kept.suite,
    transportCheck: await checkValue(ports.vault, transport),
    signatureCheck: await checkValue(ports.vault, signature),
  }
}

/** CMAC over a block of zeros, 5 bytes. */
async function checkValue(vault: KeyVault, name: string): Promise<Uint8Array> {
  return (await vault.mac(name, new Uint8Array(16))).slice(0, 5)
}

function serves({ modules }: LoaderKeyEntry, serial: Uint8Array): boolean {
  return modules.serials.some((one) => equal(one, serial)) === (modules.rule === 'only')
}

async function requireKey(ports: PartyPorts, source: number): Promise<LoaderKeyEntry> {
  const entry = await readKey(ports, source)
  if (entry !== undefined) return entry
  throw new StateError(`there is no key ${keyText(source)} in the vault`, { code: 'loader-key-missing' })
}

async function readKey({ store }: PartyPorts, source: number): Promise<LoaderKeyEntry | undefined> {
  const bytes = await store.read(`${keysFolder}${keyText(source).toLowerCase()}`)
  return bytes && parseKeyFile(bytes)
}

async function writeKey({ store }: PartyPorts, entry: LoaderKeyEntry): Promise<void> {
  await store.write(`${keysFolder}${keyText(entry.source).toLowerCase()}`, serializeKeyFile(entry))
}

/** The entry of an application key in the vault. */
export function serializeKeyFile(entry: LoaderKeyEntry): Uint8Array {
  return encodeCanonical({ v: 1, format: 'sealwright loader key', entry: serializeLoaderKeyEntry(entry) })
}

export function parseKeyFile(bytes: Uint8Array): LoaderKeyEntry {
  const r = MapReader.of(bytes, 'loader key')
  r.begin('loader key')
  const entry = parseLoaderKeyEntry(r.bytes('entry'))
  r.end()
  return entry
}

/** XCTR as it was used last. */
export function serializeCounterFile(counter: number): Uint8Array {
  return encodeCanonical({ v: 1, format: 'sealwright export counter', counter })
}

export function parseCounterFile(bytes: Uint8Array): number {
  const r = MapReader.of(bytes, 'export counter')
  r.begin('export counter')
  const counter = r.uint('counter')
  r.end()
  return counter
}

function keyText(source: number): string {
  return source.toString(16).toUpperCase().padStart(8, '0')
}

const keyName = (source: number): string => `keys/${keyText(source).toLowerCase()}`
const keysFolder = 'loader-keys/'
const counterFile = 'export-counter'
